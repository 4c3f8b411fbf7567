"""A folder holds one training: it is locked while it is trained, and another training's files are moved aside whole.

Two locks, both of which die with their process however that ends. ``.training.lock`` is held for a whole training and
says whose it is. The folder itself is locked for the moments in which one training takes the place of another, so that
whoever reads meets the old files or the new ones, never some of each. Where a file system has no locks (some network
disks) or the system has none of this kind (Windows), commands run without.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from run.artefacts import flush_folder
from run.errors import BadInput, printable

try:
    import fcntl
except ImportError:
    fcntl = None

EARLIER = "earlier"  # the folder in a folder of a training that holds the trainings which were there before

_LOCK = ".training.lock"
_MOVING = ".moving"  # ends the name of the folder that files are being moved into
# What the scripts write into the folder of a training. Other files that a person keeps there stay where they are.
_RESULTS = (
    "model_latent_size_*.pth", "test_data.pth", "training_state", "training_log.jsonl", "snapshots_latent_size_*.pth",
    "latent_space_size_*", "metrics*.json", "metrics*.csv", "left_out.csv", "not_finite.csv", "images",
    "classifier.pth", "tensorboard",
    "training_curves.*", "training_compared.*", "snapshots.*", "reconstructions_latent_size_*", "sweep.*",
    "sweep_reconstructions.*", "classifiers*.*", "samples_latent_size_*", "manifold_latent_size_*",
    "interpolation_latent_size_*", "traversal_latent_size_*", "relabelled_latent_size_*", "neighbours_latent_size_*",
    "odd_images_latent_size_*", "report.html", "explorer.html",
)  # fmt: skip


@contextlib.contextmanager
def locked_for_training(folder: Path, command: str, elsewhere: str) -> Iterator[None]:
    """Keep other trainings out of ``folder``, which is made if it is not there, until the block ends.

    Args:
        folder: of the training.
        command: that trains, as a person typed it: what the next one is told.
        elsewhere: the same command with another folder, which would work.

    Raises:
        BadInput: another training is under way there.
        OSError: the folder cannot be made or written.
    """
    folder = Path(folder)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    file = _take_lock(folder / _LOCK, elsewhere)
    try:
        file.truncate(0)
        file.write(f"{os.getpid()} {command}\n")
        file.flush()
        _undo_unfinished_move(folder)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(folder / _LOCK)
        file.close()
        if is_new:  # a training that was refused leaves no trace
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """While the block reads files of one training in ``folder``, none of them is replaced by another training's.

    What a training that was killed in the middle of moving files aside left behind is put back first.
    """
    folder = Path(folder)
    if any((folder / EARLIER).glob(f"*{_MOVING}")):
        with _locked_folder(folder, alone=True):
            _undo_unfinished_move(folder)
    with _locked_folder(folder, alone=False):
        yield


def move_aside(folder: Path, name: str, only: Sequence[Path] | None = None) -> Path | None:
    """Move what scripts have written into ``folder`` to ``folder/earlier/name``.

    Files are gathered in a folder of another name, which gets its own by one rename once all are there; until then
    :func:`undisturbed` and the next training put them back. Needs the lock of :func:`locked_for_training`.

    Args:
        folder: of a training.
        name: what the files are of; a number is added where there is such a folder already.
        only: which files or folders; everything unless they are named.

    Returns:
        Where they are now; None if there were none.
    """
    folder = Path(folder)
    found = results_in(folder) if only is None else only
    if not found:
        return None
    name = re.sub(r"[^\w.+-]+", "_", name).strip("._")[:80] or "training"
    earlier = folder / EARLIER
    earlier.mkdir(exist_ok=True)
    target = next(
        each
        for number in range(1, 10**6)
        if not (each := earlier / (name if number == 1 else f"{name}_{number}")).exists()
    )
    moving = earlier / f"{target.name}{_MOVING}"
    with _locked_folder(folder, alone=True):
        moving.mkdir()
        for path in found:
            os.replace(path, moving / path.name)
        flush_folder(moving)
        os.replace(moving, target)
        flush_folder(earlier)
        flush_folder(folder)
    return target


def results_in(folder: Path) -> list[Path]:
    """What scripts have written into the folder of a training, sorted; not what lies in ``earlier``."""
    return sorted({path for pattern in _RESULTS for path in Path(folder).glob(pattern)})


def training_under_way(folder: Path) -> str | None:
    """The command that trains into ``folder`` now; None if none does, as far as can be known."""
    if fcntl is None:
        return None
    try:
        with open(Path(folder) / _LOCK, encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return printable(file.read().partition(" ")[2].strip())
    except OSError:
        pass
    return None


def _take_lock(path: Path, elsewhere: str):
    """The lock file at ``path``, open and locked."""
    while True:
        file = open(path, "a+", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115  (open as long as it is locked)
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            process, _, command = file.read().partition(" ")
            file.close()
            who = (
                f"by: {printable(command.strip())} (process {printable(process)})" if command else "by another command"
            )
            raise BadInput(
                f"{printable(path.parent)} is being trained into {who}; wait until that is done, or train elsewhere: "
                f"{elsewhere}"
            ) from None
        except OSError:  # no locks here
            return file
        try:
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        except FileNotFoundError:  # whoever held it has ended and taken it away
            pass
        file.close()


@contextlib.contextmanager
def _locked_folder(folder: Path, alone: bool) -> Iterator[None]:
    """Lock the folder itself, alone or together with other readers; without a lock where there are none."""
    handle = None
    if fcntl is not None:
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _undo_unfinished_move(folder: Path) -> None:
    """Put back what :func:`move_aside` had begun to move when its process was killed."""
    for moving in sorted((folder / EARLIER).glob(f"*{_MOVING}")):
        for path in sorted(moving.iterdir()):
            if not (folder / path.name).exists():
                os.replace(path, folder / path.name)
        with contextlib.suppress(OSError):
            moving.rmdir()
