"""Bottlenecks trained side by side, each in a process of its own with one thread.

Two networks with a thread each do 1.45 times the work of one network with two threads. And since a network's sums are
always added up by one thread, its weights do not depend on how many cores there are, nor on what else runs.

The processes are forked: images and PCA are shared, nothing is sent to them. Where there is no fork (Windows), one
core, or a graphics card, the bottlenecks are trained one after the other in this process, to the same weights.
"""

import multiprocessing
import signal
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from run import ranks
from run.cores import cores
from run.errors import BadInput
from run.forked import settle
from run.hints import resume_command
from run.signals import StopRequest
from stages.training.report import Relay, Report

Train = Callable[[int, Report | Relay, StopRequest], Any]  # (latent size, report, stop) -> what came of it


def train_all(sizes: Sequence[int], train: Train, report: Report, *, in_processes: bool) -> dict[int, Any]:
    """Train each bottleneck; what came of each, by size.

    Args:
        sizes: the bottlenecks.
        train: trains one of them. Heeds its stop request, and has kept a state then.
        report: that all of them speak to.
        in_processes: whether they may be trained in processes of their own.

    Raises:
        BadInput: one of them was refused, or its process was killed; the others have kept their states and ended.
        KeyboardInterrupt, Terminated, HungUp: a stop was asked for, and all have kept their states.
    """
    at_once = min(len(sizes), cores())
    with StopRequest(shared=ranks.world_size() > 1) as stop:
        if in_processes and at_once > 1 and sys.platform == "linux":
            return _in_processes(sizes, train, report, stop, at_once)
        return {size: train(size, report, stop) for size in sizes}


def _in_processes(
    sizes: Sequence[int], train: Train, report: Report, stop: StopRequest, at_once: int
) -> dict[int, Any]:
    waiting, results, errors = deque(sorted(sizes, reverse=True)), {}, []  # the largest takes longest
    running: dict[Connection, tuple[int, multiprocessing.Process]] = {}
    try:
        while running or waiting:
            leaving = stop.asked or errors
            if leaving:
                waiting.clear()
                for _, process in running.values():
                    process.terminate()
            while waiting and len(running) < at_once:
                size = waiting.popleft()
                ours, process = _begin(size, train)
                running[ours] = size, process
            for connection in wait(list(running), timeout=0.2):
                size, process = running[connection]
                try:
                    kind, content = connection.recv()
                except (EOFError, OSError):
                    kind, content = "ended", None
                if kind == "result":
                    results[size] = content
                elif kind == "raised":
                    errors.append(content)
                elif kind == "ended":
                    process.join()
                    del running[connection]
                    connection.close()
                    if process.exitcode < 0 and not leaving:
                        errors.append(_killed(size, -process.exitcode))
                else:
                    getattr(report, kind)(*content)
    finally:
        for _, process in running.values():  # something unforeseen: nobody is left behind
            process.kill()
    stop.heed()
    if errors:
        raise errors[0]
    return results


def _begin(size: int, train: Train) -> tuple[Connection, multiprocessing.Process]:
    ours, theirs = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_work, args=(size, train, ours, theirs))
    with warnings.catch_warnings():
        # Python 3.12 warns of forking beside threads: those here wait for signals or have ended, and hold no lock
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    theirs.close()
    return ours, process


def _work(size: int, train: Train, theirs: Connection, connection: Connection) -> None:
    """What a process does: train one bottleneck, and say what came of it."""
    theirs.close()
    settle()
    torch.set_num_threads(1)  # the threads of a caller who has used several are not here, and would be waited for
    try:
        with StopRequest() as stop:
            connection.send(("result", train(size, Relay(connection), stop)))
    except BaseException as error:  # the parent says it, whatever it is
        error.__cause__ = None
        try:
            connection.send(("raised", error))
        except Exception:  # whatever pickle raises of an error that can't be sent as it is
            connection.send(("raised", RuntimeError(traceback.format_exc())))
    connection.close()


def _killed(size: int, number: int) -> BadInput:
    why = "is the memory used up?" if number == signal.SIGKILL else f"by {signal.Signals(number).name}"
    return BadInput(
        f"the process that trained bottleneck {size} was killed ({why}); its last state is kept: go on with "
        f"{resume_command()}"
    )
