"""Files decoded in order, in processes of their own where there is enough to do.

Pillow decodes small files in many short steps that all need Python's lock, so threads would only hand it to each other.
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

from data.decode import Batch, Shape, ShapeDisproved, decode_batch
from run import console
from run.device import cores

_SECONDS_BETWEEN_NEWS = 10
_BATCH_BYTES = 8 << 20  # decoded pixels a batch, at most: small beside any memory
_BATCH_FILES = 32
_AHEAD_BYTES = 128 << 20  # decoded pixels that all processes together keep until they are taken from them
_PIPE_BYTES = 1 << 20
_WORTH_PROCESSES = 1.0  # seconds of work left, where starting processes takes a quarter of one
# Modules are found as they are here, wherever that was, and nothing of this process runs again.
_START = "import sys; sys.path[:] = {path!r}; from data.workers import serve; serve()"
# Nothing is multiplied there.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Job = tuple[list[str], int]  # paths, and the position of the first


def decode_files(paths: list[str], shape: Shape, num_workers: int | None) -> Iterator[Batch]:
    """Decode files in batches, in order.

    Args:
        paths: absolute.
        shape: what every image becomes.
        num_workers: processes beside this one; None takes one a core once what is left is worth it, until then none.

    Raises:
        ShapeDisproved: an image does not fit ``shape``.
    """
    jobs, done, told = _jobs(paths, shape), 0, time.monotonic()
    progress = console.Progress(len(paths))
    try:
        batches = _here_or_elsewhere(jobs, shape, num_workers)
        for (files, _), batch in zip(jobs, batches, strict=True):
            yield batch
            done += len(files)
            progress.advance("decoding", len(files))
            if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
                told = time.monotonic()
                progress.milestone(f"decoded {done:,} of {len(paths):,}")
    finally:
        progress.close()


def _jobs(paths: list[str], shape: Shape) -> list[Job]:
    """Batches that double until they are as large as they may be: how long files take is known from the first few."""
    most = max(1, min(_BATCH_FILES, _BATCH_BYTES // (shape.channels * shape.height * shape.width)))
    jobs, first, size = [], 0, 1
    while first < len(paths):
        jobs.append((paths[first : first + size], first))
        first, size = first + size, min(2 * size, most)
    return jobs


def _here_or_elsewhere(jobs: list[Job], shape: Shape, num_workers: int | None) -> Iterator[Batch]:
    """Batches in order; without a number of processes, in none until the work that is left is known to be worth it."""
    total = sum(len(paths) for paths, _ in jobs)
    started, begun_with = 0.0, 0
    for number, (paths, first) in enumerate(jobs):
        if number == 1:  # the first file may have waited for a disk, or for Pillow's own imports
            started, begun_with = time.monotonic(), first
        left = (time.monotonic() - started) / (first - begun_with) * (total - first) if number > 1 else 0
        if num_workers is not None or left > _WORTH_PROCESSES:
            count = cores() if num_workers is None else num_workers
            yield from _elsewhere(jobs[number:], shape, count)
            return
        yield decode_batch(paths, first, shape)


def _elsewhere(jobs: list[Job], shape: Shape, count: int) -> Iterator[Batch]:
    with contextlib.ExitStack() as ended:
        processes: list[_Process] = []
        # No more processes, no memory for them, or nothing to start: what there is decodes, or this process alone.
        with contextlib.suppress(OSError, TypeError):
            while len(processes) < min(count, len(jobs)):
                processes.append(ended.enter_context(_Process()))
        for number, process in enumerate(processes):
            process.hand_over(jobs[number :: len(processes)], shape, _AHEAD_BYTES // len(processes))
        for number, (paths, first) in enumerate(jobs):
            batch = processes[number % len(processes)].take() if processes else None
            if isinstance(batch, Shape):
                raise ShapeDisproved(batch)
            # A process that died (killed for want of memory, say) has left its files to this one.
            yield decode_batch(paths, first, shape) if batch is None else batch


class _Process:
    """Another process that decodes, and ends with the block or with this process, however that ends."""

    def __enter__(self) -> "_Process":
        # Its Ctrl-C is this process's; what it would say of one before it ignores it, nobody needs to read.
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path)],
            env=os.environ | _ONE_THREAD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._trusted = True
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

    def hand_over(self, jobs: list[Job], shape: Shape, ahead_bytes: int) -> None:
        with contextlib.suppress(BrokenPipeError):
            pickle.dump((jobs, shape, ahead_bytes), self._process.stdin)
            self._process.stdin.flush()

    def take(self) -> Batch | Shape | None:
        """The next batch; the shape that fits, if the given one does not; None, now and for ever, once it has failed.

        Anything else that comes out of it (a module that greets on standard output) is such a failure: of what follows
        nobody knows where an answer begins.
        """
        answer = None
        if self._trusted:
            with contextlib.suppress(Exception):
                answer = pickle.load(self._process.stdout)
        if isinstance(answer, Batch | Shape):
            return answer
        if self._trusted:
            self._trusted = False
            self._process.kill()
            console.warn("a process that decodes images has died; what it had to do is done without it")
        return None


def serve() -> None:
    """What the other process does: decode what it is handed, and keep what is not taken from it yet."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs, shape, ahead_bytes = pickle.load(sys.stdin.buffer)
    batch_bytes = max(len(paths) for paths, _ in jobs) * shape.channels * shape.height * shape.width
    ready: queue.Queue[Batch | Shape | None] = queue.Queue(max(1, ahead_bytes // batch_bytes))
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
    workers = max(1, cores() if num_workers is None else num_workers)
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
