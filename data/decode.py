"""Image files become uint8 arrays: any size, colour and orientation in; one shape out.

Images are scaled to the wanted height and width whatever their proportions (a sign or a digit fills its frame
either way), with Pillow's antialiased bilinear filter. Transparent pixels are laid on white, as a page shows them.
"""

import errno
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from data.image_set import content_digests

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
# Pillow's own errors have no number; a damaged file sends it to places where no file has any.
_ABOUT_THE_FILE = {None, errno.EACCES, errno.EPERM, errno.EINVAL, errno.EOVERFLOW}


@dataclass(frozen=True)
class Shape:
    """What every image becomes."""

    channels: int
    height: int
    width: int
    own_size: bool  # the size was taken from the images: one of another size proves it wrong
    grayscale: bool  # colours are wanted as brightness; otherwise one channel means that all images are grey


class Unread(NamedTuple):
    """A file that could not be read."""

    position: int
    why: str
    passing: bool  # the next time it may be readable


class Batch(NamedTuple):
    """Some images of a source, in order, and what became of the others that stood between them."""

    images: np.ndarray  # uint8 (n, C, H, W)
    digests: list[bytes]  # n, of their pixels
    positions: list[int]  # n, among the source's images
    unread: list[Unread]


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
        # PPM has no orientation; of a TIFF Pillow gives the upright size by itself.
        sideways = image.format not in ("PPM", "TIFF") and _orientation(image) >= 5
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


def is_passing(error: Exception) -> bool:
    """Whether an error says nothing about the file: it may be readable the next time, so its absence is not kept."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) not in _ABOUT_THE_FILE


def decode_batch(paths: list[str], first: int, shape: Shape) -> Batch:
    """Files whose positions count from ``first``; to be called within :class:`quiet_pillow`.

    Raises:
        ShapeDisproved: an image does not fit ``shape``.
    """
    images = np.empty((len(paths), shape.channels, shape.height, shape.width), np.uint8)
    positions, unread = [], []
    for position, path in enumerate(paths, first):
        try:
            images[len(positions)] = decode_file(path, shape)
            positions.append(position)
        except ShapeDisproved:
            raise
        except Exception as error:  # a damaged file makes Pillow raise nearly anything; it is left out by name
            unread.append(Unread(position, reason(error), is_passing(error)))
    images = images[: len(positions)]
    return Batch(images, content_digests(images), positions, unread)


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
