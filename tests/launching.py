"""Scripts as several processes, as a launcher starts them."""

import socket
from pathlib import Path

from tests.forking import Done


def launched(rank: int, size: int, port: int) -> dict[str, str]:
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size),
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def together(
    forked, folder: Path, *arguments: object, size: int = 2, faults: dict[int, dict] | None = None,
    more: dict[int, list] | None = None, script: str = "train.py",
) -> list[Done]:  # fmt: skip
    """A script as several processes; ``faults`` and ``more`` arguments by rank."""
    port, faults, more = free_port(), faults or {}, more or {}
    children = [
        forked.start(script, *arguments, *more.get(rank, []), cwd=folder, fault=faults.get(rank),
                     **launched(rank, size, port))
        for rank in range(size)
    ]  # fmt: skip
    return [child.wait(60) for child in children]


def said(done: list[Done]) -> list[str]:
    """All lines on standard error that are no progress."""
    lines = [line for each in done for line in each.stderr.splitlines()]
    assert "Traceback" not in "\n".join(lines), lines
    return [
        line
        for line in lines
        if line.startswith(("train.py:", "encode_latent_space.py:", "sweep_latent_size.py:", "stopped by"))
    ]
