"""Work done in threads, its results in order; and files decoded so.

Pillow lets go of Python's lock while it decodes, so large pictures gain by every core; small ones take no time that a
person feels, and are decoded once. Processes were not measurably faster: docs/results/mechanisms.md.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from data.decode import Batch, Shape, decode_batch, quiet_pillow
from run import console
from run.cores import cores

_SECONDS_BETWEEN_NEWS = 10
_BATCH_BYTES = 4 << 20  # decoded pixels a batch, at most: small beside any memory
_BATCH_FILES = 32


def decode_files(paths: list[str], shape: Shape, num_workers: int | None) -> Iterator[Batch]:
    """Decode files in batches, in order.

    Args:
        paths: absolute.
        shape: what every image becomes.
        num_workers: threads that decode; None takes one a core.

    Raises:
        ShapeDisproved: an image does not fit ``shape``.
    """
    size = max(1, min(_BATCH_FILES, _BATCH_BYTES // (shape.channels * shape.height * shape.width)))
    done, told = 0, time.monotonic()
    progress = console.Progress(len(paths))
    try:
        with quiet_pillow():  # here, once: filters of warnings belong to all threads together
            batches = in_order(
                lambda first: decode_batch(paths[first : first + size], first, shape),
                range(0, len(paths), size),
                num_workers,
            )
            for batch in batches:
                yield batch
                before, done = done, min(len(paths), done + size)
                progress.advance("decoding", done - before)
                if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
                    told = time.monotonic()
                    progress.milestone(f"decoded {done:,} of {len(paths):,}")
    finally:
        progress.close()


def in_order(function: Callable, items: Iterable, num_workers: int | None) -> Iterator:
    """Map in threads, results in order, never more than a few ahead of whoever takes them.

    Args:
        function: called with each item, in any thread.
        items: taken one by one.
        num_workers: how many threads; None takes one a core.
    """
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
