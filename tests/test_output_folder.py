"""Where results go: beside what was read, or where a person says; a folder that can't take them is refused at once."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import refusal

CHECKPOINT = "model_latent_size_8.pth"


@pytest.fixture
def run_folder(trained, tmp_path) -> Path:
    """A copy of a training in ``runs/digits``, in a folder with nothing else."""
    folder = tmp_path / "runs" / "digits"
    folder.mkdir(parents=True)
    for name in (CHECKPOINT, "model_latent_size_2.pth", "test_data.pth", "metrics_training.json", "training_log.jsonl"):
        shutil.copy(trained / name, folder)
    return folder


def made(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("command", "result"),
    [
        (["viz_reconstruction.py", "--model_path", f"runs/digits/{CHECKPOINT}"], "reconstructions_latent_size_8.png"),
        (["viz_reconstruction.py", "--latent_size", 8, "--output_dir", "runs/digits"],
         "reconstructions_latent_size_8.png"),
        (["encode_latent_space.py", "--model_path", f"runs/digits/{CHECKPOINT}", "--num_samples", 50],
         "latent_space_size_8.npy"),
        (["viz_training.py", "--runs", "runs/digits"], "training_compared.png"),
        (["evaluate.py", "--model_path", f"runs/digits/{CHECKPOINT}", "--seeds", 1, "--num_fit", 100],
         "metrics.json"),
        (["generate_images.py", "traverse", "--model_path", f"runs/digits/{CHECKPOINT}"],
         "traversal_latent_size_8.png"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_results_lie_beside_what_was_read(forked, run_folder, tmp_path, command, result):
    done = forked.run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (run_folder / result).exists()
    assert not (tmp_path / "output").exists()
    assert f"saved runs/digits/{result}" in done.stdout


def test_latents_name_the_folder_of_what_is_made_of_them(forked, run_folder, tmp_path):
    command = ["encode_latent_space.py", "--model_path", f"runs/digits/{CHECKPOINT}", "--num_samples", 50]
    assert forked.run(*command, "--output_dir", "elsewhere", cwd=tmp_path).returncode == 0
    latents = ["--latent_space", "elsewhere/latent_space_size_8.npy"]
    assert forked.run("viz_latent_space.py", *latents, "--vis_type", "pca", cwd=tmp_path).returncode == 0
    assert (tmp_path / "elsewhere" / "latent_space_size_8_pca.png").exists()
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("here", [".", "./", "../here"])
def test_the_folder_that_one_is_in_serves_from_the_training_to_the_page(forked, tmp_path, here):
    (tmp_path / "here").mkdir()
    into, cwd = ["--output_dir", here], tmp_path / "here"
    training = ["train.py", "--dataset", "digits", "--latent_size", 2, "--num_epochs", 1, "--max_train", 60]
    for command in (
        [*training, *into],
        ["viz_reconstruction.py", "--latent_size", 2, *into],
        ["encode_latent_space.py", "--latent_size", 2, "--num_samples", 20, *into],
        ["viz_latent_space.py", "--latent_size", 2, *into],
        ["viz_training.py", "--runs", here],
        ["report.py", *into],
    ):
        done = forked.run(*command, cwd=cwd)
        assert done.returncode == 0, (command, done.stderr)
    assert (cwd / "report.html").exists()


def test_a_tilde_is_the_home_folder(forked, run_folder, tmp_path):
    (tmp_path / "home").mkdir()
    shutil.move(tmp_path / "runs", tmp_path / "home" / "runs")
    command = ["viz_reconstruction.py", "--model_path", f"~/runs/digits/{CHECKPOINT}", "--output_dir", "~/figures"]
    done = forked.run(*command, cwd=tmp_path, HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "home" / "figures" / "reconstructions_latent_size_8.png").exists()
    assert not (tmp_path / "~").exists()
    sentence = refusal(forked.run("train.py", "--latent_size", 2, "--dataset", "~nobody_here/x", cwd=tmp_path))
    assert "no such person" in sentence


@pytest.mark.parametrize(
    "command",
    [
        ["train.py", "--latent_size", 2, "--dataset", "digits", "--output_dir="],
        ["train.py", "--latent_size", 2, "--dataset", "digits", "--data_dir="],
        ["train.py", "--latent_size", 2, "--dataset="],
        ["train.py", "--resume="],
        ["viz_reconstruction.py", "--model_path="],
        ["viz_reconstruction.py", "--latent_size", 2, "--test_data="],
        ["viz_latent_space.py", "--latent_space="],
        ["viz_kmeans_latent_space.py", "--latent_size", 2, "--assign="],
        ["viz_training.py", "--runs="],
        ["encode_latent_space.py", "--latent_size", 2, "--images="],
        ["sweep_latent_size.py", "--model_path="],
    ],
    ids=lambda command: f"{command[0]} {command[-1]}",
)
def test_an_empty_path_is_refused(forked, tmp_path, command):
    assert "an empty path" in refusal(forked.run(*command, cwd=tmp_path))
    assert made(tmp_path) == set()


@pytest.mark.parametrize("place", ["file", "file/below", "dangling"])
def test_a_folder_that_is_none_is_refused_before_any_work(forked, tmp_path, place):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    done = forked.run("viz_dataset.py", "--dataset", "digits", "--output_dir", place, cwd=tmp_path)
    assert "--output_dir" in refusal(done)
    assert done.stdout == ""
    assert (tmp_path / "file").read_text() == "kept"


def test_where_nothing_is_read_and_nothing_said_it_is_output(forked, tmp_path, data_dir):
    brief = ["--dataset", "digits", "--latent_size", 2, "--num_epochs", 1, "--max_train", 100, "--data_dir", data_dir]
    done = forked.run("train.py", *brief, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output" / "model_latent_size_2.pth").exists()
    done = forked.run("train.py", "--resume", "--num_epochs", 2, "--data_dir", data_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
