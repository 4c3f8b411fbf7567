"""Colour sets in formats of their own: CIFAR-10 and -100, SVHN, STL-10."""

from pathlib import Path

import numpy as np

from data.download import Origin
from data.published import Part, Published, checked

_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_STANFORD = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"


class CIFAR10(Published):
    """60,000 pictures of 10 kinds of things, 32x32 (Krizhevsky, 2009)."""

    name = "cifar10"
    files = tuple(
        f"cifar-10-batches-py/{file}"
        for file in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
    )
    origin = Origin("CIFAR10", ({"train": True},), (f"{_TORONTO}cifar-10-python.tar.gz",))

    def read(self, data_dir: Path, train: bool) -> Part:
        """One part; see :meth:`data.published.Published.read`."""
        return _read_cifar("CIFAR10", data_dir, train)


class CIFAR100(Published):
    """60,000 pictures of 100 kinds of things, 32x32 (Krizhevsky, 2009)."""

    name = "cifar100"
    files = tuple(f"cifar-100-python/{file}" for file in ("train", "test", "meta"))
    origin = Origin("CIFAR100", ({"train": True},), (f"{_TORONTO}cifar-100-python.tar.gz",))

    def read(self, data_dir: Path, train: bool) -> Part:
        """One part; see :meth:`data.published.Published.read`."""
        return _read_cifar("CIFAR100", data_dir, train)


class SVHN(Published):
    """99,289 digits of house numbers, 32x32 (Netzer et al., 2011)."""

    name = "svhn"
    files = ("train_32x32.mat", "test_32x32.mat")
    origin = Origin("SVHN", ({"split": "train"}, {"split": "test"}), ("http://ufldl.stanford.edu/housenumbers/",))

    def read(self, data_dir: Path, train: bool) -> Part:
        """One part; see :meth:`data.published.Published.read`."""
        from torchvision import datasets  # seconds, for this set alone

        part = datasets.SVHN(data_dir, split="train" if train else "test")
        return checked(part.data.transpose(0, 2, 3, 1), part.labels, tuple("0123456789"))


class STL10(Published):
    """13,000 labelled pictures of 10 kinds of things, 96x96 (Coates et al., 2011)."""

    name = "stl10"
    files = tuple(
        f"stl10_binary/{file}" for file in ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt")
    )
    origin = Origin("STL10", ({"split": "test"},), (_STANFORD,))

    def read(self, data_dir: Path, train: bool) -> Part:
        """Columns stand before rows in its files, and classes are counted from 1."""
        folder, part = data_dir / "stl10_binary", "train" if train else "test"
        class_names = tuple((folder / "class_names.txt").read_text().split())
        labels = np.fromfile(folder / f"{part}_y.bin", np.uint8).astype(np.int64) - 1
        images = np.memmap(folder / f"{part}_X.bin", np.uint8, "r").reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)
        return checked(images, labels, class_names)


def _read_cifar(torchvision_class: str, data_dir: Path, train: bool) -> Part:
    """The files are pickles. torchvision opens none whose MD5 is not the published one."""
    from torchvision import datasets  # seconds, for these sets alone

    part = getattr(datasets, torchvision_class)(data_dir, train=train)
    return checked(part.data, np.array(part.targets), tuple(part.classes))
