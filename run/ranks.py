"""Several processes that work as one, as torchrun starts them; a process alone is the first of one.

A process knows its rank, from 0 up, and how many there are, the world size; each does its part of what is to be
computed, and the first alone prints and writes. They talk by a store of small texts, where whoever waits hears signals,
for as long as it takes; sums of tensors are :mod:`run.collectives`.

Alone, every function here does next to nothing, and torch's part for several processes is not imported.
"""

import contextlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from run.errors import BadInput, printable
from run.launcher import on_this_machine, rank, refuse_nonsense, world_size

_CONNECTING = 120.0  # seconds: all are started at about the same time
_LAST_WORDS = 3.0  # seconds that the process which holds the store waits for the others to leave
_SHOWN_AFTER = 10.0  # seconds until a network disk shows a file to another machine, at most
_BEAT, _SILENCE = 2.0, 20.0  # seconds between two signs of life, and without one until a process counts as gone
_OVER, _SAID = "over", "said"  # keys of the store: one has ended before its time; who says why

_store: Any = None  # torch's, once all have met
_talks = 0  # how many there were so far, the same number in every process


class Parted(BadInput):
    """Another process has ended, so that the work can't go on."""


def is_first() -> bool:
    """Whether this is the process that prints and writes."""
    return rank() == 0


def part(count: int) -> slice:
    """The rows of ``count`` that are this process's: all parts in order of rank are all rows; one may be empty."""
    return slice(rank() * count // world_size(), (rank() + 1) * count // world_size())


def join() -> None:
    """Meet the other processes, before anything else is done.

    Raises:
        BadInput: what the launcher says of them is no sense, or they are not to be reached.
    """
    global _store
    refuse_nonsense()
    if world_size() == 1:
        return
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")  # what goes wrong is said here
    # late: torch takes seconds, which a process alone does not wait for before it has read its arguments
    from torch import distributed

    found: list[Any] = []

    def connect() -> None:
        try:
            found.extend(next(distributed.rendezvous("env://", timeout=timedelta(seconds=_CONNECTING))))
        except (RuntimeError, ValueError) as error:
            found.append(error)

    # in a thread, since torch may wait for ever for what is no store, and hears no signal meanwhile
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    deadline = time.monotonic() + _CONNECTING
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.1)
    if not found or isinstance(found[0], Exception):
        place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        taken = bool(found) and "EADDRINUSE" in str(found[0])
        why = "that port is taken" if taken else "is it started, and is that port open?"
        raise BadInput(
            f"process {rank()} of {world_size()} can't meet the others at {place} ({why}); start all of them by "
            "torchrun, with another --master_port"
        )
    _store = found[0]
    threading.Thread(target=_beat, daemon=True).start()


def leave(status: int) -> None:
    """To be called at the end, whatever it is: the others learn of one that has come too early."""
    if _store is None:
        return
    with contextlib.suppress(RuntimeError):  # the store has gone with its process
        if status:
            _store.set(_OVER, str(rank()))
        left = _store.add("left", 1)
        deadline = time.monotonic() + _LAST_WORDS
        while _holds_store() and left < world_size() and time.monotonic() < deadline:
            time.sleep(0.02)
            left = _store.add("left", 0)


def may_speak(is_stopped: bool = False) -> bool:
    """Whether this process says why all of them end: the first that asks, so that it is said once.

    Args:
        is_stopped: by a signal. Before all have met it is most likely that of a launcher, for one has said why already.
    """
    if _store is None:
        return not is_stopped or world_size() == 1
    try:
        return _store.add(_SAID, 1) == 1
    except RuntimeError:
        return True


def share(value: Any = None) -> Any:
    """What the first process gives, plain as JSON is, in every process; it may take its time.

    Raises:
        Parted: it has ended instead.
    """
    if _store is None:
        return value
    key = _next_key()
    if is_first():
        _store.set(key, json.dumps(value))
    return _read(key)


def gather(value: Any) -> list[Any]:
    """What each process gives, plain as JSON is, in order of rank; all wait for the last.

    Raises:
        Parted: one of them has ended instead.
    """
    if _store is None:
        return [value]
    key = _next_key()
    _store.set(f"{key}/{rank()}", json.dumps(value))
    return [_read(f"{key}/{each}") for each in range(world_size())]


def meet() -> None:
    """Wait until every process has come here.

    Raises:
        Parted: one of them has ended instead.
    """
    gather(None)


@contextlib.contextmanager
def first_on_machine() -> Iterator[None]:
    """The block is done by the first process of each machine, and then by its others, who find what it has made.

    Raises:
        Parted: the first has ended in it.
    """
    key = f"{_next_key()}/{os.environ.get('GROUP_RANK', '0')}"
    leads = on_this_machine()[0] == 0
    if _store is not None and not leads:
        _read(key)
    yield
    if _store is not None and leads:
        _store.set(key, "true")


def require_same(what: str, value: dict[str, Any], remedy: str) -> None:
    """Find out that all processes have the same, before any work is done.

    Args:
        what: they should have the same of.
        value: name -> what this process has, plain as JSON is.
        remedy: what to do about it.

    Raises:
        BadInput: they have not; the first difference is named.
    """
    first, *others = gather(value)
    for number, other in enumerate(others, 1):
        for name in first:
            if other.get(name) != first[name]:
                raise BadInput(
                    f"the processes have different {what}: {name} is {first[name]} in process 0 and {other.get(name)} "
                    f"in process {number}; {remedy}"
                )


def require_shared_folder(folder: Path) -> None:
    """Find out that all processes see one and the same folder, which need not be there yet.

    Raises:
        BadInput: one of them does not find what the first has just written there.
    """
    if world_size() == 1:
        return
    with contextlib.ExitStack() as stack:
        shown = None
        if is_first():
            place, below = _nearest(folder)
            shown = [os.path.basename(stack.enter_context(tempfile.NamedTemporaryFile(dir=place)).name), below]
        name, below = share(shown)
        deadline = time.monotonic() + _SHOWN_AFTER
        while not (found := _finds(folder, name, below)) and time.monotonic() < deadline:
            time.sleep(0.2)
        blind = [number for number, finds in enumerate(gather(found)) if not finds]
    if blind:
        raise BadInput(
            f"the output folder of process {blind[0]} is not that of process 0 ({printable(folder)} here); all read "
            "and write one: give an --output_dir that every machine has mounted"
        )


def store() -> Any:
    """Torch's store, by which all have met; None for a process alone."""
    return _store


def parted() -> Parted:
    """What is said of another process that has ended."""
    return Parted(
        f"one of the {world_size()} processes was killed or is out of reach (is the memory used up, or a machine gone?)"
        "; run the same again"
    )


def _holds_store() -> bool:
    """Whether the store ends with this process; torchrun holds it itself."""
    return is_first() and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"


def _nearest(folder: Path) -> tuple[Path, str]:
    """The folder, or the nearest around it that is there; and what is to be made below that."""
    whole = Path(folder).absolute()
    place = next(each for each in (whole, *whole.parents) if each.is_dir())
    return place, str(whole.relative_to(place))


def _finds(folder: Path, name: str, below: str) -> bool:
    """Whether a file is where another process has just made it, above the same folder."""
    place, its_below = _nearest(folder)
    return its_below == below and (place / name).exists()


def _next_key() -> str:
    global _talks
    _talks += 1
    return f"talk {_talks}"


def _read(key: str) -> Any:
    """What stands in the store at ``key``, once it does; signals are heard meanwhile."""
    pause, heard, looked = 0.001, {}, time.monotonic()
    try:
        while not _store.check([key]):
            if _store.check([_OVER]):
                raise parted()
            if time.monotonic() - looked > _BEAT:
                looked = time.monotonic()
                if _has_fallen_silent(heard):
                    raise parted()
            time.sleep(pause)
            pause = min(2 * pause, 0.1)
        return json.loads(_store.get(key))
    except RuntimeError:
        raise parted() from None


def _beat() -> None:
    """Give signs of life, as long as there is any."""
    with contextlib.suppress(RuntimeError):  # the store has gone
        while True:
            _store.add(f"alive {rank()}", 1)
            time.sleep(_BEAT)


def _has_fallen_silent(heard: dict[int, tuple[int, float]]) -> bool:
    """Whether any process has given no sign of life for too long; ``heard``: how many of each, and since when."""
    now = time.monotonic()
    for each in range(world_size()):
        beats = _store.add(f"alive {each}", 0)
        if each not in heard or heard[each][0] != beats:
            heard[each] = beats, now
    return any(now - since > _SILENCE for _, since in heard.values())
