"""A script as a command: how it begins, and how it ends: 0 done, 2 bad input, 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP; bad
input gets a sentence, never a traceback."""

import atexit
import errno
import gc
import os
import shlex
import sys
import traceback
from collections.abc import Callable

from run import ranks, signals, streams
from run.errors import TOO_LITTLE_TO_LOAD, BadInput, printable
from run.memory import require_memory_for_libraries

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


# How libraries say that there is no memory: torch on processors and on cards, C++, and threads' stacks.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "can't start new thread")

# What is computed is added up by one thread: several would add in another order, so that results would depend on how
# many cores there are. Free cores are used by processes side by side. To be set before these libraries are imported.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def execute(main: Callable[[], None], *, by_several: bool = False) -> None:
    """Run ``main`` as a command and leave the process with the exit status that the outcome deserves.

    The first Ctrl-C, SIGTERM or SIGHUP raises inside ``main``, which may save and leave; the second ends the process at
    once (see :mod:`run.signals`). Streams that are closed or full end nothing (see :mod:`run.streams`).

    Args:
        main: what the command does.
        by_several: whether torchrun may start it as several processes that work as one (see :mod:`run.ranks`).
    """
    os.environ.update(_ONE_THREAD)
    gc.set_threshold(50_000)  # what torch's import makes stays; searching it for cycles time and again takes a second
    status = None

    def leave() -> None:
        if status is not None:
            streams.flush()
            os._exit(status)

    streams.settle()
    atexit.register(leave)  # after every other such function: taking torch's modules apart would take a second more
    signals.listen()
    try:
        ranks.join()
        if ranks.world_size() > 1 and not by_several:
            alone = printable(shlex.join(["python", *sys.argv]))
            raise BadInput(f"this command runs as one process, not as {ranks.world_size()}; start it by: {alone}")
        if streams.is_full("stdout"):
            raise BadInput("standard output is full, and results would be lost; make room, or send them elsewhere")
        require_memory_for_libraries()
        main()
        status = 0
    except SystemExit as left:  # argparse has said why
        status = left.code or 0
    except BadInput as error:
        status = _complain(str(error))
    except (KeyboardInterrupt, signals.Terminated, signals.HungUp) as stopped:
        status = signals.exit_status(stopped)
        if ranks.may_speak(is_stopped=True):
            print(f"stopped by {signals.name(stopped)}", file=sys.stderr)
    except BrokenPipeError:  # the reader of standard output (head, say) has seen enough
        status = 0
    except UnicodeEncodeError as error:  # of a file's name: whatever is printed has escapes instead
        if error.encoding.lower() != sys.getfilesystemencoding().lower():
            raise
        status = _complain(
            f"{printable(error.object)} is a file name beyond {error.encoding}, in which file names are written here; "
            "set PYTHONUTF8=1, and run the same again"
        )
    except (MemoryError, RuntimeError, ImportError, AttributeError, OSError) as error:
        if not (why := _want_of_memory(error)) and getattr(error, "errno", None) not in _MACHINE_ERRORS:
            raise
        place = f"{printable(error.filename)}: " if getattr(error, "filename", None) else ""
        status = _complain(why or place + _MACHINE_ERRORS[error.errno])
    finally:
        signals.ending()
        ranks.leave(1 if status is None else status)  # None: of an error that nobody foresaw
    streams.flush()
    if status == 0 and (lost := streams.failure("stdout")):
        status = _complain(f"{lost}, so results are lost there; what is in files is whole")
    if (lost := streams.failure("stderr")) and not streams.failure("stdout"):
        print(f"{lost}, so progress and warnings are lost")
    streams.flush()
    sys.exit(status)


def _want_of_memory(error: BaseException | None) -> str:
    """A sentence, where an error, or one that led to it, is that the memory is used up; else ""."""
    while error is not None:
        said = str(error)
        if "failed to map segment" in said or (isinstance(error, ImportError) and "allocate" in said):
            return TOO_LITTLE_TO_LOAD
        if (
            isinstance(error, MemoryError)
            or getattr(error, "errno", None) == errno.ENOMEM
            or (isinstance(error, RuntimeError) and any(words in said for words in _NO_MEMORY))
        ):
            places = traceback.walk_tb(error.__traceback__)
            if any("importlib" in frame.f_code.co_filename for frame, _ in places):
                return TOO_LITTLE_TO_LOAD
            return (
                "the memory is used up; take fewer images (--max_train, --max_test), smaller ones (--image_size) or "
                "fewer at a time (--batch_size), as far as this command has these flags, or close other programs"
            )
        error = error.__cause__ or error.__context__
    return ""


def _complain(sentence: str) -> int:
    if ranks.may_speak():
        print(f"{os.path.basename(sys.argv[0])}: {sentence}", file=sys.stderr)
    return 2
