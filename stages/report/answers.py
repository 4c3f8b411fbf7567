"""The answers that evaluate.py and sweep_latent_size.py left in the folder, each with the picture that shows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latent.options import CLUSTERERS, METHODS, SPACES
from run.artefacts import model_path
from stages.report.folder import Folder, Picture


@dataclass(frozen=True)
class Verdict:
    """What is answered about one space, or about two beside each other."""

    verdict: str
    sentence: str
    evidence: list[str]
    would_change: str


@dataclass
class Answer:
    """A question, what is answered, and the picture that shows it."""

    question: str
    picture: Picture | None
    verdicts: list[Verdict] = field(default_factory=list)


def answers(folder: Folder) -> tuple[list[Answer], str]:
    """The exercise's questions as evaluate.py answered them, and the command that answers them (again)."""
    metrics = evaluation(folder)
    command = folder.command("evaluate.py", "--latent_size", str(folder.size))
    found = read_answers(metrics)
    for place, answer in enumerate(found):
        answer.picture = _picture_of_answer(folder, place)
    return found, folder.command_of(metrics, command)


def read_answers(numbers: Mapping[str, Any]) -> list[Answer]:
    """The ``answers`` of metrics.json or sweep.json, a question once with all that is said to it."""
    found: dict[str, Answer] = {}
    for said in list_of(numbers.get("answers"), dict):
        texts = {key: said.get(key) for key in ("question", "verdict", "sentence", "would_change")}
        if all(isinstance(text, str) for text in texts.values()):
            question = texts.pop("question")
            verdict = Verdict(**texts, evidence=list_of(said.get("evidence"), str))
            found.setdefault(question, Answer(question, None)).verdicts.append(verdict)
    return list(found.values())


def evaluation(folder: Folder) -> dict[str, Any]:
    """What evaluate.py has measured last of the checkpoint that lies here, of the size that the page is about."""
    name = model_path(Path(), folder.size).name
    mine = folder.sha256(name)
    for file in (f"metrics_latent_size_{folder.size}.json", "metrics.json"):
        metrics = folder.json(file)
        checkpoints = list_of(metrics.get("checkpoints"), dict)
        digests = [each.get("sha256") for each in checkpoints if Path(str(each.get("path"))).name == name]
        if digests and folder.is_of_these(file, {name: mine if mine in digests else digests[0]}):
            return metrics
    return {}


def _picture_of_answer(folder: Folder, place: int) -> Picture | None:
    names: list[Callable[[Folder], tuple[str, str] | None]] = [_cluster_stem, _map_name, reconstructions_name]
    if place >= len(names):
        return None
    named = names[place](folder)
    return None if named is None else folder.picture(f"{named[0]}.png", named[1])


def cluster_stems(folder: Folder) -> list[tuple[str, str, str]]:
    """Stem, clusterer and where clusters were looked for, of every clustering of N that was drawn."""
    return [
        (stem, clusterer, searched)
        for clusterer in CLUSTERERS
        for searched in SPACES
        if f"{(stem := f'latent_space_size_{folder.size}_{clusterer}_{searched}')}.png" in folder
    ]


def _cluster_stem(folder: Folder) -> tuple[str, str] | None:
    for stem, clusterer, searched in cluster_stems(folder):
        return stem, f"Clusters found by {CLUSTERERS[clusterer]} ({searched}), beside the classes of the same images"
    return None


def _map_name(folder: Folder) -> tuple[str, str] | None:
    for method, name in METHODS.items():
        if f"latent_space_size_{folder.size}_{method}.png" in folder:
            alt = f"Both latent spaces, coloured by class: bottleneck 2 as it is, bottleneck {folder.size} by {name}"
            return f"latent_space_size_{folder.size}_{method}", alt
    return None


def reconstructions_name(folder: Folder) -> tuple[str, str] | None:
    stem = f"reconstructions_latent_size_{folder.size}"
    return (stem, "Test images, and below them what each bottleneck makes of them") if f"{stem}.png" in folder else None


def list_of(value: object, kind: type) -> Sequence[Any]:
    """A list of one kind that a file should hold; what is of another kind is left out."""
    return [each for each in value if isinstance(each, kind)] if isinstance(value, list) else []
