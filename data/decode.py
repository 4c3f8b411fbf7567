"""Image files become uint8 arrays: any size, colour and orientation in; one shape out."""

import io
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from PIL import Image

from data.fitting import Shape, ShapeDisproved, fit, has_colours, stacked
from data.formats import FORMATS, NoData, TooLarge, is_passing, reason
from data.image_set import content_digests
from data.noted import DEFECTIVE, Noted, Seen
from data.pixel_values import Wide, load
from data.tones import BYTES, Range, Tones

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
_AT_ONCE = 1 << 20  # bytes: a file up to here is read whole, where Pillow would go to and fro in it
_REDUCED = ("JPEG", "MPO")  # read at a part of their size where they are much larger than what is wanted
_STILL = (*_REDUCED, "PPM", "BMP", "JPEG2000")  # a phone's MPO holds a preview, no second picture


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
    noted: Noted | None = None  # of files


class TonesUnknown(Exception):
    """A picture whose black and white, or whose ground, has not been looked for."""


def decode_file(path: str, shape: Shape) -> tuple[Image.Image, Seen]:
    """The first frame of a file as :func:`fit` gives it, and what it was.

    Raises:
        ShapeDisproved: the image has another size, or colours, than were guessed.
        TonesUnknown: it can't be decoded before all files have been looked at.
        Exception: whatever Pillow raises for a damaged file; :func:`data.formats.reason` puts it in words.
    """
    with opened(path, None if shape.own_size else shape.size, shape.max_pixels) as (image, size):
        frames = count_frames(image)
        picture, seen = upright(image, shape.tones)
        return fit(picture, shape), seen._replace(
            size=size, frames=frames, lost_colour=shape.grayscale and has_colours(picture)
        )


def decode_batch(paths: Sequence[str], first: int, shape: Shape) -> Batch:
    """Files whose positions count from ``first``; to be called within :class:`quiet_pillow`.

    Raises:
        ShapeDisproved, TonesUnknown: as of :func:`decode_file`.
    """
    return _collected((_tried(lambda path=path: decode_file(path, shape), path) for path in paths), first, shape)


def decode_frames(path: str, frames: range, first: int, shape: Shape) -> Batch:
    """Frames of one file, as :func:`decode_batch` does it with files."""

    def decoded(image: Image.Image, frame: int) -> tuple[Image.Image, Seen]:
        image.seek(frame)
        refuse_too_large(image, shape.max_pixels)
        size = upright_size(image)
        picture, seen = upright(image, shape.tones)
        kept = fit(picture, shape).copy()  # the next frame takes the place of this one
        return kept, seen._replace(size=size, lost_colour=shape.grayscale and has_colours(picture))

    def each() -> Iterator[tuple[Image.Image, Seen] | tuple[str, bool]]:
        try:
            with opened(path, None, shape.max_pixels) as (image, _):
                for frame in frames:
                    yield _tried(lambda frame=frame: decoded(image, frame), path)
        except (ShapeDisproved, TonesUnknown):
            raise
        except Exception as error:  # it can't even be opened any more
            for _ in frames:
                yield reason(error, path), is_passing(error)

    return _collected(each(), first, shape)


def _tried(decode, path: str) -> tuple[Image.Image, Seen] | tuple[str, bool]:
    """What ``decode`` gives, or why it gives nothing and whether that may pass."""
    try:
        return decode()
    except (ShapeDisproved, TonesUnknown):
        raise
    except Exception as error:  # a damaged file makes Pillow raise nearly anything; it is left out by name
        return reason(error, path), is_passing(error)


def _collected(results, first: int, shape: Shape) -> Batch:
    pictures, positions, unread, noted, wide = [], [], [], Noted(), []
    for position, (result, more) in enumerate(results, first):
        if isinstance(result, str):
            unread.append(Unread(position, result, more))
            continue
        pictures.append(result)
        positions.append(position)
        noted.see(more, position, shape.size)
        wide.append(more.kind != "small")
    images = stacked(pictures, shape)
    noted.brightest = _brightest(images, wide)
    return Batch(images, content_digests(images), positions, unread, noted)


def _brightest(images: np.ndarray, wide: list[bool]) -> list[int]:
    """The brightest pixel of each image (n, C, H, W); but for 2% of a wide one's, which may be defective."""
    if not len(images):
        return []
    rows = images.reshape(len(images), -1)
    found = rows.max(axis=1).tolist()
    for place in np.flatnonzero(wide):
        found[place] = int(np.percentile(rows[place], 100 - DEFECTIVE))
    return found


@contextmanager
def opened(
    path: str, wanted: tuple[int, int] | None, max_pixels: int | None
) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
    """A file that is no larger than what is read without a word, and the (height, width) of its first frame.

    With ``wanted`` (height, width) a large JPEG may come at a half, a quarter or an eighth of its size, never below
    twice what is wanted: libjpeg then skips most of the work, and the scaling that follows still averages. So the
    largest photographs of phones are read.

    Raises:
        TooLarge: it is larger.
    """
    with open_image(path) as image:
        whole, size = image.size, upright_size(image)
        if wanted and image.format in _REDUCED:
            image.draft(image.mode, (2 * max(wanted), 2 * max(wanted)))
            if image.info.get("progressive"):  # all of it is held in memory, at whatever size it is given
                refuse_too_large(image, 2 * (max_pixels or pixel_limit()), whole)
        refuse_too_large(image, max_pixels)
        yield image, size


def open_image(path: str) -> Image.Image:
    """A file as Pillow opens it; a small one is in memory."""
    with open(path, "rb", buffering=0) as file:
        content = file.read() if os.fstat(file.fileno()).st_size <= _AT_ONCE else None
    image = Image.open(path if content is None else io.BytesIO(content), formats=FORMATS)
    image.filename = path
    return image


def refuse_too_large(image: Image.Image, limit: int | None, size: tuple[int, int] | None = None) -> None:
    """Raises: TooLarge: the image, or one of that size, has more pixels than the limit (Pillow's own for None)."""
    width, height = size or image.size
    if width * height > (limit or pixel_limit()):
        raise TooLarge(width * height, limit or pixel_limit())


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) of an opened file's frame as it stands upright, from its header alone."""
    width, height = image.size
    # PPM has no orientation; of a TIFF Pillow gives the upright size by itself.
    sideways = image.format not in ("PPM", "TIFF") and _orientation(image) >= 5
    return (width, height) if sideways else (height, width)


def count_frames(image: Image.Image) -> int:
    """How many frames an opened file holds: pages of a TIFF, pictures of an animation."""
    if image.format in _STILL:
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # the first frame may be good even where those behind it are not
        return 1


def read_size(path: str) -> tuple[int, int]:
    """(height, width) of a file's first frame as it stands upright, from its header alone."""
    with open_image(path) as image:
        return upright_size(image)


def upright(image: Image.Image, tones: Tones) -> tuple[Image.Image, Seen]:
    """An opened file's frame in mode ``L`` or ``RGB``, turned as its EXIF orientation asks, and what it was.

    Raises:
        TonesUnknown: black, white or ground of such a picture is not known.
        NoData: none of its pixels holds any.
    """
    picture = load(image)
    turn = None if image.format == "PPM" else _UPRIGHT.get(_orientation(image))
    seen = Seen((image.height, image.width))
    if isinstance(picture, Wide):
        used, span = getattr(tones, picture.kind), picture.span
        if span is None:
            raise NoData(picture.marks)
        if used is None:
            raise TonesUnknown
        seen = seen._replace(kind=picture.kind, low=span[0], high=span[1], no_data=picture.marks)
        alpha, picture = picture.alpha, Image.fromarray(_eight_bits(picture, used))
        if alpha is not None:
            picture = picture.convert("RGB")
            picture.putalpha(Image.fromarray(alpha))
    elif tones.small != BYTES:
        picture = _rescaled(picture, tones.small)
    if picture.mode == "RGBA":
        seen = seen._replace(is_transparent=True)
        if tones.ground is None:
            raise TonesUnknown
        opaque = Image.new("RGBA", picture.size, (tones.ground,) * 3 + (255,))
        opaque.alpha_composite(picture)
        picture = opaque.convert("RGB")
    return picture.transpose(turn) if turn is not None else picture, seen


def pixel_limit() -> int:
    """How many pixels a picture may have unless it is told otherwise: what Pillow takes to be no decompression bomb."""
    return quiet_pillow.limit


class quiet_pillow(warnings.catch_warnings):
    """Pillow's warnings about odd files are silenced, and its limit of pixels is ours to keep: it knows no reduction.

    Attributes:
        limit: that limit, as it was when this was entered.
    """

    limit = Image.MAX_IMAGE_PIXELS

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        self._before = Image.MAX_IMAGE_PIXELS
        if self._before is not None:
            quiet_pillow.limit = self._before
        Image.MAX_IMAGE_PIXELS = None

    def __exit__(self, *error: object) -> None:
        Image.MAX_IMAGE_PIXELS = self._before
        super().__exit__(*error)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # the pixels are good even where the EXIF block is not
        return 1


def _rescaled(image: Image.Image, used: Range) -> Image.Image:
    """8-bit channels with other black and white; what is transparent stays so."""
    black, white = used
    table = ((np.arange(256) - black) * (255 / (white - black))).round().clip(0, 255).astype(np.uint8).tolist()
    return image.point(table * len(image.getbands()[:3]) + list(range(256)) * (image.mode == "RGBA"))


def _eight_bits(picture: Wide, used: Range) -> np.ndarray:
    """Wide values as uint8, black and no data as 0 and white as 255; what lies beyond is cut off."""
    black, white = used
    scaled = picture.values.astype(np.float32)  # in place from here on: an image may have 89 million pixels
    if picture.missing is not None:
        scaled[picture.missing] = black
    scaled -= np.float32(black)
    scaled *= np.float32(255 / (white - black))
    np.clip(scaled, 0, 255, out=scaled)
    np.rint(scaled, out=scaled)
    return scaled.astype(np.uint8)
