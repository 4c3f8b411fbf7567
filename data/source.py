"""The contract of an image source: one class, and one line in the table ``data.DATASETS``."""

from abc import ABC, abstractmethod
from typing import ClassVar

from data.pictures import Pictures


class Source(ABC):
    """Where images come from. A named set is a class that is called with the folder of downloads, ``data_dir``.

    Making one finds out where the files are and in what state, and fetches them if need be; :meth:`open` reads them.

    Attributes:
        name: what the set is called in titles, records and the names of caches.
        place: where its files lie, absolute.
        key: a digest that differs whenever the content of those files may differ. Decoded images are kept under it.
        seeks_near_duplicates: whether copies that are not equal bytes are sought, as nobody has weeded them out.
        heeds: names of :class:`data.annotations.Annotations` that are heeded in a named set; its class then takes them.
        cached: whether decoding is worth keeping; not where images are small and come out of memory.

    Raises:
        BadInput: the set is not there and can't be fetched. Raised when one is made.
    """

    name: str
    place: str
    key: str
    cached: ClassVar[bool] = True
    seeks_near_duplicates: ClassVar[bool] = False
    heeds: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def open(self, image_size: tuple[int, int] | None, grayscale: bool, num_workers: int | None) -> Pictures:
        """The images, still to be decoded, and what is known of each.

        Args:
            image_size: (height, width) to scale to; None for the images' own.
            grayscale: turn colours into one channel.
            num_workers: how many decode at a time; None chooses.

        Raises:
            BadInput: the files are damaged, or hold no image.
        """

    def file_of(self, sample_id: str) -> str | None:
        """The path of the file that holds this image alone; None in a set whose images are not files of their own."""
        return None
