"""How much memory there is, and what is refused for want of it."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from run import memory
from run.errors import BadInput
from run.memory import available_memory, in_words, require_memory
from tests.conftest import ROOT, refusal


def test_what_would_not_fit_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2 * 10**9)
    require_memory(10**9, "PCA", "")
    with pytest.raises(
        BadInput, match=r"PCA takes about 3.0 GB of memory, and 2.0 GB are free; take fewer: --max_train"
    ):
        require_memory(3 * 10**9, "PCA", "take fewer: --max_train")
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    require_memory(10**18, "PCA", "")


def test_a_limit_of_the_shell_counts():
    probe = "from run.memory import available_memory; print(available_memory())"
    limited = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20)),
    )  # fmt: skip
    assert 0 < int(limited.stdout) < 300 << 20
    assert available_memory() > 300 << 20


@pytest.mark.parametrize("version", [1, 2])
def test_limits_of_control_groups(tmp_path, version: int):
    listing = tmp_path / "cgroup"
    base = tmp_path / "memory" if version == 1 else tmp_path
    limit, usage = (
        ("memory.limit_in_bytes", "memory.usage_in_bytes") if version == 1 else ("memory.max", "memory.current")
    )
    listing.write_text("3:cpu,memory:/outer/inner\n" if version == 1 else "0::/outer/inner\n")
    for folder, most in [("outer", "1000"), ("outer/inner", "max" if version == 2 else str(2**63 - 4096))]:
        (base / folder).mkdir(parents=True, exist_ok=True)
        (base / folder / limit).write_text(most + "\n")
        (base / folder / usage).write_text("700\n")
        (base / folder / "memory.stat").write_text("inactive_file 100\ntotal_inactive_file 100\nother 5\n")
    assert memory._left_by_control_groups(tmp_path, listing) == 400
    assert memory._left_by_control_groups(tmp_path, tmp_path / "absent") is None


def limited(megabytes: int, *arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    """train.py with so much of addresses."""
    return subprocess.run(
        [sys.executable, ROOT / "train.py", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=200,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20)),
    )  # fmt: skip


@pytest.mark.parametrize("megabytes", [60, 200, 300, 600])
def test_an_import_that_finds_no_memory_is_a_sentence(tmp_path, megabytes: int):
    done = limited(megabytes, "--dataset", "digits", "--latent_size", 4, cwd=tmp_path)
    assert "too little memory to load the program itself" in refusal(done)
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_training_that_would_not_fit_is_refused_before_it_begins(tmp_path):
    for number in range(12):
        path = tmp_path / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    began = ["--dataset", "pictures", "--latent_size", 4, "--num_epochs", 1, "--model", "dense"]
    done = limited(6000, *began, "--image_size", 512, cwd=tmp_path)
    sentence = refusal(done)
    assert "training on images of 512 x 512 with batches of" in sentence
    assert "GB of memory" in sentence
    assert sentence.endswith("--image_size 256x256")
    assert not list((tmp_path / "output").glob("*.pth"))


def test_what_libraries_say_when_memory_is_used_up_is_a_sentence(tmp_path):
    for raised in (
        "RuntimeError(\"[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried\")",
        "MemoryError()", "RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')", "OSError(12, 'no')",
        "RuntimeError(\"can't start new thread\")",
    ):  # fmt: skip
        script = f"from run.command import execute\ndef main():\n raise {raised}\nexecute(main)"
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert "the memory is used up" in refusal(done)
    script = "from run.command import execute\ndef main():\n raise RuntimeError('something else')\nexecute(main)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr  # a fault of the program is shown as one


def test_bytes_in_words():
    assert [in_words(count) for count in (10, 3 * 10**8, 12_340_000_000)] == ["1 MB", "300 MB", "12.3 GB"]
