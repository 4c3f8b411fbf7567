"""How many cores this process may use: affinity and quota, which in a container are not all that are there."""

import math
import os
from pathlib import Path

from run.control_groups import LISTING, ROOT, control_groups


def cores() -> int:
    """How many cores this process may use, which in a container or under ``taskset`` are not all there are.

    Half a core that a quota leaves counts as one: a process more on it costs the others nothing.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas())]))


def _quotas(root: Path = ROOT, listing: Path = LISTING) -> list[float]:
    """Cores' worth of time that control groups grant this process, of each that limits it."""
    found = []
    for version, folder in control_groups("cpu", root, listing):
        try:
            if version == 1:
                words = [(folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")]
            else:
                words = (folder / "cpu.max").read_text().split()
            quota, period = map(int, words)  # "max" is no number
        except (OSError, ValueError):
            continue
        if quota > 0 and period > 0:  # -1 is no limit
            found.append(quota / period)
    return found
