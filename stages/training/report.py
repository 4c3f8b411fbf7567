"""What a training says while it runs: progress, and the log of its epochs."""

import json
from multiprocessing.connection import Connection
from typing import Any

from run import ranks
from run.artefacts import write_text
from run.console import Progress
from stages.training.plan import Plan

Record = dict[str, Any]  # of an epoch, see model.training_state.LoopState


class Report:
    """Shows the progress of all bottlenecks, and keeps ``training_log.jsonl`` as far as they have come.

    Args:
        plan: of the training.
        logs: records of bottlenecks that were trained before, by size.
        sizes: the bottlenecks that are trained now.
    """

    def __init__(self, plan: Plan, logs: dict[int, list[Record]], sizes: list[int]) -> None:
        self._path = plan.settings.output_dir / "training_log.jsonl"
        self._logs = dict(logs)
        self._progress = Progress(len(sizes) * plan.settings.num_epochs * plan.steps)

    @property
    def records(self) -> list[Record]:
        """Of every epoch that is done, bottleneck by bottleneck."""
        return [record for size in sorted(self._logs) for record in self._logs[size]]

    def advance(self, status: str) -> None:
        """One step is done; ``status`` stands beside the bar."""
        self._progress.advance(status)

    def milestone(self, text: str) -> None:
        """A line that stays."""
        self._progress.milestone(text)

    def skip(self, steps: int) -> None:
        """Steps that will not be taken after all."""
        self._progress.skip(steps)

    def log(self, latent_size: int, records: list[Record]) -> None:
        """All epochs of a bottleneck that are done; the file is written anew."""
        self._logs[latent_size] = records
        if self.records and ranks.is_first():
            write_text(self._path, "".join(json.dumps(record) + "\n" for record in self.records))

    def close(self) -> None:
        """Take the bar off the screen."""
        self._progress.close()


class Relay:
    """A report's methods in another process: what they are called with is sent to the process that has the report."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def advance(self, status: str) -> None:
        """See :meth:`Report.advance`."""
        self._connection.send(("advance", (status,)))

    def milestone(self, text: str) -> None:
        """See :meth:`Report.milestone`."""
        self._connection.send(("milestone", (text,)))

    def skip(self, steps: int) -> None:
        """See :meth:`Report.skip`."""
        self._connection.send(("skip", (steps,)))

    def log(self, latent_size: int, records: list[Record]) -> None:
        """See :meth:`Report.log`."""
        self._connection.send(("log", (latent_size, records)))
