"""MNIST and the sets that are kept as it is, in IDX files: http://yann.lecun.com/exdb/mnist/."""

import string
from pathlib import Path
from typing import ClassVar

import numpy as np

from data.download import Origin
from data.published import Part, Published, checked

_DIGITS = tuple("0123456789")
# Letters whose small and capital forms look alike are one class.
_LETTERS = tuple(sorted(set(string.digits + string.ascii_letters) - set("cijklmopsuvwxyz")))


class IdxSet(Published):
    """Images and labels of each part in a file of its own, in the order training images, labels, test images, labels.

    Attributes:
        class_names: the K classes, by label.
    """

    class_names: ClassVar[tuple[str, ...]]

    def read(self, data_dir: Path, train: bool) -> Part:
        """One part; see :meth:`data.published.Published.read`."""
        images_file, labels_file = self.files[:2] if train else self.files[2:]
        images = self.upright(read_idx(data_dir / images_file, 3))
        return checked(images[..., None], read_idx(data_dir / labels_file, 1), self.class_names)

    def upright(self, images: np.ndarray) -> np.ndarray:
        """The images (N, H, W) as one looks at them."""
        return images


def files_of(torchvision_class: str, train: str = "train", test: str = "t10k") -> tuple[str, ...]:
    """The four files of a set, by what their names begin with."""
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return tuple(f"{torchvision_class}/raw/{prefix}-{kind}" for prefix in (train, test) for kind in kinds)


class MNIST(IdxSet):
    """70,000 handwritten digits of 28x28 pixels (LeCun et al., 1998)."""

    name = "mnist"
    class_names = _DIGITS
    files = files_of("MNIST")
    origin = Origin(
        "MNIST",
        ({"train": True},),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    )


class FashionMNIST(IdxSet):
    """70,000 photographs of clothes of 28x28 pixels (Xiao et al., 2017)."""

    name = "fashion_mnist"
    class_names = (
        "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    )  # fmt: skip
    files = files_of("FashionMNIST")
    origin = Origin(
        "FashionMNIST", ({"train": True},), ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    )


class KMNIST(IdxSet):
    """70,000 Japanese letters of 28x28 pixels (Clanuwat et al., 2018)."""

    name = "kmnist"
    class_names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    files = files_of("KMNIST")
    origin = Origin("KMNIST", ({"train": True},), ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",))


class EMNIST(IdxSet):
    """131,600 letters and digits of 28x28 pixels, the balanced split (Cohen et al., 2017)."""

    name = "emnist"
    class_names = _LETTERS
    files = files_of("EMNIST", "emnist-balanced-train", "emnist-balanced-test")
    origin = Origin(
        "EMNIST", ({"train": True, "split": "balanced"},), ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",)
    )

    def upright(self, images: np.ndarray) -> np.ndarray:
        """Its files hold every image transposed."""
        return images.transpose(0, 2, 1)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """An IDX file of bytes, mapped rather than copied.

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
