"""Annotations that tell where objects are in pictures, which say no class of a picture and are not read."""

import itertools
from pathlib import Path

# How sets of object detection name what lies beside their images.
_PATTERNS = {
    "YOLO": ("labels/*.txt", "labels/*/*.txt", "*/labels/*.txt"),
    "COCO": ("annotations/*.json", "*coco*.json", "*/*coco*.json"),
    "Pascal VOC": ("Annotations/*.xml", "*/Annotations/*.xml"),
}


def boxes_beside(folder: Path) -> list[str]:
    """A sentence where a folder holds boxes of objects; else none."""
    for name, patterns in _PATTERNS.items():
        if any(itertools.chain.from_iterable(map(folder.glob, patterns))):
            return [
                f"boxes of objects, as {name} has them, are not read: they are no classes of whole images; for classes "
                "give a table (--labels), or cut the objects out, into one folder a class"
            ]
    return []
