"""Where the numbers of a training run go: a JSONL file, TensorBoard, and the terminal."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import rich.progress
from etils import epath

log = logging.getLogger(__name__)


def read_metrics(path: epath.PathLike) -> list[dict[str, Any]]:
    """The records of a metrics file; a last line that a kill has cut short is left out."""
    path = epath.Path(path)
    records = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


class MetricsWriter:
    """Writes metrics.jsonl and TensorBoard events.

    A run that goes on from step s drops what was written after s: those steps are trained again, and
    every step stands in the file once. Object stores cannot append: there the file is written as a whole,
    every `REWRITE_SECONDS` and at the end, and there are no TensorBoard events.
    """

    REWRITE_SECONDS = 30.0

    def __init__(self, directory: epath.PathLike, resume_step: int):
        directory = epath.Path(directory)
        self._path = directory / "metrics.jsonl"
        kept = [r for r in read_metrics(self._path) if r["step"] <= resume_step] if resume_step else []
        self._lines = [json.dumps(record) + "\n" for record in kept]
        self._rewrite()
        self._file = self._board = None
        if not is_remote(directory):
            from tensorboardX import SummaryWriter

            self._file = self._path.open("a")
            self._board = SummaryWriter(str(directory / "tensorboard"), purge_step=resume_step + 1)

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds one record."""
        scalars = {name: float(value) for name, value in scalars.items()}
        line = json.dumps({"step": step, **scalars}) + "\n"
        if self._file is None:
            self._lines.append(line)
            if time.monotonic() - self._written > self.REWRITE_SECONDS:
                self._rewrite()
            return
        self._file.write(line)
        self._file.flush()
        for name, value in scalars.items():
            self._board.add_scalar(name, value, step)

    def _rewrite(self) -> None:
        self._path.write_text("".join(self._lines))
        self._written = time.monotonic()

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(self, *exc) -> None:
        if self._file is None:
            self._rewrite()
        else:
            self._file.close()
            self._board.close()


def is_remote(path: epath.PathLike) -> bool:
    """Whether a path is a URL of an object store."""
    return "://" in str(path)


class NoWriter:
    """Stands in for `MetricsWriter` in processes that do not write."""

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        pass

    def __enter__(self) -> "NoWriter":
        return self

    def __exit__(self, *exc) -> None:
        pass


class Progress:
    """A progress bar on a terminal, a line every ten seconds elsewhere."""

    LINE_EVERY = 10.0  # seconds

    def __init__(self, title: str, total: int, done: int = 0):
        self.title, self.total, self.done = title, total, done
        self._first, self._start, self._last = done, time.monotonic(), time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            self._bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}"),
                rich.progress.BarColumn(),
                rich.progress.MofNCompleteColumn(),
                rich.progress.TimeRemainingColumn(),
                rich.progress.TextColumn("{task.fields[note]}"),
                console=rich.console.Console(stderr=True),
            )
            self._task = self._bar.add_task(title, total=total, completed=done, note="")

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *exc) -> None:
        if self._bar:
            self._bar.stop()
        elif exc[0] is None:
            self._line("")

    def advance(self, n: int = 1, note: str = "") -> None:
        """Counts n more as done."""
        self.done += n
        if self._bar:
            self._bar.update(self._task, completed=self.done, note=note)
        elif time.monotonic() - self._last > self.LINE_EVERY:
            self._last = time.monotonic()
            self._line(note)

    def _line(self, note: str) -> None:
        seconds = time.monotonic() - self._start
        left = seconds / max(self.done - self._first, 1) * (self.total - self.done)
        log.info(
            "%s %d/%d  %s%s", self.title, self.done, self.total, note,
            f"  {left:.0f} s left" if self.done < self.total else f"  {seconds:.0f} s",
        )  # fmt: skip
