"""Work done side by side, its results in order; and files decoded so.

Pillow decodes small files in many short steps that all need Python's lock, which threads would only hand to each other;
so many files are decoded in forked processes, which take half the time on two cores: docs/results/own_pictures.md.
"""

import contextlib
import multiprocessing
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from data.decode import Batch, decode_batch, decode_frames, quiet_pillow
from data.fitting import Shape
from run import console
from run.cores import cores
from run.forked import settle
from run.signals import StopRequest

_BATCH_BYTES = 4 << 20  # of files, and of decoded pixels, a batch: small beside any memory, and soon done
_BATCH_FILES = 256
_SAMPLE = 16  # files whose sizes tell those of all
_WORTH_PROCESSES = 1000  # files: below, they would be forked for less than a quarter of a second's work


class Frames(NamedTuple):
    """A file, and which of its frames are images of the set; the first alone for None."""

    path: str
    frames: range | None = None

    @property
    def count(self) -> int:
        """How many images it holds."""
        return 1 if self.frames is None else len(self.frames)


def decode_files(files: Sequence[Frames], shape: Shape, num_workers: int | None, first: int = 0) -> Iterator[Batch]:
    """Decode files in batches, in order.

    Args:
        files: by absolute paths.
        shape: what every image becomes.
        num_workers: how many decode at a time; None takes one a core.
        first: position of the image that is decoded first; it begins a batch.

    Raises:
        ShapeDisproved: an image does not fit ``shape``.
        TonesUnknown: one can't be decoded before all files have been looked at.
    """
    bytes_each = max(shape.channels * shape.height * shape.width, _typical_bytes(files))
    size = max(1, min(_BATCH_FILES, _BATCH_BYTES // bytes_each))
    pieces = [piece for piece in _pieces(files, size) if piece.first >= first]
    total = sum(file.count for file in files) - first
    done = 0
    # Pillow is made quiet here, once: filters of warnings belong to all threads together
    with console.Progress(total) as progress, quiet_pillow():
        for batch in _decoded(pieces, shape, num_workers, len(files) >= _WORTH_PROCESSES):
            yield batch
            advanced = len(batch.positions) + len(batch.unread)
            done += advanced
            progress.advance("decoding", advanced)
            progress.news(f"decoded {done:,} of {total:,}")


def _typical_bytes(files: Sequence[Frames]) -> int:
    """The mean size of an image in some of the files, which are spread over all."""
    sizes = []
    for file in files[:: max(1, len(files) // _SAMPLE)]:
        with contextlib.suppress(OSError):
            sizes.append(os.path.getsize(file.path) // file.count)
    return sum(sizes) // max(1, len(sizes))


class _Piece(NamedTuple):
    """What is decoded at once: first frames of some files, or some frames of one."""

    first: int  # position of the first image
    files: Sequence[Frames]


def _pieces(files: Sequence[Frames], size: int) -> Iterator[_Piece]:
    first, singles = 0, []
    for file in [*files, None]:
        single = file is not None and file.frames is None
        if singles and (not single or len(singles) == size):
            yield _Piece(first, singles)
            first, singles = first + len(singles), []
        if single:
            singles.append(file)
        elif file is not None:
            for start in range(0, len(file.frames), size):
                part = file.frames[start : start + size]
                yield _Piece(first, [Frames(file.path, part)])
                first += len(part)


def _decode(piece: _Piece, shape: Shape) -> Batch:
    file = piece.files[0]
    if file.frames is not None:
        return decode_frames(file.path, file.frames, piece.first, shape)
    return decode_batch([file.path for file in piece.files], piece.first, shape)


def _decoded(pieces: list[_Piece], shape: Shape, num_workers: int | None, in_processes: bool) -> Iterator[Batch]:
    done, workers = 0, _count(num_workers)
    if in_processes and workers > 1 and sys.platform == "linux":
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), settle)
        try:
            with _signals_wait(), warnings.catch_warnings():
                # Python 3.12 warns of forking beside threads: those here wait for signals, and hold no lock
                warnings.simplefilter("ignore", DeprecationWarning)
                pool.submit(int)  # forks all of them: a signal raised in the midst of that would leave half a process
            for batch in _ahead(pool, workers, partial(_decode, shape=shape), pieces):
                yield batch
                done += 1
        except (BrokenExecutor, OSError):  # one was killed, or there may be no more: the rest is decoded here
            pass
        finally:
            with contextlib.suppress(RuntimeError):  # a signal came while the pool was about to start
                pool.shutdown(cancel_futures=True)
    yield from in_order(partial(_decode, shape=shape), pieces[done:], num_workers)


def _signals_wait() -> contextlib.AbstractContextManager:
    """Within the block a signal waits for its end. Other threads than the main one are sent none."""
    in_main = threading.current_thread() is threading.main_thread()
    return StopRequest() if in_main else contextlib.nullcontext()


def in_order(function: Callable, items: Iterable, num_workers: int | None) -> Iterator:
    """Map in threads, results in order, never more than a few ahead of whoever takes them.

    Args:
        function: called with each item, in any thread.
        items: taken one by one.
        num_workers: how many threads; None takes one a core.
    """
    workers = _count(num_workers)
    with ThreadPoolExecutor(workers) as pool:
        yield from _ahead(pool, workers, function, items)


def _count(num_workers: int | None) -> int:
    return max(1, cores() if num_workers is None else num_workers)


def _ahead(pool: Executor, workers: int, function: Callable, items: Iterable) -> Iterator:
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
