"""Milliseconds a training step takes on cores that are not free.

    python -m benchmarks.shared_cores

The step is that of `benchmarks.step_rate`, of a bottleneck of 64, in a process of its own: with one thread, as every
command computes, and with as many as torch takes by itself. Alone, two at once, beside a process that keeps a core
busy, and on one core alone (`taskset`, as a quota of one core has it). Medians.
Writes shared_cores.md into the results folder.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks import RESULTS
from benchmarks.step_rate import start, step
from run.artefacts import write_text
from run.device import choose_precision

SIZE = 64
ONE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
BUSY = "while True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=60, help="steps of each process")
    parser.add_argument("--cores", type=int, nargs="+", default=sorted(os.sched_getaffinity(0))[:2])
    parser.add_argument("--of_one", action="store_true", help="be one of the processes: print the median")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.of_one:
        print(median_step(args.repeats))
        return
    cases = {"alone": (1, 0, args.cores), "two at once": (2, 0, args.cores),
             "beside a busy core": (1, 1, args.cores), "on one core": (1, 0, args.cores[:1])}  # fmt: skip
    load = os.getloadavg()[0]
    text = f"{len(args.cores)} cores, torch {torch.__version__}, load of the machine before: {load:.1f}\n\n"
    text += "| case | one thread | torch's own choice |\n| --- | --- | --- |\n"
    for name, case in cases.items():
        text += f"| {name} | {measure(*case, args.repeats, ONE):.0f} ms | {measure(*case, args.repeats, {}):.0f} ms |\n"
        print(text.splitlines()[-1], flush=True)
    write_text(args.results / "shared_cores.md", text)


def measure(count: int, busy: int, cores: list[int], repeats: int, threads: dict[str, str]) -> float:
    """The mean of the medians of ``count`` processes on ``cores``, with ``busy`` others that compute nothing."""
    environment = {name: value for name, value in os.environ.items() if name not in ONE} | threads
    others = [subprocess.Popen([sys.executable, "-c", BUSY], preexec_fn=pinned(cores)) for _ in range(busy)]
    words = [sys.executable, "-m", "benchmarks.shared_cores", "--of_one", "--repeats", str(repeats)]
    how = {"env": environment, "preexec_fn": pinned(cores), "stdout": subprocess.PIPE, "text": True}
    try:
        running = [subprocess.Popen(words, **how) for _ in range(count)]
        return statistics.mean(float(each.communicate()[0]) for each in running)
    finally:
        for each in others:
            each.kill()


def pinned(cores: list[int]):
    return lambda: os.sched_setaffinity(0, cores)


def median_step(repeats: int) -> float:
    """Milliseconds of a step."""
    threads, model = torch.get_num_threads(), start(SIZE)
    torch.set_num_threads(threads)  # the start takes one, as a command does
    _, parts = step(model, choose_precision("auto", torch.device("cpu")), repeats)
    return 1000 * sum(parts.values())


if __name__ == "__main__":
    main()
