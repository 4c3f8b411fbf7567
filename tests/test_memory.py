"""How much memory there is, and what is refused for want of it."""

import resource
import subprocess
import sys

import pytest

from run import memory
from run.errors import BadInput
from run.memory import available_memory, in_words, require_memory
from tests.conftest import ROOT


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


def test_bytes_in_words():
    assert [in_words(count) for count in (10, 3 * 10**8, 12_340_000_000)] == ["1 MB", "300 MB", "12.3 GB"]
