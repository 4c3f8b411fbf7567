"""What is done to a script before it begins: disks that fail, kills at a chosen point, eyes on what it opens.

A point is one call that changes a file on the disk: each write, fsync and rename, in the order in which they come. A
run with ``record`` counts them; a run with ``at`` fails, or is killed, at one of them.
"""

import builtins
import collections
import errno
import io
import itertools
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

KILL = "kill"
ERRORS = ("ENOSPC", "EIO", "EROFS")

_open, _fsync, _replace = builtins.open, os.fsync, os.replace


def install(
    record: str | None = None,
    at: int | None = None,
    how: str = KILL,
    without_generator: str | None = None,
    watch: str | None = None,
    poison: int | None = None,
    signalled: tuple[int, int] | None = None,
    stuck: int | None = None,
    locked: int | None = None,
    memory: int | None = None,
    no_network: str | None = None,
    seen: str | None = None,
    many: int | None = None,
) -> None:
    """Change this process.

    Args:
        record: file to which every point is added, as a line of call and target.
        at: number of the point at which the run fails, counted from 0; a write is done by half first.
        how: an errno's name, or ``kill`` for SIGKILL.
        without_generator: name of the random generator whose state a resume leaves out.
        watch: file to which is added whatever is run, or opened for writing other than an unfinished artefact.
        poison: number of the step, counted from 0, whose loss is NaN.
        signalled: number of a step and of the signal that comes in the middle of it.
        stuck: number of a step that takes for ever, in a computation that no Python code interrupts.
        locked: the same, in a computation that keeps Python's lock, so that no other thread runs either.
        memory: bytes that may be allocated from here on; more is a MemoryError.
        no_network: file to which every address is added that is looked up or connected to, in vain.
        seen: file to which a digest of every image is added that counts in a step, with its epoch.
        many: how many images are enough to train at refined latents.
    """
    if many is not None:
        _train_refined_from(many)
    if record is not None or at is not None:
        _count_points(record, at, how)
    if without_generator is not None:
        _leave_out(without_generator)
    if watch is not None:
        _watch(watch)
    if poison is not None:
        _change_step(poison, lambda loss: {**loss, "total": loss["total"] * float("nan")})
    if signalled is not None:
        _change_step(signalled[0], lambda loss: os.kill(os.getpid(), signalled[1]) or loss)
    if stuck is not None:
        _change_step(stuck, lambda loss: _compute_for_ever())
    if locked is not None:
        _change_step(locked, lambda loss: _compute_alone_for_ever())
    if memory is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory,) * 2)
    if no_network is not None:
        _cut_network(no_network)
    if seen is not None:
        _note_images(seen)


def points(record: Path) -> list[tuple[str, str]]:
    """(call, target) of every point of a run that was recorded."""
    return [tuple(line.split(" ", 1)) for line in record.read_text().splitlines()]


def _count_points(record: str | None, at: int | None, how: str) -> None:
    count = 0

    def point(call: str, target: object, half: Callable[[], object] = lambda: None) -> None:
        nonlocal count
        count += 1
        if record is not None:
            with _open(record, "a") as file:
                file.write(f"{call} {target}\n")
        if at is not None and count == at + 1:
            half()
            if how == KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            number = getattr(errno, how)
            raise OSError(number, os.strerror(number))

    class Disk(io.FileIO):
        def write(self, content: bytes) -> int:
            whole = memoryview(content).cast("B")
            point("write", self.name, lambda: super(Disk, self).write(whole[: len(whole) // 2]))
            return super().write(content)

    def opened(file: object, mode: str = "r", *rest: object, **options: object) -> object:
        if isinstance(file, str | Path) and str(file).endswith(".partial") and mode not in ("r", "rb"):
            return io.BufferedWriter(Disk(str(file), mode.replace("b", "")))
        return _open(file, mode, *rest, **options)

    def fsync(handle: int) -> None:
        point("fsync", os.readlink(f"/proc/self/fd/{handle}"))
        _fsync(handle)

    def replace(source: object, target: object) -> None:
        point("rename", target)
        _replace(source, target)

    builtins.open, os.fsync, os.replace = opened, fsync, replace


def _leave_out(generator: str) -> None:
    from model import training_state

    whole = training_state._set_generators

    def set_all_but_one(states: dict) -> None:
        import torch

        now = {"torch": torch.get_rng_state()}
        whole({**states, generator: now[generator]})

    training_state._set_generators = set_all_but_one


def _watch(log: str) -> None:
    from run import signals

    running = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.fork", "pty.spawn", "os.startfile")
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def audit(event: str, arguments: tuple) -> None:
        seen = None
        if event == "os.fork" and sys._getframe(1).f_code.co_filename == signals.__file__:
            return  # the guard of every script
        if event in running:
            seen = f"{event} {arguments!r}"
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & writing:
            if arguments[2] & os.O_TMPFILE == os.O_TMPFILE:
                return  # a file without a name, which goes with the process
            path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
            if path and not path.endswith(".partial") and path not in (log, os.devnull):
                seen = f"open {path}"
        if seen:
            handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, (seen + "\n").encode())
            os.close(handle)

    sys.addaudithook(audit)


def _change_step(step: int, change: Callable[[dict], dict]) -> None:
    from model.autoencoder import Autoencoder

    whole, count = Autoencoder.loss, 0

    def loss(self: Autoencoder, *arguments: object, **options: object) -> dict:
        nonlocal count
        parts = whole(self, *arguments, **options)
        count += 1
        return change(parts) if count == step + 1 else parts

    Autoencoder.loss = loss


def _note_images(seen: str) -> None:
    import hashlib

    from stages.training import loop

    my_part, epoch_order, to_float = loop.my_part, loop.epoch_order, loop.to_float
    now = {"share": 0.0, "epoch": 0}

    def part(count: int) -> object:
        mine = my_part(count)
        now["share"] = mine.share
        return mine

    def order(*arguments: object) -> object:
        now["epoch"] = arguments[-1]
        return epoch_order(*arguments)

    def noted(images: object, device: object) -> object:
        if now["share"]:
            with open(seen, "a") as file:
                for image in images:
                    file.write(f"{now['epoch']} {hashlib.sha256(image.numpy().tobytes()).hexdigest()}\n")
        return to_float(images, device)

    loop.my_part, loop.epoch_order, loop.to_float = part, order, noted


def _compute_for_ever() -> None:
    print("stuck", file=sys.stderr, flush=True)
    import hashlib

    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes in one call


def _compute_alone_for_ever() -> None:
    print("stuck", file=sys.stderr, flush=True)
    collections.deque(itertools.repeat(0), maxlen=0)


def _cut_network(log: str) -> None:
    import socket

    def refuse(*address: object, **_: object) -> None:
        with _open(log, "a") as file:
            file.write(f"{address}\n")
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    socket.getaddrinfo = refuse

    class Cut(socket.socket):
        def connect(self, address: object) -> None:
            refuse(address)

    socket.socket = Cut


def _train_refined_from(many: int) -> None:
    from stages.training import plan

    plan.MANY_TO_REFINE = many
