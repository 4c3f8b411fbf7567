"""One page of everything that lies in a run's folder. Reads files, computes nothing, and says what is missing."""

from dataclasses import dataclass
from pathlib import Path

from figure.page import EXPLORER_SCRIPTS, as_json, render
from run.artefacts import write_text
from run.console import note, say
from run.errors import BadInput, printable
from run.hints import from_here, refuse_mistyped_folder, training_command
from run.training_folder import results_in, undisturbed
from stages.report.answers import answers
from stages.report.folder import EXPLORER, LARGEST_EXPLORER, Folder
from stages.report.parts import all_parts, images_in_words
from stages.report.warnings import warnings_of

_TEMPLATES = Path(__file__).parent
PAGE = "report.html"


@dataclass(frozen=True)
class Settings:
    """The flags of report.py."""

    latent_size: int | None  # None takes the one that most was made of
    hand_in: str | None  # whose page it is
    output_dir: Path


def run(settings: Settings) -> None:
    """Write report.html into a run's folder, and say where it is and what is missing.

    Raises:
        BadInput: nothing that the suite made lies there.
    """
    with undisturbed(settings.output_dir):
        page, missing = make_page(settings)
    path = settings.output_dir / PAGE
    write_text(path, page)
    for what, command in missing:
        note(f"missing: {what}; make it with: {from_here(command)}")
    say(
        f"saved {printable(path)}: open it in a browser ({len(page.encode()) / 1e6:.1f} MB, one file, needs no network)"
    )


def make_page(settings: Settings) -> tuple[str, list[tuple[str, str]]]:
    """The page, and (what, command) of everything that is not there."""
    folder = Folder(settings.output_dir)
    if not [path for path in results_in(settings.output_dir) if path.name != PAGE]:
        refuse_mistyped_folder(settings.output_dir / "metrics_training.json")
        raise BadInput(
            f"{printable(settings.output_dir)} holds nothing that a training has made; name its folder with "
            f"--output_dir, or train first: {training_command(settings.output_dir / 'test_data.pth')}"
        )
    training = folder.json_of_these("metrics_training.json")
    epochs = folder.epochs(training.get("log_sha256"))
    folder.size = settings.latent_size or chosen_size(settings.output_dir, training, epochs)
    if settings.latent_size and not any(settings.output_dir.glob(f"*size_{settings.latent_size}[._]*")):
        raise BadInput(
            f"{printable(settings.output_dir)} holds nothing of a bottleneck of {settings.latent_size}; leave "
            f"--latent_size away for the one that most was made of: {folder.command('report.py')}"
        )
    told, how = answers(folder)
    explorer, beside = None, False
    if EXPLORER in folder:
        beside = (folder.path / EXPLORER).stat().st_size > LARGEST_EXPLORER
        explorer = None if beside else folder.explorer()
    parts = all_parts(folder, training)
    missing = [] if told else [("The questions answered", how)]
    missing += [each for part in parts for each in part.missing if each not in missing]
    dataset = training.get("dataset") or settings.output_dir.name
    if explorer is None and not beside:
        command = folder.command("explore_latent_space.py", "--latent_size", str(folder.size))
        missing.append(("Both latent spaces under the pointer", command))
    scripts = ("hand_in.js",) if settings.hand_in else ()  # first: it keeps the page as it came
    page = render(
        "report.jinja",
        _TEMPLATES,
        scripts=(*scripts, *EXPLORER_SCRIPTS) if explorer else scripts,
        explorer=as_json(explorer) if explorer else "",
        explorer_beside=EXPLORER if beside else "",
        heading="Both latent spaces under the pointer",
        title=f"{dataset}: what {asked(folder.size)} keep?",
        training=training,
        images=images_in_words(training),
        size=folder.size,
        answers=told,
        above={each.picture.uri: place for place, each in enumerate(told, 1) if each.picture},
        how_to_answer=how,
        parts=parts,
        warnings=[*warnings_of(training), *folder.problems],
        missing=missing,
        name=settings.hand_in,
        again=folder.command("report.py", *(["--hand_in", settings.hand_in] if settings.hand_in else [])),
    )
    return page, missing


def asked(size: int) -> str:
    """The question of the title, of one bottleneck or of both."""
    return "does a bottleneck of 2" if size == 2 else f"do bottlenecks of 2 and {size}"


def chosen_size(path: Path, training: dict, epochs: list[dict]) -> int:
    """The bottleneck that most was made of in a folder; of several the largest, and 2 only where there is no other."""
    arguments = training.get("arguments")
    asked = arguments.get("latent_size") if isinstance(arguments, dict) else []
    sizes = {size for size in (asked if isinstance(asked, list) else []) if type(size) is int and size > 0}
    sizes |= {record["latent_size"] for record in epochs}
    return max(sizes - {2} or {2}, key=lambda size: (len(list(path.glob(f"*size_{size}[._]*"))), size))
