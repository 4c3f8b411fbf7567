"""Scripts in processes that are forked rather than started: torch's import, which takes seconds, is paid once.

A server process imports what the scripts import and forks a child for each run. The child is the real script: its file
is run as ``__main__`` with its own arguments, folder, environment and output, and it can be killed like any process.
What tests do to a child before its script begins stands in :mod:`tests.faults`.
"""

import contextlib
import importlib
import json
import os
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Root reads and writes what it likes; without these two of its powers permissions bind it as they bind others.
_AS_OTHERS = [f"--{which}=-dac_override,-dac_read_search" for which in ("bounding-set", "inh-caps")]
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
_IMPORTED = (
    "torch",
    "torch._dynamo",  # by the first optimizer
    "scipy.linalg",
    "sklearn.datasets",
    "sklearn.cluster",
    "sklearn.manifold",
    "sklearn.linear_model",
)


@dataclass(frozen=True)
class Done:
    """What came of a run, named as in ``subprocess.CompletedProcess``."""

    returncode: int  # of a process that was killed, minus the signal's number
    stdout: str
    stderr: str
    seconds: float
    peak: int  # bytes of memory, those of the imported modules among them


class Child:
    """A script that is running."""

    def __init__(self, server: "Server", process: int, outputs: tuple[Path, Path]) -> None:
        self.pid, self._server, self._outputs = process, server, outputs
        self._started = time.monotonic()

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until ``condition`` holds; fails when that takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.01)

    def said(self) -> str:
        """Standard error so far."""
        return self._outputs[1].read_text(errors="replace")

    def wait(self, timeout: float = 120) -> Done:
        """Wait for the end; a script that takes longer than ``timeout`` seconds is killed."""
        answer = self._server.ask({"wait": self.pid, "timeout": timeout})
        stdout, stderr = (path.read_text(errors="replace") for path in self._outputs)
        for path in self._outputs:
            path.unlink()
        return Done(answer["status"], stdout, stderr, time.monotonic() - self._started, answer["peak"])


class Server:
    """The process that forks scripts.

    Args:
        read_only: folders that can't be written by any script; see :func:`can_be_bound`.
        bound: whether permissions bind even root.
        modules: further modules that every child has imported; of ``module:function`` the function is called.
        environment: changes to the environment; None removes a variable.
    """

    def __init__(
        self,
        read_only: tuple[str, ...] = (),
        bound: bool = False,
        modules: tuple[str, ...] = (),
        environment: dict[str, str | None] | None = None,
    ) -> None:
        changed = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT), **(environment or {})}
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "COLUMNS"):
            changed.pop(name, None)
        self._folder = tempfile.TemporaryDirectory()
        os.chmod(self._folder.name, 0o777)
        self._errors = open(Path(self._folder.name) / "server", "w")  # noqa: SIM115  (closed with the server)
        self._process = subprocess.Popen(
            [*_bonds(read_only, bound), sys.executable, "-B", "-m", "tests.forking", *modules],
            cwd=ROOT,
            env={name: value for name, value in changed.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self._count = 0
        self.baseline = self._answer()["peak"]  # bytes of memory before any script

    def ask(self, request: dict) -> dict:
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        assert line, (Path(self._folder.name) / "server").read_text()
        return json.loads(line)

    def start(
        self, script: str, *arguments: object, cwd: Path = ROOT, fault: dict | None = None, **environment: str
    ) -> Child:
        """Start a script; ``fault`` is for :func:`tests.faults.install`."""
        self._count += 1
        outputs = tuple(Path(self._folder.name) / f"{self._count}.{end}" for end in ("out", "err"))
        for path in outputs:
            path.touch()
            path.chmod(0o666)
        answer = self.ask(
            {
                "script": str(ROOT / script),
                "arguments": [os.fspath(each) if isinstance(each, Path) else str(each) for each in arguments],
                "cwd": str(cwd),
                "environment": environment,
                "outputs": [str(path) for path in outputs],
                "fault": fault or {},
            }
        )
        return Child(self, answer["process"], outputs)

    def run(self, script: str, *arguments: object, timeout: float = 120, **options: object) -> Done:
        """Run a script to its end; arguments as of :meth:`start`."""
        return self.start(script, *arguments, **options).wait(timeout)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        self._errors.close()
        self._folder.cleanup()


def can_be_bound() -> bool:
    """Whether this account may mount folders read-only for processes of its own, and give up powers."""
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    probe = [*_bonds((tempfile.gettempdir(),), True), "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _bonds(read_only: tuple[str, ...], bound: bool) -> list[str]:
    """The words before a command."""
    words = []
    if read_only:
        places = " ".join(map(shlex.quote, read_only))
        mount = f'for d in {places}; do mount --bind "$d" "$d" && mount -o remount,ro,bind "$d" || exit 1; done'
        words += ["unshare", "-rm", "sh", "-c", f'{mount}; exec "$@"', "sh"]
    return [*words, "setpriv", *_AS_OTHERS] if bound else words


def _serve(modules: list[str]) -> None:
    for name in (*_IMPORTED, *modules):
        module, _, function = name.partition(":")
        imported = importlib.import_module(module)
        if function:
            getattr(imported, function)()
    for folder in ("data", "model", "latent", "figure", "run"):
        for path in sorted((ROOT / folder).glob("*.py")):
            importlib.import_module(f"{folder}.{path.stem}")
    _reply({"peak": _peak(os.getpid())})
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _reply(_wait(request["wait"], request["timeout"]))
            continue
        process = os.fork()
        if process == 0:
            _be_script(request)
        _reply({"process": process})


def _reply(answer: dict) -> None:
    print(json.dumps(answer), flush=True)


def _wait(process: int, timeout: float) -> dict:
    deadline = time.monotonic() + timeout
    pause = 0.002
    while True:
        found, status, usage = os.wait4(process, os.WNOHANG)
        if found:
            return {"status": os.waitstatus_to_exitcode(status), "peak": usage.ru_maxrss * 1024}
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
        time.sleep(pause)
        pause = min(0.02, 1.5 * pause)


def _peak(process: int) -> int:
    line = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _be_script(request: dict) -> None:
    """Become the script, and never return."""
    status = 1
    try:
        os.chdir(request["cwd"])
        # One core: bottlenecks are trained in this very process, in which faults are installed and steps are counted.
        # How they are trained side by side stands in test_side_by_side.py.
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[os.getpid() % len(allowed)]})
        os.environ.update(request["environment"])
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        for number, path in zip((1, 2), request["outputs"], strict=True):
            with open(path, "ab") as file:
                os.dup2(file.fileno(), number)
        sys.argv = [request["script"], *request["arguments"]]
        sys.path[0] = str(ROOT)
        from tests import faults

        faults.install(**request["fault"])
        runpy.run_path(request["script"], run_name="__main__")
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1:])
