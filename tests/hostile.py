"""Files as somebody would make them who wants the reader to run code, to write elsewhere or to run out of memory.

Seals are no signatures: whoever makes such a file computes the right checksum as well, and so do these.
"""

import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from run.artefacts import write_json
from run.tensor_file import save_tensors

GIGABYTE = 1 << 30
CANARY = "canary"  # the file that code makes if it runs


class Code:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {CANARY}",)


class Call:
    """Calls what torch's own unpickler lets through."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple:
        return self._call


def sealed(archive: bytes) -> bytes:
    """The bytes of an archive with the comment that says they are whole."""
    if archive[-2:] == b"\0\0" and zipfile.is_zipfile(io.BytesIO(archive)):
        archive = archive[:-2] + struct.pack("<H", 71)
    return archive + b"sha256:" + hashlib.sha256(archive).hexdigest().encode()


def archive_of(
    content: object, change: Callable[[str, bytes], tuple[str, bytes]] = lambda *e: e, **options: int
) -> bytes:
    """What torch.save makes of ``content``, each entry passed through ``change``."""
    plain, made = io.BytesIO(), io.BytesIO()
    torch.save(content, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(made, "w", **options) as target:
        for entry in source.infolist():
            target.writestr(*change(entry.filename, source.read(entry)))
    return sealed(made.getvalue())


def checkpoints(sound: dict[str, Any]) -> dict[str, bytes]:
    """Malicious checkpoints by what is wrong with them, made of the content of a sound one."""

    def built(**changes: object) -> bytes:
        return archive_of({**sound, **changes})

    def with_weight(change: Callable[[torch.Tensor], object]) -> bytes:
        name, tensor = next((n, t) for n, t in sound["weights"].items() if t.dim() == 2)
        return built(weights={**sound["weights"], name: change(tensor)})

    def shaped(**changes: object) -> bytes:
        return built(hyperparameters={**sound["hyperparameters"], **changes})

    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    laughs: list = ["ha"]
    for _ in range(30):
        laughs = [laughs, laughs]
    legacy = io.BytesIO()
    torch.save(sound, legacy, _use_new_zipfile_serialization=False)
    huge = torch.zeros(1).expand(100_000, 1_000_000)
    return {
        "a pickle": pickle.dumps(Code()),
        "a sealed pickle": sealed(pickle.dumps(Code())),
        "code in the weights": built(weights=Code()),
        "code beside the rest": built(more=[Code()]),
        "the old format": sealed(legacy.getvalue()),
        "a program (TorchScript)": archive_of(
            sound, lambda n, c: (n.replace("version", "constants.pkl"), pickle.dumps(Code()) if "version" in n else c)
        ),
        "a compressed gigabyte": archive_of(
            sound, lambda n, c: (n, bytes(GIGABYTE)) if n.endswith("data/0") else (n, c),
            compression=zipfile.ZIP_DEFLATED, compresslevel=1,
        ),
        "a bytearray of 100 GB": built(more=Call(bytearray, 10**11)),
        "a tensor of 4 TB": built(more=Call(torch.Tensor, 10**6, 10**6)),
        "a tensor of one number repeated": with_weight(lambda _: huge),
        "a storage that is longer than its bytes": archive_of(
            sound, lambda n, c: (n, c[: len(c) // 2]) if n.endswith("data/0") else (n, c)
        ),
        "lists in lists": sealed(_nested_pickle()),
        "a list that doubles thirty times": built(more=laughs),
        "entries that lead elsewhere": archive_of(sound, lambda n, c: (n.replace("archive", "../../../tmp"), c)),
        "two pickles": archive_of(sound, lambda n, c: (n.replace("version", "DATA.PKL"), c)),
        "a module for an architecture": built(architecture="os"),
        "a list for an architecture": built(architecture=["conv"]),
        "a bottleneck of a trillion": shaped(latent_size=10**12),
        "images of a trillion pixels": shaped(image_shape=(3, 10**6, 10**6)),
        "an argument nobody takes": shaped(system="touch canary"),
        "double precision": with_weight(torch.Tensor.double),
        "complex weights": with_weight(lambda tensor: tensor.to(torch.complex64)),
        "sparse weights": with_weight(torch.Tensor.to_sparse),
        "weights that are not there": with_weight(lambda tensor: tensor.to("meta")),
        "weights that are NaN": with_weight(lambda tensor: tensor * float("nan")),
        "no record": built(record=None),
        "a record of other things": built(record={name: [1] for name in sound["record"]}),
    }  # fmt: skip


def _nested_pickle() -> bytes:
    depth = 100_000
    content = b"\x80\x02" + b"(" * 0 + b"]" * depth + b"a" * (depth - 1) + b"."
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, entry in (
            ("archive/data.pkl", content),
            ("archive/version", b"3\n"),
            ("archive/byteorder", b"little"),
        ):
            archive.writestr(name, entry)
    return made.getvalue()


def splits(sound: dict[str, Any]) -> dict[str, bytes]:
    """Malicious test splits."""
    images = sound["images"]
    one_pixel = images[:1, :1, :1, :1].clone()
    return {
        "images of one pixel repeated": archive_of({**sound, "images": one_pixel.expand(len(images), 1, 10**5, 10**5)}),
        "labels of no class": archive_of({**sound, "labels": torch.full((len(images),), 2**40)}),
        "fewer names than images": archive_of({**sound, "sample_ids": ["x"]}),
        "code for a name": archive_of({**sound, "class_names": [Code()]}),
        "images of real numbers": archive_of({**sound, "images": images.float() * float("inf")}),
    }  # fmt: skip


def training_states(sound: dict[str, Any], elsewhere: Path) -> dict[str, bytes]:
    """Malicious training states, some of which ask for files ``elsewhere``."""
    identity, position, optimizer = sound["identity"], sound["position"], sound["optimizer"]

    def asking(**changes: object) -> bytes:
        return archive_of({**sound, "identity": {**identity, "arguments": {**identity["arguments"], **changes}}})

    def moments(change: Callable[[torch.Tensor], object]) -> bytes:
        state = {n: {k: v if k == "step" else change(v) for k, v in s.items()} for n, s in optimizer["state"].items()}
        return archive_of({**sound, "optimizer": {**optimizer, "state": state}})

    return {
        "an output folder": asking(output_dir=str(elsewhere)),
        "a data folder": asking(data_dir=str(elsewhere)),
        "an argument nobody takes": asking(system="touch canary"),
        "images of a terapixel": asking(image_size=(10**6, 10**6)),
        "a batch of -1": asking(batch_size=-1),
        "an architecture that is a module": asking(model="os"),
        "code for an argument": asking(dataset=Code()),
        "moments that are too short": moments(lambda value: value.flatten()[:1]),
        "moments of another kind": moments(lambda value: "moment"),
        "a position that is none": archive_of({**sound, "position": {**position, "step": "1"}}),
        "records that are none": archive_of({**sound, "position": {**position, "log": [[1] for _ in position["log"]]}}),
        "records that are empty": archive_of({**sound, "position": {**position, "log": [{} for _ in position["log"]]}}),
        "a position at the end of no step": archive_of({**sound, "position": {**position, "step": 3, "summed": {}}}),
        "a fingerprint that is none": archive_of({**sound, "identity": {**identity, "fingerprint": torch.zeros(2)}}),
        "a generator that is none": archive_of({**sound, "generators": {"torch": torch.zeros(3), "python": (1,)}}),
    }


def arrays() -> dict[str, bytes]:
    """Malicious .npy files."""
    objects = io.BytesIO()
    np.save(objects, np.array([[Code()]], dtype=object), allow_pickle=True)

    def header(text: str, version: bytes = b"\x01\x00", length: int | None = None) -> bytes:
        size = (len(text) if length is None else length).to_bytes(2 if version == b"\x01\x00" else 4, "little")
        return b"\x93NUMPY" + version + size + text.encode()

    def shaped(shape: str, descr: str = "'<f4'") -> str:
        return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n"

    return {
        "a pickle": pickle.dumps(Code()),
        "pickled objects": objects.getvalue(),
        "a header of objects": header(shaped("(1, 1)", "'|O'")),
        "a shape of an exabyte": header(shaped("(1000000000, 1000000000)")),
        "a shape whose product overflows": header(shaped("(4611686018427387904, 4)")),
        "a negative shape": header(shaped("(-1, 4)")),
        "a header of 4 GB": header("{", b"\x02\x00", 2**32 - 1),
        "a header that is code": header("__import__('os').system('touch canary')\n"),
        "a header of brackets": header("(" * 60_000),
        "a type of a gigabyte": header(shaped("(1, 1)", "'<f4', (99999, 99999)")),
    }


def sidecars(sound: dict[str, Any]) -> dict[str, bytes]:
    """Malicious sidecars."""

    def written(**changes: object) -> bytes:
        path = Path(CANARY + ".json")
        write_json(path, {**sound, **changes})
        content = path.read_bytes()
        path.unlink()
        return content

    return {
        "a pickle": pickle.dumps(Code()),
        "brackets": b"[" * 1_000_000,
        "a number of a million digits": b'{"checksum": ' + b"9" * 1_000_000 + b"}",
        "no checksum": json.dumps(sound).encode(),
        "a key twice": written().replace(b'"rows"', b'"labels"', 1),
        "labels of no class": written(labels=[10**6] * len(sound["labels"])),
        "names that are lists": written(class_names=[["a"]] * len(sound["class_names"])),
        "no origin": written(origin="nowhere"),
    }


def write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def resave(path: Path, kind: str, content: dict[str, Any]) -> None:
    path.unlink(missing_ok=True)
    save_tensors(path, kind, content)
