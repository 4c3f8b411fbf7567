"""Linux's control groups, by which containers and batch systems limit what a process may take."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

ROOT, LISTING = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def control_groups(controller: str, root: Path = ROOT, listing: Path = LISTING) -> Iterator[tuple[int, Path]]:
    """The groups that this process is in and their parents, all of which limit it, as (version 1 or 2, folder).

    Args:
        controller: ``cpu`` or ``memory``.
        root: where control groups are mounted.
        listing: what the process is in, as ``/proc/self/cgroup`` has it.
    """
    with contextlib.suppress(OSError):
        for line in listing.read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            if controllers == "":
                version, base = 2, root
            elif controller in controllers.split(","):
                version, base = 1, root / controller
            else:
                continue
            group = base / place.lstrip("/")
            for folder in [group, *group.parents]:  # a group within a container may only be seen at the root
                yield version, folder
                if folder == base:
                    break
