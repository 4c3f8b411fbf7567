"""The very command to run next: complete, of the case at hand, and quoted as a shell wants it.

What a folder's training was made with stands in its records as it was typed: the metrics, a checkpoint, a training
state. Where none can be read, the flags of the present command say what is known. Nothing is recorded for hints: places
are those of the command itself, so that files do not depend on the folder that somebody worked in.
"""

import contextlib
import difflib
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from run import ranks
from run.artefacts import latent_space_path, model_path, model_paths, read_json, test_data_path
from run.command_words import Changes, edited, flags_of, values_of
from run.errors import BadInput, printable
from run.recorded_command import OF_ONE_RUN, load_record, recorded_words, words_of_record

_ROOT = Path(__file__).parent.parent
_EXAMPLE = ["--num_epochs", "10", "--latent_size", "256", "--batch_size", "128", "--lr", "0.0001"]
_OUTPUT_DIR, _DATA_DIR = "output", "data"  # where commands write and download unless they are told otherwise
EXAMPLE_SET = "digits"  # which needs no folder and no download
# Flags that say what the images of a folder are, and mean nothing for another set.
_OF_FOLDERS: Changes = dict.fromkeys(
    ("--labels", "--file_column", "--label_column", "--group_column", "--split_column", "--label_from", "--group_from",
     "--class_order", "--unlabelled", "--value_range", "--frames", "--fit", "--ground", "--max_pixels")
)  # fmt: skip
_KEPT_ON_RESUME = ("--data_dir", "--num_workers", "--save_every", "--svg", "--show")
_READ_OR_WRITTEN = ("--output_dir", "--model_path", "--latent_space", "--test_data", "--resume")
_PLACES = ("--dataset", "--labels", "--data_dir")  # flags of a training that name what it reads


def command(script: str, *words: object) -> str:
    """``python script words``, quoted; the script where it is from here, or where the one that runs was typed to be."""
    own = _ROOT / script
    places = (Path(script), Path(sys.argv[0]).with_name(script))
    place = next((each for each in places if each.exists() and own.exists() and each.samefile(own)), own)
    return printable(shlex.join([*_launcher(own), str(place), *map(str, words)]))


def from_here(said: str) -> str:
    """A command of a file's, ``python script words``, with the script where it is from here."""
    _, script, *words = shlex.split(said)
    return command(script, *words)


def _launcher(script: Path) -> list[str]:
    """What starts a script: as many processes as run it now, where that is several on one machine."""
    here = ranks.on_this_machine()[1]
    if here == 1 or here != ranks.world_size() or script.name != Path(sys.argv[0]).name:
        return ["python"]
    return ["torchrun", f"--nproc_per_node={here}"]


def own_command(changes: Changes) -> str:
    """The command that is running, with some flags changed."""
    if changes.get("--dataset") == [EXAMPLE_SET]:
        changes = {**_OF_FOLDERS, **changes}
    return command(Path(sys.argv[0]).name, *edited(sys.argv[1:], changes))


def own_command_for(folder: str, instead: object) -> str:
    """The command that is running with another folder in place of one that was typed, whatever flag named it."""
    words = [
        f"{flag}{equals}{instead}" if equals and value == folder else str(instead) if word == folder else word
        for word in sys.argv[1:]
        for flag, equals, value in [word.partition("=")]
    ]
    words = edited(words, _OF_FOLDERS) if instead == EXAMPLE_SET else words
    return command(Path(sys.argv[0]).name, *words) if words != sys.argv[1:] else own_command({"--dataset": [instead]})


def training_command(path: Path, changes: Changes | None = None) -> str:
    """The train.py that makes a file of a training: a checkpoint, the test split, the log, the metrics.

    Args:
        path: of the file, which may be missing or damaged. Others of the same training lie beside it, perhaps.
        changes: flags of the training to change.

    Returns:
        The command of the training in that folder, for the size that the file is named by; ``--resume`` where that
        was stopped; where nothing is recorded, what the present command's flags tell of it.
    """
    folder, changes = Path(path).parent, dict(changes or {})
    size = _size_in_name(path)
    if not changes and (words := _words_of_stopped(folder, size)) is not None:
        state = [_state_path(folder, size)] if words != _words_of_stopped(folder, None, newest=True) else []
        return resume_command(folder, words, *state)
    words = recorded_words(folder)
    if size is not None:
        changes.setdefault("--latent_size", [size])
    if words is None:
        sizes = values_of(sys.argv[1:], "--latent_size")
        if sizes and all(each.isdecimal() for each in sizes):
            changes.setdefault("--latent_size", sizes)
        words = [] if "--latent_size" in changes else _EXAMPLE
        for flag in ("--dataset", "--data_dir"):
            words = edited(words, {flag: values_of(sys.argv[1:], flag) or None})
    elif "--dataset" not in changes:
        words = _as_from_here(words, folder)
    words = edited(words, {**OF_ONE_RUN, **changes})
    return command("train.py", *words, *_into(folder))


def training_at_hand(changes: Changes | None = None) -> str:
    """The train.py whose files the present command reads, or that itself is running, with some flags changed."""
    typed = sys.argv[1:]
    if Path(sys.argv[0]).name == "train.py" and "--resume" not in flags_of(typed):
        return own_command(changes or {})
    folder = _folder_read()
    size = "".join(values_of(typed, "--latent_size")[:1])
    return training_command(model_path(folder, int(size)) if size.isdecimal() else test_data_path(folder), changes)


def places_from_here(typed: Sequence[str]) -> list[str]:
    """Paths that were typed for the training which the present command reads, as they lie from here, where that is
    known."""
    folder = _folder_read()
    began = _began_in(recorded_words(folder) or [], folder)
    there = [began / each if began else Path() for each in typed]
    return [_shortest(place) if began and place.exists() else each for place, each in zip(there, typed, strict=True)]


def own_command_where_it_began() -> str:
    """The present command as it runs in the folder in which the training that it reads began, wherever that is."""
    folder, typed = _folder_read(), sys.argv[1:]
    began = _began_in(recorded_words(folder) or [], folder)
    paths = {flag: [os.path.abspath(os.path.expanduser(each)) for each in values]
             for flag in _READ_OR_WRITTEN if (values := values_of(typed, flag))}  # fmt: skip
    if not paths.keys() - {"--test_data"}:
        paths["--output_dir"] = [os.path.abspath(folder)]
    there = shlex.quote(str(began)) if began else "THE_FOLDER_WHERE_IT_WAS_TRAINED"
    script = _ROOT / Path(sys.argv[0]).name
    return printable(f"cd {there} && {shlex.join(['python', str(script), *edited(typed, paths)])}")


def resume_command(folder: Path | None = None, words: Sequence[str] | None = None, *state: Path) -> str:
    """The train.py that goes on with a stopped training: the one in ``folder``, which ``words`` began, or this one."""
    folder, words = folder or _folder_at_hand(), sys.argv[1:] if words is None else words
    left_out = {flag: None for flag in flags_of(words) if flag not in _KEPT_ON_RESUME}
    return command("train.py", "--resume", *state, *edited(words, left_out), "--output_dir", folder)


def encoding_command(path: Path, changes: Changes | None = None) -> str:
    """The encode_latent_space.py that makes latents, or train.py where there is no checkpoint to encode with.

    Args:
        path: of the latents, or of another file of their folder.
        changes: flags of it to change.
    """
    folder, size = Path(path).parent, _size_in_name(path)
    sizes = sizes_in(folder)
    checkpoint = model_path(folder, size or (sizes[-1] if sizes else 256))
    words = _words_of_earlier_encoding(folder, size)
    if words is None and not checkpoint.exists():
        return training_command(checkpoint if size or sizes else test_data_path(folder))
    if words is None:
        words = ["--model_path", str(checkpoint), "--test_data", str(test_data_path(folder))]
    return command("encode_latent_space.py", *edited(words, changes or {}))


def encoding_at_hand(changes: Changes) -> str:
    """The encode_latent_space.py that made the latents which the present command reads, with some flags changed."""
    size = "".join(values_of(sys.argv[1:], "--latent_size")[:1])
    found = latent_space_path(_folder_at_hand(), int(size) if size.isdecimal() else 256)
    named = values_of(sys.argv[1:], "--latent_space") or [str(found)]
    return encoding_command(Path(os.path.expanduser(named[0])), changes)


def command_meant(path: Path, beside: Sequence[Path] = ()) -> str | None:
    """The present command with the file that may have been meant in place of one that can't be read.

    Args:
        path: of the file. Where its folder is not there either, one nearly called so may hold it, or the one that the
            command is given in.
        beside: files of the wanted kind, by their names, in its folder: the last may be meant where it is none of them.

    Returns:
        None where nothing resembles it.
    """
    folder = path.parent
    typed = _typed(path)
    if path.is_file() and typed and beside and path not in beside:
        return own_command_for(typed, beside[-1])
    if folder.exists():
        return None
    with contextlib.suppress(OSError):
        others = [each.name for each in folder.parent.iterdir() if (each / path.name).is_file()]
        near = difflib.get_close_matches(folder.name, others, n=1)
        found = folder.parent / near[0] if near else Path()
        if (found / path.name).is_file():
            if typed:
                return own_command_for(typed, found / path.name)
            named = _typed(folder)
            return own_command_for(named, found) if named else own_command({"--output_dir": [found]})
    return None


def refuse_mistyped_folder(path: Path) -> None:
    """Refuse a folder that is not there where another was meant: one that has a file of the name of ``path``.

    Raises:
        BadInput: so it is, see :func:`command_meant`.
    """
    if meant := command_meant(path):
        raise BadInput(f"{printable(path.parent)} is not there; did you mean: {meant}")


def _typed(path: Path) -> str | None:
    """The word of the present command that means a path."""
    return next((word for word in sys.argv[1:] if Path(os.path.expanduser(word)) == path), None)


def choice_of_file(flag: str, folder: Path) -> str:
    """The present command for one bottleneck of those in a folder; without ``flag`` if that was given as well."""
    typed = flags_of(sys.argv[1:])
    if flag in typed and "--latent_size" in typed:
        return own_command({"--latent_size": None})
    sizes = sizes_in(folder)
    return own_command({"--latent_size": sizes[-1:]}) if sizes else training_command(test_data_path(folder))


def sizes_in(folder: Path) -> list[int]:
    """The bottlenecks whose checkpoints are in a folder by their names, from the smallest up."""
    return sorted(size for path in model_paths(folder) if (size := _size_in_name(path)))


def _folder_at_hand() -> Path:
    """Where the present command writes, or a training lies that it resumes."""
    if written := values_of(sys.argv[1:], "--output_dir"):
        return Path(os.path.expanduser(written[0]))
    resumed = Path(os.path.expanduser((values_of(sys.argv[1:], "--resume") or [_OUTPUT_DIR])[0]))
    return resumed.parent.parent if resumed.is_file() else resumed


def _folder_read() -> Path:
    """Where the training lies that the present command reads."""
    typed = sys.argv[1:]
    named = values_of(typed, "--model_path") + values_of(typed, "--latent_space")
    return Path(os.path.expanduser(named[0])).parent if named else _folder_at_hand()


def _state_path(folder: Path, size: int) -> Path:
    return folder / "training_state" / f"latent_size_{size}.pth"


def _words_of_stopped(folder: Path, size: int | None, *, newest: bool = False) -> list[str] | None:
    """The words that began the training of which a state is kept, if it can go on from the folder that one is in.

    Args:
        folder: of the training.
        size: of the bottleneck whose state it is; None takes the newest state.
        newest: also where every bottleneck with a state has come to a checkpoint.
    """
    paths = [_state_path(folder, size)] if size else sorted((folder / "training_state").glob("latent_size_*.pth"))
    paths = [path for path in paths if path.is_file()]
    if not paths or not (size or newest or any(not (folder / f"model_{path.name}").exists() for path in paths)):
        return None
    try:
        kept = load_record(max(paths, key=lambda path: path.stat().st_mtime))["identity"]
    except (BadInput, OSError, KeyError):
        return None
    words = words_of_record(kept)
    return words if words is not None and words == _as_from_here(words, folder) else None


def _into(folder: Path) -> list[str]:
    return [] if folder == Path(_OUTPUT_DIR) else ["--output_dir", str(folder)]


def _began_in(words: Sequence[str], folder: Path) -> Path | None:
    """The folder in which the training in ``folder`` began, where its place as it was typed tells."""
    typed = Path(os.path.normpath((values_of(words, "--output_dir") or [_OUTPUT_DIR])[0]))
    parts, end = Path(os.path.abspath(folder)).parts, typed.parts
    before = len(parts) - len(end)
    return None if typed.is_absolute() or parts[max(0, before) :] != end else Path(*parts[:before])


def _as_from_here(words: Sequence[str], folder: Path) -> list[str]:
    """The words of the training in ``folder`` as they are right in the folder that one is in now.

    Where it began follows from the place that it wrote to, of which the end is as it was typed; else they are as they
    were.
    """
    began = _began_in(words, folder)
    if began is None:
        return list(words)
    changes: dict[str, Sequence[str]] = {}
    for flag in _PLACES:
        typed_places = values_of(words, flag) or [_DATA_DIR] * (flag == "--data_dir")
        places = {typed: began / typed for typed in typed_places}
        if any(place.exists() and os.path.abspath(place) != os.path.abspath(typed) for typed, place in places.items()):
            changes[flag] = [_shortest(place) for place in places.values()]
    return edited(words, changes)


def _shortest(place: Path) -> str:
    """A path from here, or all of it where it leads upwards."""
    shortest = os.path.relpath(place)
    return str(place) if shortest.startswith("..") else shortest


def _words_of_earlier_encoding(folder: Path, size: int | None) -> list[str] | None:
    """The words by which latents of any size in ``folder`` were made, for another size; None if they do not serve."""
    own = [] if size is None else [latent_space_path(folder, size).with_suffix(".json")]
    for sidecar in [*own, *sorted(folder.glob("latent_space_size_*.json"))]:
        with contextlib.suppress(BadInput, OSError, KeyError, TypeError, ValueError, AttributeError):
            words = shlex.split(read_json(sidecar)["origin"]["command"])[2:]
            typed = (values_of(words, "--latent_size") or [""])[0]
            before = (values_of(words, "--output_dir") or [_OUTPUT_DIR])[0]
            named = (values_of(words, "--model_path") or [str(model_path(Path(before), int(typed or 0)))])[0]
            checkpoint = Path(named) if size is None else model_path(Path(named).parent, size)
            images = values_of(words, "--images")
            read = [str(checkpoint), *values_of(words, "--test_data"), *images]
            if all(os.path.exists(os.path.expanduser(each)) for each in read):
                into = folder.parent if images else folder
                other = [] if into.resolve() == checkpoint.parent.resolve() else [into]
                words = edited(words, {"--latent_size": None, "--model_path": [checkpoint], "--output_dir": None})
                return edited(words, {"--output_dir": other}) if other else words
    return None


def _size_in_name(path: Path) -> int | None:
    """The bottleneck that a file would be of by its name alone, of which there may be nothing else."""
    match = re.fullmatch(r"(?:model|snapshots)_latent_size_([0-9]{1,9})\.pth|latent_space_size_([0-9]{1,9})\.npy",
                         Path(path).name, re.ASCII)  # fmt: skip
    return int(match[1] or match[2]) or None if match else None
