"""What the page says before its numbers is what the training said of its split, with the same number."""

from pathlib import Path

from run.artefacts import read_json
from stages.report.warnings import warnings_of
from tests.conftest import ROOT


def test_the_page_says_no_less_of_the_split_than_the_training(forked, tmp_path: Path):
    done = forked.run("train.py", "--dataset", "digits", "--latent_size", 2, "--num_epochs", 1, "--max_test", 60,
                      "--max_train", 200, "--output_dir", tmp_path, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stderr
    notes = read_json(tmp_path / "metrics_training.json")["split_notes"]
    assert any("an accuracy is known to about 13 points either way" in note for note in notes)
    assert all(note in done.stdout for note in notes)
    warnings = read_json(tmp_path / "metrics_training.json")["warnings"]
    assert "hardly begun to learn" in warnings[0]  # 200 images, once: of its curves, too, the page says the same
    assert warnings[0] in done.stderr
    page = forked.run("report.py", "--output_dir", tmp_path, cwd=ROOT)
    assert page.returncode == 0, page.stderr
    written = (tmp_path / "report.html").read_text()
    assert "an accuracy is known to about 13 points either way" in written
    assert "hardly begun to learn" in written
    assert "still getting better" not in written


def test_notes_of_a_split_are_sentences_and_come_first():
    training = {"split_notes": ["data leakage: 3 of 9 test images are nearly the same as one trained on", 7, ""]}
    training["warnings"] = ["bottleneck 2 overfits"]
    leak = "Data leakage: 3 of 9 test images are nearly the same as one trained on."
    assert warnings_of(training) == [leak, "Bottleneck 2 overfits."]
    assert warnings_of({"split_notes": "none"}) == warnings_of({}) == []
