"""Which files are pictures, which of them can be read here, and in words why one can't be."""

import errno
import logging
from collections.abc import Sequence
from contextlib import suppress

from PIL import TiffImagePlugin, UnidentifiedImageError, features

_HEIC = (".heic", ".heif", ".hif")
_AVIF = (".avif", ".avifs")
_PNM, _JPEG, _JPEG2000 = (".ppm", ".pgm", ".pbm", ".pnm"), (".jpg", ".jpeg", ".jpe", ".jfif"), (".jp2", ".j2k", ".jpx")


def _readable() -> tuple[tuple[str, ...], frozenset[str]]:
    """Formats that are opened, and the extensions of their files.

    Only formats that Pillow decodes by itself, and HEIC by the package that is made for it: Pillow's EPS reader would
    run Ghostscript on a file from anywhere.
    """
    formats = ["PPM", "PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "JPEG2000"]
    endings = [*_PNM, *_JPEG, *_JPEG2000, ".png", ".apng", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"]
    if features.check("avif"):
        formats.append("AVIF")
        endings += _AVIF
    with suppress(ImportError):  # it is none of the requirements: nobody but the owners of iPhones needs it
        from pillow_heif import register_heif_opener

        register_heif_opener()
        formats.append("HEIF")
        endings += _HEIC
    return tuple(formats), frozenset(endings)


logging.getLogger("PIL").addHandler(logging.NullHandler())  # what is wrong with a file is said once, by its name
FORMATS, EXTENSIONS = _readable()
# Changes whenever the same files would become other pixels or classes: no cache outlives the code that filled it.
READERS = repr(("6", FORMATS))

_NEEDS_HEIF = "unsupported: HEIC, which is read when its package is there: pip install pillow-heif"
_NEEDS_AVIF = "unsupported: AVIF, which this Pillow was built without: pip install --upgrade pillow"
_CONVERT = "save it as PNG, TIFF or JPEG"
# Files that are pictures by their names, and that are not read: what to do about them.
UNSUPPORTED = {
    ending: why
    for endings, why in (
        (_HEIC, _NEEDS_HEIF),
        (_AVIF, _NEEDS_AVIF),
        ((".jxl",), f"unsupported: JPEG XL; {_CONVERT}"),
        ((".svg", ".svgz", ".eps", ".ai", ".pdf"), f"unsupported: a drawing rather than pixels; {_CONVERT}"),
        ((".psd", ".psb", ".xcf", ".kra"), f"unsupported: layers of a paint program; {_CONVERT}"),
        (
            (".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw"),
            f"unsupported: a camera's raw file; develop it and {_CONVERT}",
        ),
        ((".dcm", ".dicom"), f"unsupported: DICOM; {_CONVERT}, 16-bit where the values matter"),
        ((".czi", ".nd2", ".lif", ".lsm", ".oib", ".oif", ".vsi", ".svs", ".ndpi", ".mrxs", ".scn"),
         "unsupported: a microscope's own format; export it as TIFF"),
        ((".exr", ".hdr"), f"unsupported: light rather than colours; {_CONVERT}"),
    )
    for ending in endings
    if ending not in EXTENSIONS
}  # fmt: skip
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"RIFF", "WebP"),
    (b"\0\0\0\x0cjP", "JPEG 2000"),
)
# What nothing but a picture begins with: "BM" and "RIFF" are beginnings of other files as well.
_SURELY_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"\0\0\0\x0cjP", b"II*\0", b"MM\0*")
_NAMED = 5
_HEAD = 132  # bytes: of DICOM the signature ends there
# Pillow's own errors have no number; a damaged file sends it to places where no file has any.
_ABOUT_THE_FILE = {None, errno.EACCES, errno.EPERM, errno.EINVAL, errno.EOVERFLOW}


class TooLarge(Exception):
    """A picture of more pixels than are read without a word."""

    def __init__(self, pixels: int, limit: int) -> None:
        super().__init__(f"too large: {pixels:,} pixels, more than {limit:,} (a decompression bomb?); "
                         f"to read it all the same: --max_pixels {pixels}")  # fmt: skip


class NoData(Exception):
    """A picture whose every pixel stands for no data."""

    def __init__(self, marks: Sequence[str]) -> None:
        super().__init__(f"holds no data: every pixel is {' or '.join(marks[:_NAMED])}")


def reason(error: Exception, path: str) -> str:
    """Why a file could not be read, in words: damaged, too large, unsupported, without data, or no picture at all."""
    if isinstance(error, (TooLarge, NoData)):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(path)
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


def begins_as_a_picture(path: str) -> bool:
    """Whether a file, whatever its name, begins as pictures do."""
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith(_SURELY_PICTURES)
    except OSError:
        return False


def _unidentified(path: str) -> str:
    """What a file is that no reader took, by its first bytes rather than by its name."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return "not an image"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"):
        return UNSUPPORTED.get(".heic", "truncated or damaged HEIC")
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return UNSUPPORTED.get(".avif", "truncated or damaged AVIF")
    if head[:2] == b"\xff\x0a" or head[4:8] == b"JXL ":
        return UNSUPPORTED[".jxl"]
    if head[:4] == b"8BPS":
        return UNSUPPORTED[".psd"]
    if head[128:132] == b"DICM":
        return UNSUPPORTED[".dcm"]
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _strange_tiff(path)
    kind = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)
    return "not an image" if kind is None else f"truncated or damaged {kind}: its beginning can't be read"


def _strange_tiff(path: str) -> str:
    try:
        TiffImagePlugin.TiffImageFile(path).close()
    except SyntaxError as error:
        if any(words in str(error) for words in ("pixel mode", "samples per pixel", "unknown")):
            return (
                "unsupported: a TIFF of a kind that Pillow does not read; save it with one or three channels of 8 or "
                "16 bits, or with one of 32-bit floating point"
            )
    except Exception:  # anything at all, as of any damaged file
        return "truncated or damaged TIFF"
    return "truncated or damaged TIFF"
