"""Named sets with a published test part, laid out in ``data_dir`` as torchvision keeps them."""

import hashlib
import os
import pickle
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data.decode import Batch, Shape, fit
from data.download import Origin, download
from data.image_set import content_digests
from data.pictures import Pictures
from data.workers import in_order
from run import console
from run.errors import BadInput, printable

_DIGITS = tuple("0123456789")
_EMNIST = tuple(sorted(set(string.digits + string.ascii_letters) - set("cijklmopsuvwxyz")))
_FASHION = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_KMNIST = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

_BATCH = 1024

Part = tuple[np.ndarray, np.ndarray, tuple[str, ...]]  # images (N, H, W, C), labels (N,), class names


@dataclass(frozen=True)
class _Set:
    files: tuple[str, ...]  # what must be there, relative to data_dir
    read: Callable[[Path, bool], Part]  # (data_dir, whether the training part) -> one part
    origin: Origin


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
            download(name, self._set.origin, data_dir, files[0].parent)
        digest = hashlib.sha256()
        for file in files:
            status = file.stat()
            digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} ".encode())
        self.key = digest.hexdigest()

    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """Both parts, the test part last.

        Raises:
            BadInput: a file is damaged.
        """
        try:
            train_images, train_labels, class_names = self._set.read(self._data_dir, True)
            test_images, test_labels, _ = self._set.read(self._data_dir, False)
        except (ValueError, RuntimeError, KeyError, EOFError, IndexError, pickle.UnpicklingError) as error:
            raise BadInput(
                f"the files of {self.name} in {printable(self.place)} are damaged ({printable(error)}); "
                "delete them and run the same command again"
            ) from None
        height, width = image_size or train_images.shape[1:3]
        channels = 1 if grayscale else train_images.shape[3]
        sizes = {"train": len(train_images), "test": len(test_images)}
        console.note(f"reading {sizes['train']:,} + {sizes['test']:,} images of {self.name}")
        return Pictures(
            shape=Shape(channels, height, width, own_size=False, grayscale=grayscale),
            batches=lambda shape: array_batches([train_images, test_images], shape, num_workers),
            ids=[f"{part}/{number}" for part, size in sizes.items() for number in range(size)],
            labels=np.concatenate([train_labels, test_labels]).astype(np.int64),
            class_names=class_names,
            groups=[None] * sum(sizes.values()),
            published_test=np.arange(sum(sizes.values())) >= sizes["train"],
            left_out=[],
        )


def array_batches(parts: list[np.ndarray], shape: Shape, num_workers: int | None) -> Iterator[Batch]:
    """Images that are arrays already, (N, H, W, C) each, scaled where ``shape`` asks for it."""
    pieces = [part[start : start + _BATCH] for part in parts for start in range(0, len(part), _BATCH)]

    def convert(images: np.ndarray) -> np.ndarray:
        if images.shape[1:] == (shape.height, shape.width, shape.channels):
            return images.transpose(0, 3, 1, 2)
        plain = images[..., 0] if images.shape[-1] == 1 else images
        return np.stack([fit(Image.fromarray(np.ascontiguousarray(image)), shape) for image in plain])

    first = 0
    for converted in in_order(convert, pieces, num_workers):
        yield Batch(converted, content_digests(converted), list(range(first, first + len(converted))), [])
        first += len(converted)


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
        raise ValueError(f"{path.name} has not the size that its header says")
    return np.memmap(path, np.uint8, "r", offset, shape)


def _checked(images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> Part:
    if len(images) != len(labels) or labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError("labels and images do not fit together")
    return images, labels, class_names


def _idx_set(
    torchvision_class: str,
    prefixes: tuple[str, str],
    class_names: tuple[str, ...],
    mirrors: tuple[str, ...],
    **more: str,
) -> _Set:
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    files = tuple(f"{torchvision_class}/raw/{prefix}-{kind}" for prefix in prefixes for kind in kinds)

    def read(data_dir: Path, train: bool) -> Part:
        images_file, labels_file = files[:2] if train else files[2:]
        images = _read_idx(data_dir / images_file, 3)
        if torchvision_class == "EMNIST":  # its files hold every image transposed
            images = images.transpose(0, 2, 1)
        return _checked(images[..., None], _read_idx(data_dir / labels_file, 1), class_names)

    return _Set(files, read, Origin(torchvision_class, ({"train": True, **more},), mirrors))


def _cifar(torchvision_class: str, folder: str, names: tuple[str, ...]) -> _Set:
    def read(data_dir: Path, train: bool) -> Part:
        # These files are pickles. torchvision opens none whose MD5 is not the published one.
        from torchvision import datasets

        part = getattr(datasets, torchvision_class)(data_dir, train=train)
        return _checked(part.data, np.array(part.targets), tuple(part.classes))

    mirror = (
        f"https://www.cs.toronto.edu/~kriz/{folder.removesuffix('-batches-py').removesuffix('-python')}-python.tar.gz"
    )
    files = tuple(f"{folder}/{name}" for name in names)
    return _Set(files, read, Origin(torchvision_class, ({"train": True},), (mirror,)))


def _read_svhn(data_dir: Path, train: bool) -> Part:
    from torchvision import datasets

    part = datasets.SVHN(data_dir, split="train" if train else "test")
    return _checked(part.data.transpose(0, 2, 3, 1), part.labels, _DIGITS)


def _read_stl10(data_dir: Path, train: bool) -> Part:
    """Columns stand before rows in its files, and classes are counted from 1."""
    folder, part = data_dir / "stl10_binary", "train" if train else "test"
    class_names = tuple((folder / "class_names.txt").read_text().split())
    labels = np.fromfile(folder / f"{part}_y.bin", np.uint8).astype(np.int64) - 1
    images = np.memmap(folder / f"{part}_X.bin", np.uint8, "r").reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)
    return _checked(images, labels, class_names)


_MNIST_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
_FASHION_MIRROR = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_EMNIST_MIRROR = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
_EMNIST_PREFIXES = ("emnist-balanced-train", "emnist-balanced-test")
_SVHN_MIRROR = "http://ufldl.stanford.edu/housenumbers/"
_STL10_FILES = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt")
_STL10_MIRROR = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"

PUBLISHED = {
    "mnist": _idx_set("MNIST", ("train", "t10k"), _DIGITS, _MNIST_MIRRORS),
    "fashion_mnist": _idx_set("FashionMNIST", ("train", "t10k"), _FASHION, (_FASHION_MIRROR,)),
    "kmnist": _idx_set("KMNIST", ("train", "t10k"), _KMNIST, ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)),
    "emnist": _idx_set("EMNIST", _EMNIST_PREFIXES, _EMNIST, (_EMNIST_MIRROR,), split="balanced"),
    "cifar10": _cifar(
        "CIFAR10", "cifar-10-batches-py", (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta")
    ),
    "cifar100": _cifar("CIFAR100", "cifar-100-python", ("train", "test", "meta")),
    "svhn": _Set(
        ("train_32x32.mat", "test_32x32.mat"),
        _read_svhn,
        Origin("SVHN", ({"split": "train"}, {"split": "test"}), (_SVHN_MIRROR,)),
    ),
    "stl10": _Set(
        tuple(f"stl10_binary/{file}" for file in _STL10_FILES),
        _read_stl10,
        Origin("STL10", ({"split": "test"},), (_STL10_MIRROR,)),
    ),
}
