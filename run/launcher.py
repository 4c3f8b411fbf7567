"""What a launcher of several processes, as torchrun is one, says in environment variables."""

import os
import shlex
import socket
import sys
import time

from run.errors import BadInput, printable

_SET_BY_LAUNCHER = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_LAST_PORT = 65535
_NAMED_AFTER = 10.0  # seconds until a machine that has just started has its name, at most


def rank() -> int:
    """Which process this is, from 0 up."""
    return int(os.environ["RANK"]) if _is_launched() else 0


def world_size() -> int:
    """How many processes work as one."""
    return int(os.environ["WORLD_SIZE"]) if _is_launched() else 1


def on_this_machine() -> tuple[int, int]:
    """Which process of its machine this is, and how many run there."""
    numbers = (os.environ.get(name, "") for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    here, how_many = (int(number) if number.isdecimal() else None for number in numbers)
    return rank() if here is None else here, how_many or world_size()


def refuse_nonsense() -> None:
    """Find out that what the launcher says makes sense, before any process waits for another.

    Raises:
        BadInput: a variable is missing, is no number, or is out of range, or no machine has the name that all meet at.
    """
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ and (why := _nonsense()):
        alone = shlex.join(["env", "-u", "RANK", "-u", "WORLD_SIZE", "python", *sys.argv])
        raise BadInput(f"{printable(why)}; start all processes by torchrun, or one by itself: {printable(alone)}")


def _nonsense() -> str:
    """What is wrong with the launcher's variables; nothing where they make sense."""
    said = {name: os.environ.get(name, "") for name in _SET_BY_LAUNCHER}
    for name in ("RANK", "WORLD_SIZE"):
        if not said[name].isdecimal():
            return f"{name} is {said[name]!r}, which is no whole number from 0 up"
    if int(said["RANK"]) >= int(said["WORLD_SIZE"]):
        return f"RANK is {said['RANK']} and WORLD_SIZE {said['WORLD_SIZE']}: ranks count from 0 up"
    if world_size() == 1:
        return ""
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT"):
        if said[name] and not said[name].isdecimal():
            return f"{name} is {said[name]!r}, which is no whole number from 0 up"
    if not (said["MASTER_ADDR"] and said["MASTER_PORT"]):
        return "MASTER_ADDR or MASTER_PORT is not set: nobody knows where to meet"
    is_place = int(said["MASTER_PORT"]) <= _LAST_PORT and _is_known(said["MASTER_ADDR"])
    return "" if is_place else f"there is no {said['MASTER_ADDR']}:{said['MASTER_PORT']} (MASTER_ADDR, MASTER_PORT)"


def _is_known(machine: str) -> bool:
    """Whether a name leads to a machine; where many start at once it may take a while until it does."""
    deadline = time.monotonic() + _NAMED_AFTER
    while True:
        try:
            return bool(socket.getaddrinfo(machine, None))
        except UnicodeError:  # no name of a machine has this form
            return False
        except OSError:
            if time.monotonic() > deadline:
                return False
        time.sleep(0.5)


def _is_launched() -> bool:
    """Whether a launcher says so, with numbers that make sense; :func:`refuse_nonsense` is for others."""
    numbers = [os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE")]
    return all(map(str.isdecimal, numbers)) and int(numbers[1]) > 0
