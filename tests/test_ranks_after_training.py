"""Several processes encode, and compare sizes, to the bytes of one; killed ones leave nothing."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.launching import free_port, launched, said, together

CHECKPOINT = "output/model_latent_size_3.pth"


@pytest.fixture(scope="module")
def trained_by_one(forked, tmp_path_factory) -> Path:
    """The folder of a training of one size."""
    folder = tmp_path_factory.mktemp("one")
    words = ["--dataset", "digits", "--latent_size", 3, "--only_named", "--num_epochs", 1, "--max_train", 45]
    done = forked.run("train.py", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("size", [2, 5])
def test_encoding_by_several_is_that_of_one(forked, tmp_path, trained_by_one, trained_without_classes, size):
    network = ["--model_path", trained_by_one / CHECKPOINT, "--test_data", trained_by_one / "output/test_data.pth"]
    for images in ([], ["--images", trained_without_classes / "images"]):
        words = [*network, "--num_samples", 7, *images, "--output_dir", "output"]
        for folder in ("one", "several"):
            (tmp_path / folder).mkdir(exist_ok=True)
        one = forked.run("encode_latent_space.py", *words, cwd=tmp_path / "one")
        assert one.returncode == 0, one.stderr
        done = together(forked, tmp_path / "several", *words, size=size, script="encode_latent_space.py")
        assert [each.returncode for each in done] == [0] * size, [each.stderr for each in done]
        assert done[0].stdout == one.stdout
    paths = sorted(
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one/output").rglob("*") if path.is_file()
    )
    assert len(paths) == 5
    for path in paths:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "several" / path).read_bytes(), path


def test_encoding_with_one_process_killed_leaves_nothing(forked, tmp_path, trained_by_one):
    network = ["--model_path", trained_by_one / CHECKPOINT, "--test_data", trained_by_one / "output/test_data.pth"]
    words = [*network, "--output_dir", "output"]
    faults = {1: {"at": 0, "how": "kill"}}  # in the middle of writing its rows
    done = together(forked, tmp_path, *words, script="encode_latent_space.py", faults=faults)
    assert [each.returncode for each in done] == [2, -signal.SIGKILL], [each.stderr for each in done]
    assert "one of the 2 processes was killed" in said(done)[0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def of_three_sizes(forked, tmp_path_factory) -> Path:
    """The folder of a training of three sizes."""
    folder = tmp_path_factory.mktemp("sizes")
    words = ["--dataset", "digits", "--latent_size", 2, 4, 8, "--num_epochs", 1, "--max_train", 200]
    done = forked.run("train.py", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "output"


@pytest.mark.parametrize("size", [2, 3])
def test_a_sweep_by_several_is_that_of_one(forked, tmp_path, of_three_sizes, size):
    """Each process measures some of the sizes and spaces; the tables, answers and figures are the same bytes."""
    for folder in ("one", "several"):
        (tmp_path / folder).mkdir()
        shutil.copytree(of_three_sizes, tmp_path / folder / "output")
    one = forked.run("sweep_latent_size.py", cwd=tmp_path / "one")
    assert one.returncode == 0, one.stderr
    done = together(forked, tmp_path / "several", size=size, script="sweep_latent_size.py")
    assert [each.returncode for each in done] == [0] * size, [each.stderr for each in done]
    assert done[0].stdout == one.stdout
    for name in ("sweep.csv", "sweep.json", "sweep.png", "sweep_reconstructions.png"):
        assert (tmp_path / "one/output" / name).read_bytes() == (tmp_path / "several/output" / name).read_bytes(), name
    spoken = [line for line in done[0].stderr.splitlines() if line.startswith("reconstructing by bottleneck")]
    assert len(spoken) == -(-3 // size)  # the first measures some of the three


def test_a_sweep_ends_when_one_process_is_killed(forked, tmp_path, of_three_sizes):
    shutil.copytree(of_three_sizes, tmp_path / "output")
    before = sorted(path.name for path in (tmp_path / "output").iterdir())
    port = free_port()
    children = [forked.start("sweep_latent_size.py", cwd=tmp_path, **launched(rank, 2, port)) for rank in range(2)]
    children[0].until(lambda: "telling classes apart" in children[0].said())
    children[1].send(signal.SIGKILL)
    done = [child.wait(60) for child in children]
    assert [each.returncode for each in done] == [2, -signal.SIGKILL], [each.stderr for each in done]
    assert "one of the 2 processes was killed" in said(done)[0]
    assert sorted(path.name for path in (tmp_path / "output").iterdir()) == before
