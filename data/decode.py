"""Image files become uint8 arrays: any size, colour and orientation in; one shape out.

Images are scaled to the wanted height and width whatever their proportions (a sign or a digit fills its frame
either way), with Pillow's antialiased bilinear filter. Transparent pixels are laid on white, as a page shows them.
"""

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from run import console

# Only formats that Pillow decodes by itself: its EPS reader would run Ghostscript on a file from anywhere.
FORMATS = ("PPM", "PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "JPEG2000")
_PNM, _JPEG, _JPEG2000 = (".ppm", ".pgm", ".pbm", ".pnm"), (".jpg", ".jpeg", ".jpe", ".jfif"), (".jp2", ".j2k", ".jpx")
EXTENSIONS = frozenset((*_PNM, *_JPEG, *_JPEG2000, ".png", ".apng", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"))
# Changes whenever the same file would decode to other pixels, so that no cache outlives the code that filled it.
DECODER = "1"

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE = (255, 255, 255, 255)
_SECONDS_BETWEEN_NEWS = 10
_BATCH_BYTES = 8 << 20  # decoded pixels a batch: large enough to keep threads busy, small beside any memory
# Seconds a file, below which threads spend more on handing over Python's lock than they win (measured on 1 to 400 KB):
# of the processor, and in all, with the wait for a slow disk.
_WORTH_THREADS, _WORTH_THREADS_WAITED = 2e-4, 1e-3


@dataclass(frozen=True)
class Shape:
    """What every image becomes."""

    channels: int
    height: int
    width: int
    own_size: bool  # the size was taken from the images: one of another size proves it wrong
    grayscale: bool  # colours are wanted as brightness; otherwise one channel means that all images are grey


class ShapeDisproved(Exception):
    """An image does not fit the shape that was guessed from a sample; carries the shape that fits."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def decode_file(path: str, shape: Shape) -> np.ndarray:
    """One file as uint8 (C, H, W).

    Raises:
        ShapeDisproved: the image has another size, or colours, than were guessed.
        Exception: whatever Pillow raises for a damaged file; :func:`reason` puts it in words.
    """
    image = read_upright(path, None if shape.own_size else (shape.height, shape.width))
    return fit(image, shape)


def read_upright(path: str, wanted: tuple[int, int] | None = None) -> Image.Image:
    """The first frame of a file, upright as its EXIF orientation asks, in mode ``L`` or ``RGB``.

    With ``wanted`` (height, width) a large JPEG may come at a half, a quarter or an eighth of its size, never below
    twice what is wanted: libjpeg then skips most of the work, and the scaling that follows still averages.
    """
    with Image.open(path, formats=FORMATS) as image:
        if wanted and image.format in ("JPEG", "MPO"):
            image.draft(image.mode, (2 * max(wanted), 2 * max(wanted)))
        image.load()
        turn = None if image.format == "PPM" else _UPRIGHT.get(_orientation(image))
        plain = _plain(image)
        return plain.transpose(turn) if turn is not None else plain


def read_size(path: str) -> tuple[int, int]:
    """(height, width) of a file's first frame as it stands upright, from its header alone."""
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        sideways = image.format != "PPM" and _orientation(image) >= 5
    return (width, height) if sideways else (height, width)


def fit(image: Image.Image, shape: Shape) -> np.ndarray:
    """Scale an image of mode ``L`` or ``RGB`` to uint8 (C, H, W)."""
    if shape.grayscale:
        image = image.convert("L")
    if image.size != (shape.width, shape.height):
        if shape.own_size:
            raise ShapeDisproved(Shape(shape.channels, 32, 32, False, shape.grayscale))
        image = image.resize((shape.width, shape.height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)  # (H, W) or (H, W, 3)
    if pixels.ndim == 2:
        return np.broadcast_to(pixels, (shape.channels, *pixels.shape))
    if shape.channels == 1:
        if not is_grey(pixels):
            raise ShapeDisproved(Shape(3, shape.height, shape.width, shape.own_size, False))
        return pixels[None, :, :, 0]
    return pixels.transpose(2, 0, 1)


def is_grey(pixels: np.ndarray) -> bool:
    """Whether pixels (..., 3) show no colour at all, though they are stored as colours."""
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


def reason(error: Exception) -> str:
    """Why a file could not be read, in words."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"a decompression bomb: more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "vanished while the folder was read"
    if isinstance(error, MemoryError):
        return "too large for the memory of this machine"
    return f"truncated or damaged: {str(error) or type(error).__name__}"


def decode_files(
    paths: list[str], shape: Shape, num_workers: int | None
) -> Iterator[tuple[np.ndarray, list[int], list[tuple[int, Exception]]]]:
    """Decode files in batches, in order, in threads (Pillow and file reads let go of Python's lock).

    Args:
        num_workers: threads; None takes one a core once batches show that they are worth it, until then none.

    Yields:
        uint8 (n, C, H, W) images that could be read, the positions of their files, and (position, error) of the others.

    Raises:
        ShapeDisproved: an image does not fit ``shape``.
    """
    size = max(1, min(256, _BATCH_BYTES // (shape.channels * shape.height * shape.width)))
    starts = range(0, len(paths), size)

    def decode_batch(start: int) -> tuple[np.ndarray, list[int], list[tuple[int, Exception]]]:
        batch = paths[start : start + size]
        images = np.empty((len(batch), shape.channels, shape.height, shape.width), np.uint8)
        read, failed = [], []
        for position, path in enumerate(batch, start):
            try:
                images[len(read)] = decode_file(path, shape)
                read.append(position)
            except ShapeDisproved:
                raise
            except Exception as error:  # a damaged file makes Pillow raise nearly anything; it is left out by name
                failed.append((position, error))
        return images[: len(read)], read, failed

    progress, told = console.Progress(len(starts)), time.monotonic()
    try:
        with quiet_pillow():
            for batch in _threads_if_worth(decode_batch, starts, size, num_workers):
                yield batch
                progress.advance("decoding")
                if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
                    told = time.monotonic()
                    progress.milestone(f"decoded {batch[1][-1] + 1 if batch[1] else 0:,} of {len(paths):,}")
    finally:
        progress.close()


def _threads_if_worth(
    decode_batch: Callable, starts: range, size: int, num_workers: int | None
) -> Iterator[tuple[np.ndarray, list[int], list[tuple[int, Exception]]]]:
    """Batches in order; without a number of threads, none, until two batches in a row were slow to decode."""
    slow = 2 if num_workers is not None else 0
    for done, start in enumerate(starts):
        if slow == 2:
            yield from in_order(decode_batch, starts[done:], num_workers)
            return
        computed, waited = -time.thread_time(), -time.perf_counter()
        batch = decode_batch(start)
        computed, waited = computed + time.thread_time(), waited + time.perf_counter()
        slow = slow + 1 if computed > size * _WORTH_THREADS or waited > size * _WORTH_THREADS_WAITED else 0
        yield batch


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


class quiet_pillow(warnings.catch_warnings):
    """Pillow's warnings about odd files are silenced, but a decompression bomb is an error rather than a warning."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # the pixels are good even where the EXIF block is not
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """Any mode as ``L`` or ``RGB``, 8 bits a channel."""
    mode = image.mode
    if mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, _WHITE)
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    if mode == "1":
        return image.convert("L")
    if mode == "I" or mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if mode == "F":
        values = np.asarray(image)
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise ValueError("floating-point pixels outside 0..1")
        return Image.fromarray((values * 255).round().astype(np.uint8))
    if mode in ("L", "RGB"):
        return image
    return image.convert("RGB")


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """16-bit grey scaled to 8 bits; Pillow's own conversion would clip everything above 255 to white."""
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("integer pixels outside 0..65535")
    values = values.astype(np.uint32)  # in place from here on: an image may have 89 million pixels
    values *= 255
    values += 32767
    values //= 65535
    return values.astype(np.uint8)
