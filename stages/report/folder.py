"""What lies in a run's folder, read with suspicion: files may be missing, damaged, edited, or of another training."""

import base64
import csv
import functools
import io
import itertools
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from figure.page import embedded_json
from run.artefacts import file_sha256, latent_space_path, model_path, read_json
from run.errors import BadInput, printable

_LARGEST_PICTURE, _LARGEST_TEXT = 24 << 20, 64 << 20  # bytes
_MOST_PIXELS = 200_000_000
EXPLORER = "explorer.html"
LARGEST_EXPLORER = 16 << 20  # bytes; a larger one would make the page too large for mail, and stays beside it


@dataclass(frozen=True)
class Picture:
    """A figure on the page.

    Attributes:
        uri: its bytes, as a ``data:`` address.
        alt: what it shows, for whoever does not see it.
        width, height: in pixels.
    """

    uri: str
    alt: str
    width: int
    height: int


def by_name(digests: Mapping[int, object]) -> dict[str, object]:
    """The digests of checkpoints by size as those of files."""
    return {model_path(Path(), size).name: digest for size, digest in digests.items()}


@dataclass(eq=False)
class Folder:
    """A run's folder.

    Attributes:
        path: of the folder.
        size: N, of the bottleneck that the page is about.
        problems: sentences about files that were left out, as they were met.
    """

    path: Path
    size: int = 0
    problems: list[str] = field(default_factory=list)

    def __contains__(self, name: str) -> bool:
        return (self.path / name).exists()

    def json(self, name: str) -> dict[str, Any]:
        """What a JSON file of the suite holds; {} where it is missing, or is left out with a word about it."""
        path = self.path / name
        if not path.exists():
            return {}
        try:
            self._require_small(path, _LARGEST_TEXT)
            return read_json(path)
        except BadInput as error:
            self._left_out(str(error))
            return {}

    def rows(self, name: str, most: int = 200_000) -> list[dict[str, str]]:
        """The rows of a CSV file by column, at most so many; [] as of :meth:`json`."""
        path = self.path / name
        if not path.exists():
            return []
        try:
            self._require_small(path, _LARGEST_TEXT)
            with open(path, encoding="utf-8", errors="replace", newline="") as file:
                return [row for row in itertools.islice(csv.DictReader(file), most) if None not in row]
        except (BadInput, OSError, csv.Error) as error:
            self._left_out(str(error) if isinstance(error, BadInput) else f"{printable(path)} can't be read")
            return []

    def epochs(self, sha256: str | None) -> list[dict[str, Any]]:
        """The records of ``training_log.jsonl``; [] as of :meth:`json`, or if its digest is another than is known."""
        path = self.path / "training_log.jsonl"
        if not path.exists():
            return []
        try:
            self._require_small(path, _LARGEST_TEXT)
            records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            for record in records:
                if type(record["latent_size"]) is not int or type(record["epoch"]) is not int:
                    raise ValueError
                if type(record["train_mse"]) is not float or type(record["val_mse"]) not in (float, type(None)):
                    raise ValueError
            made_of = {} if sha256 is None else {path.name: sha256}
            return records if self.is_of_these("metrics_training.json", made_of) else []
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self._left_out(f"{printable(path)} is damaged or not a log of this suite")
        except BadInput as error:
            self._left_out(str(error))
        return []

    def explorer(self) -> dict[str, Any] | None:
        """What ``explorer.html`` shows, as plain values: its own script is not taken. None as of :meth:`picture`."""
        path = self.path / EXPLORER
        if not path.exists():
            return None
        try:
            self._require_small(path, LARGEST_EXPLORER)
            data = embedded_json(path.read_text("utf-8"), "x-data")
        except (BadInput, OSError, ValueError):
            data = None
        digests = data.get("checkpoints") if isinstance(data, dict) else None
        if not isinstance(digests, dict) or not isinstance(data.get("spaces"), list) or "notes" not in data:
            self._left_out(f"{printable(path)} is damaged or not a page of this suite; make it again")
            return None
        sizes = {int(size): digest for size, digest in digests.items() if size.isdecimal()}
        return data if self.size in sizes and self.is_of_these(EXPLORER, by_name(sizes)) else None

    def picture(self, name: str, alt: str) -> Picture | None:
        """A PNG file; None where it is missing, or is left out with a word about it."""
        path = self.path / name
        if not path.exists():
            return None
        try:
            self._require_small(path, _LARGEST_PICTURE)
            content = path.read_bytes()
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                width, height = image.size
                made_of = json.loads(image.info.get("Source", "null"))
                if width * height > _MOST_PIXELS:
                    raise ValueError
                image.verify()
        except BadInput as error:
            self._left_out(str(error))
        except Exception:  # a damaged picture makes Pillow raise many types
            self._left_out(f"{printable(path)} is damaged or no picture; draw it again")
        else:
            if not self.is_of_these(name, made_of):
                return None
            return Picture(f"data:image/png;base64,{base64.b64encode(content).decode()}", alt, width, height)
        return None

    @functools.cache  # noqa: B019  (as long as the command runs)
    def sha256(self, name: str) -> str | None:
        """The digest of a file of the folder; None where there is none."""
        path = self.path / name
        return file_sha256(path) if path.is_file() else None

    def is_of_these(self, name: str, made_of: object) -> bool:
        """Whether a file was made of the files that lie here, as far as they do; if not, that is said.

        Args:
            name: of the file.
            made_of: the names of files -> SHA-256, as the file says.
        """
        if not isinstance(made_of, dict):
            self._left_out(f"{printable(self.path / name)} does not say what it was made of; make it again")
            return False
        other = [each for each, digest in made_of.items() if self.sha256(Path(each).name) not in (None, digest)]
        if other:
            self._left_out(
                f"{printable(self.path / name)} was made with another {printable(other[0])} than lies beside it; make "
                "it again"
            )
        return not other

    def json_of_these(self, name: str) -> dict[str, Any]:
        """What a JSON file holds, if it was made of the files that lie here; {} as of :meth:`json`."""
        content = self.json(name)
        return content if content and self.is_of_these(name, content.get("made_of")) else {}

    def encoded(self) -> bool:
        """Whether the latents of N lie here and come of the checkpoint here; a word about it where they do not."""
        name = latent_space_path(self.path, self.size).with_suffix(".json").name
        origin = self.json(name).get("origin")
        digest = origin.get("checkpoint_sha256") if isinstance(origin, dict) else None
        return digest is not None and self.is_of_these(name, by_name({self.size: digest}))

    def command(self, script: str, *flags: str) -> str:
        """The command line that makes something in this folder."""
        where = [] if self.path == Path("output") else ["--output_dir", str(self.path)]
        return shlex.join(["python", script, *flags, *where])

    def command_of(self, record: dict[str, Any], otherwise: str) -> str:
        """The command that a file says it was made by, if that is one of ours as :mod:`shlex` joins it."""
        said, script = record.get("command"), otherwise.split()[1]
        try:
            words = shlex.split(said) if isinstance(said, str) else []
        except ValueError:
            words = []
        honest = words[:2] == ["python", script] and shlex.join(words) == said and said.isprintable()
        return said if honest else otherwise

    def _require_small(self, path: Path, most: int) -> None:
        if not path.is_file():
            raise BadInput(f"{printable(path)} is not a file")
        if path.stat().st_size > most:
            raise BadInput(f"{printable(path)} is too large to be shown ({path.stat().st_size >> 20} MB)")

    def _left_out(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)
