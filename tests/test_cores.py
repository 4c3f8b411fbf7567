"""Cores: how many may be used, in a container too, and that what comes out does not depend on them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.checkpoint import load_checkpoint
from run import cores as run_cores
from tests.conftest import ROOT
from tests.forking import ONE_THREAD

COLOURS = ["--dataset", "images", "--latent_size", 16, "--only_named", "--num_epochs", 1]
# what each script makes of them, in the order in which each finds what it reads
SCRIPTS = [
    (["train.py", *COLOURS], "model_latent_size_16.pth"),
    (["encode_latent_space.py", "--latent_size", 16], "latent_space_size_16.npy"),
    (["viz_latent_space.py", "--latent_size", 16, "--vis_type", "tsne"], "latent_space_size_16_tsne.png"),
    (["viz_kmeans_latent_space.py", "--latent_size", 16, "--num_clusters", 3, "--space", "latent"], "*kmeans*.csv"),
    (["train_classifier.py", "--latent_size", 16, "--cnn_epochs", 1, "--num_epochs", 1], "classifiers.csv"),
]
several_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")


@several_cores
def test_what_comes_out_is_the_same_with_one_core_and_with_several(tmp_path):
    """On images large enough for libraries to share their sums out among threads, which adds them up otherwise."""
    made = []
    for name, threads in (("one", 1), ("several", 2)):
        place = tmp_path / name
        draw_images(place / "images")
        environment = {key: value for key, value in os.environ.items() if key not in ONE_THREAD}
        if threads > 1:  # as a person sets it who wants them
            environment |= {"OMP_NUM_THREADS": str(threads)}
        words = ["taskset", "-c", str(min(os.sched_getaffinity(0)))] if threads == 1 else []
        for (script, *arguments), _ in SCRIPTS:
            done = subprocess.run(
                [*words, sys.executable, str(ROOT / script), *map(str, arguments)],
                cwd=place, env=environment, capture_output=True, text=True, timeout=300,
            )  # fmt: skip
            assert done.returncode == 0, (script, done.stderr)
        made.append({path.name: path.read_bytes() for path in (place / "output").iterdir() if path.is_file()})
    for _, pattern in SCRIPTS:
        assert any(Path(name).match(pattern) for name in made[0]), (pattern, list(made[0]))
    assert [name for name in {*made[0], *made[1]} if made[0].get(name) != made[1].get(name)] == []


@several_cores
def test_threads_that_a_caller_has_used_change_nothing(tmp_path):
    """A notebook's torch has one a core, and numba raises their number wherever it computes in parallel."""
    call = ["--dataset", "digits", "--latent_size", 3, "--only_named", "--num_epochs", 1, "--output_dir"]
    code = (
        "import sys, torch; torch.set_num_threads(2); import train\n"
        f"sys.argv = ['train.py', *{[*map(str, call), 'several']}]; train.main()"
    )
    path = {"PYTHONPATH": str(ROOT)}
    for words in (["-c", code], [str(ROOT / "train.py"), *map(str, call), "one"]):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env={**os.environ, **path}, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    one, several = (load_checkpoint(tmp_path / name / "model_latent_size_3.pth")[0] for name in ("one", "several"))
    assert one.state_dict().keys() == several.state_dict().keys()
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, several.state_dict()[name]), name


def draw_images(folder: Path) -> None:
    """400 smooth images of 32 x 32 in three classes."""
    random = np.random.default_rng(0)
    for number in range(400):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8))
        path = folder / f"class {number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse.resize((32, 32), Image.Resampling.BICUBIC).save(path)


@pytest.mark.parametrize(
    ("files", "listing", "cores"),
    [
        ({"a/cpu.max": "150000 100000", "cpu.max": "max 100000"}, "0::/a", [1.5]),
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000"}, "0::/a/b", [0.5]),
        ({"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, "4:cpu,cpuacct:/a", []),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/gone\n0::/gone", [3]),
        ({}, "0::/", []),
    ],
    ids=str,
)
def test_quotas_of_control_groups(tmp_path, files, listing, cores):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    (tmp_path / "listing").write_text(listing + "\n")
    assert run_cores._quotas(tmp_path, tmp_path / "listing") == cores


def test_a_quota_counts_as_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    for quotas, cores in [([], 64), ([0.5], 1), ([1.5, 4], 2), ([100], 64)]:
        monkeypatch.setattr(run_cores, "_quotas", lambda quotas=quotas: quotas)
        assert run_cores.cores() == cores


@pytest.fixture
def one_core() -> Iterator[Path]:
    """A real control group with the time of one core; skips where this account may make none."""
    for base, quota in ((Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us"), (Path("/sys/fs/cgroup"), "cpu.max")):
        group = base / f"test-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                (group / quota).write_text("100000")
                yield group
            finally:
                group.rmdir()
            return
    pytest.skip("this account may make no control group")


def test_a_real_quota_is_seen(one_core):
    probe = "from run.cores import cores; print(cores())"
    joining = f"import os; open({str(one_core / 'cgroup.procs')!r}, 'w').write(str(os.getpid())); {probe}"
    found = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for code in (probe, joining)
    ]
    assert [int(each) for each in found] == [run_cores.cores(), 1]
