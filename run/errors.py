"""How a script ends: 0 done, 2 bad input, 130 Ctrl-C, 143 SIGTERM; bad input gets a sentence, never a traceback."""

import atexit
import errno
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable


class BadInput(Exception):
    """Something the person can mend. Its text says what is wrong, what would work and what to run next."""


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that no handler for ordinary errors swallows it."""


# Errors of the machine rather than of the program: what each means in words, and what to do about it.
_MACHINE_ERRORS = {
    errno.ENOSPC: "the disk is full; free some space, or choose another folder with --output_dir or --data_dir",
    errno.EFBIG: "the file is larger than this disk or this account allows; choose another disk with --output_dir",
    errno.EDQUOT: "the disk quota is used up; free some space, or choose another disk with --output_dir or --data_dir",
    errno.EROFS: "the folder is on a read-only disk; choose another with --output_dir or --data_dir",
    errno.EACCES: "permission denied; change its permissions, or choose another with --output_dir or --data_dir",
    errno.EPERM: "not permitted; change its permissions, or choose another with --output_dir or --data_dir",
    errno.ENOTDIR: "a part of its path is a file, not a folder; choose another with --output_dir or --data_dir",
    errno.EISDIR: "it is a folder, and a file was expected; name a file",
    errno.EEXIST: "a file of that name stands where a folder is needed; choose another with --output_dir or --data_dir",
    errno.ENOENT: "there is no such file or folder; check the spelling",
    errno.EIO: "the disk reports an input/output error; try another disk with --output_dir or --data_dir",
    errno.ENAMETOOLONG: "the name is too long for this file system; choose a shorter one",
}


def execute(main: Callable[[], None]) -> None:
    """Run ``main`` as a command and leave the process with the exit status that the outcome deserves.

    The first Ctrl-C raises KeyboardInterrupt inside ``main``, which may save and leave; a second one ends the
    process at once.
    """
    gc.set_threshold(50_000)  # what torch's import makes stays; searching it for cycles time and again takes a second
    status = None

    def leave() -> None:
        if status is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    atexit.register(leave)  # after every other such function: taking torch's modules apart would take a second more
    _leave_at_second_ctrl_c()
    signal.signal(signal.SIGTERM, _raise_terminated)
    signal.signal(signal.SIGINT, _raise_interrupt)
    try:
        main()
        sys.stdout.flush()
        status = 0
    except BadInput as error:
        status = _complain(str(error))
    except KeyboardInterrupt:
        status = 130
        print("stopped by Ctrl-C", file=sys.stderr)
    except Terminated:
        status = 143
        print("stopped by SIGTERM", file=sys.stderr)
    except BrokenPipeError:  # the reader of standard output (head, say) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except MemoryError:
        status = _complain(
            "the memory is used up; take fewer images (--max_train, --max_test) or smaller ones (--image_size)"
        )
    except OSError as error:
        if error.errno not in _MACHINE_ERRORS:
            raise
        place = f"{printable(error.filename)}: " if error.filename else ""
        status = _complain(place + _MACHINE_ERRORS[error.errno])
    sys.exit(status)


def printable(text: object) -> str:
    """Hostile text (a file or class name) as one line that cannot move the cursor or break an encoding."""
    decoded = os.fsdecode(text) if isinstance(text, bytes | os.PathLike) else str(text)
    characters = decoded.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in characters)


def _complain(sentence: str) -> int:
    print(f"{os.path.basename(sys.argv[0])}: {sentence}", file=sys.stderr)
    return 2


def _leave_at_second_ctrl_c() -> None:
    """Have a thread end the process when Ctrl-C comes after Ctrl-C or SIGTERM.

    A handler of Python's own would wait for the end of whatever the main thread computes outside Python.
    """
    arrived, written = os.pipe()
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)

    def watch() -> None:
        before = b""
        while numbers := os.read(arrived, 64):
            before += bytes(number for number in numbers if number in (signal.SIGINT, signal.SIGTERM))
            if signal.SIGINT in before[1:]:
                os._exit(130)

    threading.Thread(target=watch, daemon=True).start()


def _raise_terminated(signum: int, frame: object) -> None:
    raise Terminated


def _raise_interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
