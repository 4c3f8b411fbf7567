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
    page = forked.run("report.py", "--output_dir", tmp_path, cwd=ROOT)
    assert page.returncode == 0, page.stderr
    written = (tmp_path / "report.html").read_text()
    assert "an accuracy is known to about 13 points either way" in written
    assert "uncertain by" not in written


def test_notes_of_a_split_are_sentences_and_come_first():
    training = {"split_notes": ["data leakage: 3 of 9 test images are nearly the same as one trained on", 7, ""]}
    assert warnings_of(training, []) == ["Data leakage: 3 of 9 test images are nearly the same as one trained on."]
    assert warnings_of({"split_notes": "none"}, []) == warnings_of({}, []) == []
