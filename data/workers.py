"""Files decoded in order, in processes of their own where there is enough to do.

Pillow decodes small files in many short steps that all need Python's lock, so threads would only hand it to each other;
and while other processes decode, this one is free to import what comes next.
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from data.decode import Batch, Shape, ShapeDisproved, decode_batch
from data.pictures import Meanwhile
from run import console

_ROOT = Path(__file__).resolve().parent.parent
_SECONDS_BETWEEN_NEWS = 10
_BATCH_BYTES = 8 << 20  # decoded pixels a batch, at most: small beside any memory
_BATCH_FILES = 256
_AHEAD_BYTES = 64 << 20  # decoded pixels that a process keeps until they are taken from it
_PIPE_BYTES = 1 << 20
_WORTH_PROCESSES = 1.0  # seconds of work left, where starting processes takes a quarter of one

Job = tuple[list[str], int]  # paths, and the position of the first


def decode_files(paths: list[str], shape: Shape, num_workers: int | None, meanwhile: Meanwhile) -> Iterator[Batch]:
    """Decode files in batches, in order.

    Args:
        paths: absolute.
        shape: what every image becomes.
        num_workers: processes beside this one; None takes one a core once what is left is worth it, until then none.
        meanwhile: called in a thread while other processes decode.

    Raises:
        ShapeDisproved: an image does not fit ``shape``.
    """
    image_bytes = shape.channels * shape.height * shape.width
    size = max(1, min(_BATCH_FILES, _BATCH_BYTES // image_bytes))
    jobs = [(paths[start : start + size], start) for start in range(0, len(paths), size)]
    progress, told = console.Progress(len(jobs)), time.monotonic()
    try:
        for batch in _here_or_elsewhere(jobs, shape, num_workers, meanwhile):
            yield batch
            progress.advance("decoding")
            if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
                told = time.monotonic()
                progress.milestone(f"decoded {batch.positions[-1] + 1 if batch.positions else 0:,} of {len(paths):,}")
    finally:
        progress.close()


def _here_or_elsewhere(jobs: list[Job], shape: Shape, num_workers: int | None, meanwhile: Meanwhile) -> Iterator[Batch]:
    """Batches in order; without a number of processes, in none until the work that is left is known to be worth it."""
    started = time.monotonic()
    for done, (paths, first) in enumerate(jobs):
        # The first batch may have waited for a disk, or for Pillow's own imports.
        left = (time.monotonic() - started) / done * (len(jobs) - done) if done >= 2 else 0
        if num_workers is not None or left > _WORTH_PROCESSES:
            count = os.cpu_count() or 1 if num_workers is None else num_workers
            yield from _elsewhere(jobs[done:], shape, count, meanwhile)
            return
        yield decode_batch(paths, first, shape)


def _elsewhere(jobs: list[Job], shape: Shape, count: int, meanwhile: Meanwhile) -> Iterator[Batch]:
    with contextlib.ExitStack() as ended:
        processes: list[_Process] = []
        with contextlib.suppress(OSError):  # no more processes, or no memory for them
            while len(processes) < min(count, len(jobs)):
                processes.append(ended.enter_context(_Process()))
        for number, process in enumerate(processes):
            process.hand_over(jobs[number :: len(processes)], shape)
        thread = threading.Thread(target=meanwhile, daemon=True)  # a daemon, for after an error nobody waits for it
        thread.start()
        for number, (paths, first) in enumerate(jobs):
            batch = processes[number % len(processes)].take() if processes else None
            if isinstance(batch, Shape):
                raise ShapeDisproved(batch)
            # A process that died (killed for want of memory, say) has left its files to this one.
            yield decode_batch(paths, first, shape) if batch is None else batch
        thread.join()


class _Process:
    """Another process that decodes, and ends with the block or with this process, however that ends."""

    def __enter__(self) -> "_Process":
        # Its Ctrl-C is this process's; what it would say of one before it ignores it, nobody needs to read.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "data.workers"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(ImportError, AttributeError, OSError):  # larger pipes, on Linux
            import fcntl

            fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def hand_over(self, jobs: list[Job], shape: Shape) -> None:
        with contextlib.suppress(BrokenPipeError):
            pickle.dump((jobs, shape), self._process.stdin)
            self._process.stdin.flush()

    def take(self) -> Batch | Shape | None:
        """The next batch; the shape that fits, if the given one does not; None from a process that died."""
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            return None


def _serve() -> None:
    """What the other process does: decode what it is handed, and keep what is not taken from it yet."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs, shape = pickle.load(sys.stdin.buffer)
    ready: queue.Queue[Batch | Shape | None] = queue.Queue(
        max(1, _AHEAD_BYTES // (len(jobs[0][0]) * shape.channels * shape.height * shape.width))
    )
    threading.Thread(target=_write, args=(ready,)).start()
    try:
        for paths, first in jobs:
            ready.put(decode_batch(paths, first, shape))
    except ShapeDisproved as disproved:
        ready.put(disproved.shape)
    finally:
        ready.put(None)


def _write(ready: queue.Queue[Batch | Shape | None]) -> None:
    try:
        while (answer := ready.get()) is not None:
            pickle.dump(answer, sys.stdout.buffer, protocol=5)
            sys.stdout.buffer.flush()
    except BaseException:  # nobody is left to read, mostly; whoever is, decodes what is missing
        os._exit(1)


def in_order(function: Callable, items: Iterable, num_workers: int | None) -> Iterator:
    """Map in threads, results in order, never more than a few ahead of whoever takes them."""
    workers = max(1, (os.cpu_count() or 1) if num_workers is None else num_workers)
    with ThreadPoolExecutor(workers) as pool:
        ahead = deque()
        try:
            for item in items:
                ahead.append(pool.submit(function, item))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


if __name__ == "__main__":
    from data import workers  # what is pickled here must be known by the name that it has there

    workers._serve()
