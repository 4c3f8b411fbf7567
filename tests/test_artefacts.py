"""Artefacts are replaced whole, and a damaged one is never believed."""

import contextlib
import os
import subprocess
import sys

import pytest
import torch

from run.artefacts import atomic_write, is_being_written, read_json, write_bytes, write_csv, write_json
from run.errors import BadInput
from run.tensor_file import load_tensors, save_tensors


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path):
    path = tmp_path / "deep" / "artefact"
    write_bytes(path, b"old")
    with contextlib.suppress(RuntimeError), atomic_write(path) as file:
        file.write(b"half of the new")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["artefact"]


def test_a_failing_fsync_or_rename_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "artefact"
    write_bytes(path, b"old")
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, _no_space)
            with pytest.raises(OSError, match="No space"):
                write_bytes(path, b"new")
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["artefact"]


def _no_space(*_, **__):
    raise OSError(28, "No space left on device")


def test_what_a_killed_writer_left_is_swept_and_a_living_one_is_let_be(tmp_path):
    beginning = (
        "import pathlib, sys, time; from run.artefacts import atomic_write;"
        "writer = atomic_write(pathlib.Path(sys.argv[1]));"
        "file = writer.__enter__(); file.write(b'x' * 10000); print(flush=True); time.sleep(60)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", beginning, tmp_path / "artefact"], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for writer in writers:
        writer.stdout.readline()
    assert len(os.listdir(tmp_path)) == 2
    assert is_being_written(tmp_path)
    writers[0].kill()
    writers[0].wait()
    write_bytes(tmp_path / "artefact", b"new")
    assert len(os.listdir(tmp_path)) == 2
    assert is_being_written(tmp_path)
    writers[1].kill()
    writers[1].communicate()
    writers[0].communicate()
    assert not is_being_written(tmp_path)
    write_bytes(tmp_path / "artefact", b"newer")
    assert os.listdir(tmp_path) == ["artefact"]


def test_names_of_unfinished_files_that_are_none_of_ours_are_let_be(tmp_path):
    (tmp_path / "mine").write_bytes(b"content")
    (tmp_path / ".artefact.link.partial").symlink_to(tmp_path / "mine")
    os.mkfifo(tmp_path / ".artefact.pipe.partial")
    write_bytes(tmp_path / "artefact", b"new")
    assert (tmp_path / "mine").read_bytes() == b"content"
    assert (tmp_path / "artefact").read_bytes() == b"new"


def test_many_write_one_file_at_once(tmp_path):
    """Each content is whole, and no writer is disturbed by the sweeping of another."""
    path = tmp_path / "artefact"
    writing = "import pathlib, sys; from run.artefacts import write_bytes\nfor _ in range(100): write_bytes(pathlib.Path(sys.argv[1]), sys.argv[2].encode() * 5000)"  # noqa: E501
    writers = [subprocess.Popen([sys.executable, "-c", writing, path, letter]) for letter in "abc"]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            content = path.read_bytes()
            assert content in (b"a" * 5000, b"b" * 5000, b"c" * 5000)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert os.listdir(tmp_path) == ["artefact"]


def test_json_comes_back_and_any_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "x.json"
    content = {"name": "<img src=x> $\\frac مرحبا 🙂 \udcff", "rows": [1, 2, 3], "value": 0.1}
    write_json(path, content)
    assert read_json(path) == content
    raw = path.read_bytes()
    for place in range(0, len(raw) - 1, 3):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 0x10]) + raw[place + 1 :])
        with contextlib.suppress(BadInput):  # else only white space has changed, which carries nothing
            assert read_json(path) == content


def test_csv_cells_are_no_formulas(tmp_path):
    write_csv(tmp_path / "x.csv", ["class"], [["=cmd|' /C calc'!A0"], ["@x"], [-1.5], ["plain, text"]])
    assert (tmp_path / "x.csv").read_text().splitlines() == [
        "class",
        "'=cmd|' /C calc'!A0",
        "'@x",
        "-1.5",
        '"plain, text"',
    ]


@pytest.fixture
def tensor_file(tmp_path):
    path = tmp_path / "x.pth"
    save_tensors(path, "thing", {"weights": torch.arange(50.0), "names": ["a", "b"], "size": 3})
    return path


def test_tensors_come_back_and_the_bytes_are_the_same_twice(tensor_file):
    content = load_tensors(tensor_file, "thing", "python train.py")
    assert torch.equal(content["weights"], torch.arange(50.0))
    assert (content["names"], content["size"]) == (["a", "b"], 3)
    raw = tensor_file.read_bytes()
    save_tensors(tensor_file, "thing", {"weights": torch.arange(50.0), "names": ["a", "b"], "size": 3})
    assert tensor_file.read_bytes() == raw
    torch.load(tensor_file, weights_only=True)  # the comment leaves it a file that torch reads by itself


def test_every_flipped_or_missing_byte_is_noticed(tensor_file):
    raw = tensor_file.read_bytes()
    for place in range(0, len(raw), 7):
        for damaged in (raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], raw[:place]):
            tensor_file.write_bytes(damaged)
            with pytest.raises(BadInput, match=r"x\.pth"):
                load_tensors(tensor_file, "thing", "python train.py")


def test_another_kind_of_file_is_refused(tensor_file, tmp_path):
    with pytest.raises(BadInput, match="holds a thing, and a checkpoint was expected"):
        load_tensors(tensor_file, "checkpoint", "python train.py")
    with pytest.raises(BadInput, match="is a folder"):
        load_tensors(tmp_path, "checkpoint", "python train.py")
    with pytest.raises(BadInput, match=r"python train\.py"):
        load_tensors(tmp_path / "absent.pth", "checkpoint", "python train.py")


class _Malicious:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


def test_a_sealed_file_with_code_in_it_runs_nothing(tmp_path):
    save_tensors(tmp_path / "evil.pth", "thing", {"weights": _Malicious(tmp_path / "owned")})
    with pytest.raises(BadInput, match="not a file of this suite"):
        load_tensors(tmp_path / "evil.pth", "thing", "python train.py")
    assert not (tmp_path / "owned").exists()


def test_equal_contents_are_equal_bytes_however_they_came_about(tmp_path):
    text = "a name that stands twice"
    shared = {"first": text, "second": text, "both": [(text, 1), (text, 1)]}
    save_tensors(tmp_path / "shared.pth", "thing", shared)
    save_tensors(
        tmp_path / "loaded.pth", "thing", load_tensors(tmp_path / "shared.pth", "thing", "") | {"kind": "thing"}
    )
    assert (tmp_path / "shared.pth").read_bytes() == (tmp_path / "loaded.pth").read_bytes()
