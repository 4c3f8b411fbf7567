"""Named sets with a published test part, laid out in ``data_dir`` as torchvision keeps them."""

import contextlib
import hashlib
import os
import shutil
import socket
import string
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data.decode import Shape, fit, in_order
from data.pictures import Batch, Pictures
from run import console
from run.errors import BadInput, printable

_DIGITS = tuple("0123456789")
_EMNIST = tuple(sorted(set(string.digits + string.ascii_letters) - set("cijklmopsuvwxyz")))
_FASHION = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_KMNIST = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_ERDA = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"

# A person should not wait longer for the news that there is no network.
_ANSWER_SECONDS = 4
_BATCH = 1024

Part = tuple[np.ndarray, np.ndarray, tuple[str, ...]]  # images (N, H, W, C), labels (N,), class names


@dataclass(frozen=True)
class _Set:
    torchvision_class: str
    files: tuple[str, ...]  # what is read, relative to data_dir
    read: Callable[[Path, bool], Part]  # (data_dir, train) -> one part
    mirrors: tuple[str, ...]  # addresses of which one must answer before a download is tried
    arguments: tuple[dict, ...]  # of the torchvision class, for each part that it must fetch


class Published:
    """A source (see :mod:`data.sources`) of a set whose test part is published."""

    cached = True

    def __init__(self, name: str, data_dir: Path) -> None:
        self.name = name
        self._set = PUBLISHED[name]
        self._data_dir = data_dir
        files = [data_dir / file for file in self._set.files]
        self.place = os.path.abspath(files[0].parent)
        if not all(file.is_file() for file in files):
            download(name, data_dir, files[0].parent)
        digest = hashlib.sha256()
        for file in files:
            status = file.stat()
            digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} ".encode())
        self.key = digest.hexdigest()

    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int) -> Pictures:
        try:
            train_images, train_labels, class_names = self._set.read(self._data_dir, True)
            test_images, test_labels, _ = self._set.read(self._data_dir, False)
        except (ValueError, RuntimeError, KeyError, EOFError, IndexError) as error:
            raise BadInput(
                f"the files of {self.name} in {printable(self.place)} are damaged ({printable(error)}); "
                "delete that folder and run the same command again"
            ) from None
        own_height, own_width, channels = train_images.shape[1:]
        height, width = image_size or (own_height, own_width)
        shape = Shape(1 if grayscale else channels, height, width, own_size=False, grayscale=grayscale)
        console.note(f"reading {len(train_images):,} + {len(test_images):,} images of {self.name}")
        ids = [
            f"{part}/{number}"
            for part, images in (("train", train_images), ("test", test_images))
            for number in range(len(images))
        ]
        return Pictures(
            shape=shape,
            batches=lambda shape: array_batches([train_images, test_images], shape, num_workers),
            ids=ids,
            labels=np.concatenate([train_labels, test_labels]).astype(np.int64),
            class_names=class_names,
            tracks=[None] * len(ids),
            published_test=np.arange(len(ids)) >= len(train_images),
            left_out=[],
        )


def array_batches(parts: list[np.ndarray], shape: Shape, num_workers: int) -> Iterator[Batch]:
    """Images that are arrays already, (N, H, W, C) each, scaled where ``shape`` asks for it."""
    pieces = [part[start : start + _BATCH] for part in parts for start in range(0, len(part), _BATCH)]

    def convert(images: np.ndarray) -> np.ndarray:
        if images.shape[1:] == (shape.height, shape.width, shape.channels):
            return images.transpose(0, 3, 1, 2)
        whole = images[..., 0] if images.shape[-1] == 1 else images
        return np.stack([fit(Image.fromarray(np.ascontiguousarray(image)), shape) for image in whole])

    first = 0
    for converted in in_order(convert, pieces, num_workers):
        yield converted, list(range(first, first + len(converted))), []
        first += len(converted)


def download(name: str, data_dir: Path, belongs: Path) -> None:
    """Fetch a set through torchvision, aside, and move it to its place once it is whole.

    torchvision takes a set that was half extracted when the process died for a complete one; a set that is moved as a
    whole never is. It checks each archive's published MD5 before it extracts it.

    Raises:
        BadInput: no mirror answers, or the download fails.
    """
    known = PUBLISHED.get(name) or _GTSRB
    remedy = (
        f"put its files into {printable(belongs)}, or use a set that needs no download (--dataset digits) "
        "or your own images (--dataset FOLDER)"
    )
    if not _any_answers(known.mirrors):
        raise BadInput(
            f"{name} is not in {printable(data_dir)} and can't be downloaded: no answer from the network; {remedy}"
        )
    console.note(f"downloading {name} into {printable(data_dir)}")
    aside = data_dir / f".download-{name}"
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        import torchvision

        with _bounded_network(), _archives_stay_inside():
            for arguments in known.arguments:
                getattr(torchvision.datasets, known.torchvision_class)(aside, download=True, **arguments)
        _move_into(aside, data_dir)
    except (RuntimeError, OSError, urllib.error.URLError) as error:
        if isinstance(error, OSError) and not isinstance(error, urllib.error.URLError | TimeoutError | ConnectionError):
            raise  # the disk rather than the network
        raise BadInput(f"{name} can't be downloaded ({printable(error)}); {remedy}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _any_answers(addresses: tuple[str, ...]) -> bool:
    """Whether any server answers at all, in bounded time: name look-up alone may otherwise take half a minute."""
    answered = threading.Event()

    def ask(address: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            try:
                urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=_ANSWER_SECONDS).close()
            except urllib.error.HTTPError as error:  # an answer, if not a friendly one
                error.close()
            answered.set()
        finished.release()

    finished = threading.Semaphore(0)
    for address in addresses:
        threading.Thread(target=ask, args=(address,), daemon=True).start()
    for _ in addresses:
        finished.acquire(timeout=_ANSWER_SECONDS)
        if answered.is_set():
            return True
    return False


@contextlib.contextmanager
def _bounded_network() -> Iterator[None]:
    """A server that stops answering in the middle of a download ends it, instead of holding it for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_ANSWER_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _archives_stay_inside() -> Iterator[None]:
    """No member of a tar archive is extracted outside its folder or made a device, in any version of torchvision.

    zipfile does this by itself; tarfile does it from Python 3.14 on, before that only when asked.
    """
    if not hasattr(tarfile, "data_filter"):
        yield
        return
    before = tarfile.TarFile.extraction_filter
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = before


def _move_into(source: Path, target: Path) -> None:
    for child in source.iterdir():
        place = target / child.name
        if child.is_dir() and place.is_dir():
            _move_into(child, place)
        else:
            os.replace(child, place)


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    """An IDX file of bytes (http://yann.lecun.com/exdb/mnist/), mapped rather than copied.

    Raises:
        ValueError: the file is not what its header says.
    """
    header = np.fromfile(path, ">i4", 1 + dimensions)
    if len(header) != 1 + dimensions or header[0] != 0x0800 + dimensions:
        raise ValueError(f"{path.name} is not an IDX file of {dimensions} dimensions")
    offset, shape = 4 * (1 + dimensions), tuple(int(side) for side in header[1:])
    if min(shape) < 1 or path.stat().st_size != offset + int(np.prod(shape, dtype=object)):
        raise ValueError(f"{path.name} is truncated")
    return np.memmap(path, np.uint8, "r", offset, shape)


def _idx_set(
    torchvision_class: str,
    prefixes: tuple[str, str],
    class_names: tuple[str, ...],
    mirrors: tuple[str, ...],
    **arguments: object,
) -> _Set:
    folder = f"{torchvision_class}/raw"
    names = [f"{folder}/{prefix}-{kind}-ubyte" for prefix in prefixes for kind in ("images-idx3", "labels-idx1")]

    def read(data_dir: Path, train: bool) -> Part:
        images_name, labels_name = names[:2] if train else names[2:]
        images, labels = _read_idx(data_dir / images_name, 3), _read_idx(data_dir / labels_name, 1)
        if len(images) != len(labels) or labels.max() >= len(class_names):
            raise ValueError(f"{labels_name} does not fit {images_name}")
        if torchvision_class == "EMNIST":  # its files hold every image transposed
            images = images.transpose(0, 2, 1)
        return images[..., None], labels, class_names

    return _Set(torchvision_class, tuple(names), read, mirrors, ({"train": True, **arguments},))


def _torchvision_set(
    torchvision_class: str, files: tuple[str, ...], address: str, class_names: tuple[str, ...] | None = None
) -> _Set:
    """A set that torchvision reads: it checks the MD5 of every file first, CIFAR's pickles among them."""
    by_flag = torchvision_class.startswith("CIFAR")
    parts = {
        True: {"train": True} if by_flag else {"split": "train"},
        False: {"train": False} if by_flag else {"split": "test"},
    }

    def read(data_dir: Path, train: bool) -> Part:
        import torchvision

        part = getattr(torchvision.datasets, torchvision_class)(data_dir, **parts[train])
        images = part.data if by_flag else part.data.transpose(0, 2, 3, 1)  # (N, H, W, C)
        return images, np.asarray(part.targets if by_flag else part.labels), class_names or tuple(part.classes)

    fetch = (parts[True], parts[False]) if torchvision_class == "SVHN" else (parts[True],)
    return _Set(torchvision_class, files, read, (address,), fetch)


_MNIST_FILES = ("train", "t10k")
_CIFAR10_FILES = tuple(
    f"cifar-10-batches-py/{name}" for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta")
)
PUBLISHED = {
    "mnist": _idx_set(
        "MNIST",
        _MNIST_FILES,
        _DIGITS,
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    ),
    "fashion_mnist": _idx_set(
        "FashionMNIST", _MNIST_FILES, _FASHION, ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    ),
    "kmnist": _idx_set("KMNIST", _MNIST_FILES, _KMNIST, ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)),
    "emnist": _idx_set(
        "EMNIST",
        ("emnist-balanced-train", "emnist-balanced-test"),
        _EMNIST,
        ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
        split="balanced",
    ),
    "cifar10": _torchvision_set("CIFAR10", _CIFAR10_FILES, "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"),
    "cifar100": _torchvision_set(
        "CIFAR100",
        tuple(f"cifar-100-python/{name}" for name in ("train", "test", "meta")),
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    ),
    "svhn": _torchvision_set(
        "SVHN", ("train_32x32.mat", "test_32x32.mat"), "http://ufldl.stanford.edu/housenumbers/train_32x32.mat", _DIGITS
    ),
    "stl10": _torchvision_set(
        "STL10",
        tuple(
            f"stl10_binary/{name}"
            for name in ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt")
        ),
        "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
    ),
}
_GTSRB = _Set("GTSRB", (), lambda data_dir, train: None, (_ERDA,), ({"split": "train"},))
