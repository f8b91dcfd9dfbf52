"""The cells of a study, and working on them until all are finished."""

import dataclasses
import fcntl
import itertools
import json
import logging
import os
import subprocess
import time
from pathlib import Path
from typing import Any, TextIO

from ml_collections import ConfigDict

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
      name: its directory in that of the study, such as "size=tiny-0.2m,seed=0".
      config: of the run.
    """

    name: str
    config: ConfigDict


def cells(study: ConfigDict) -> list[Cell]:
    """All combinations of the values of a study's axes, the first axis slowest.

    Args:
      study: `run`, the config that all runs start from, and `axes`: pairs of a name and values, each of
        these a mapping of the run's fields ("student.size") to what they are set to. The first of them names
        the cell.

    Raises:
      ValueError: a run has no such field, or of another type, or two cells have one name.
    """
    if "axes" not in study:
        raise ValueError(
            "this is not the config of a study: it has no axes; socratic_jax.main runs a single run"
        )
    made: dict[str, Cell] = {}
    names = [name for name, _ in study.axes]
    for values in itertools.product(*(values for _, values in study.axes)):
        words = [f"{axis}={_word(value)}" for axis, value in zip(names, values, strict=True)]
        name, config = ",".join(words), ConfigDict(study.run.to_dict())
        for axis, value in zip(names, values, strict=True):
            for field, setting in value.items():
                _set(config, field, setting, f"axes.{axis}")
        if name in made:
            raise ValueError(
                f"two cells are called {name!r}; the first field of a value has to tell it apart"
            )
        made[name] = Cell(name, config)
    return list(made.values())


def config_in(cell: Cell, directory: Path) -> ConfigDict:
    """What a cell is run by in a study's directory, where cells share what teachers have replied."""
    config = ConfigDict(cell.config.to_dict())
    config.annotate.journal = config.annotate.journal or str(directory / "journal.jsonl")
    return config


def _set(config: ConfigDict, field: str, setting: Any, where: str) -> None:
    *path, last = field.split(".")
    try:
        for name in path:
            config = config[name]
        if last not in config:
            raise KeyError(field)
        config[last] = setting
    except (KeyError, AttributeError):
        raise ValueError(f"{where}: a run has no field {field!r}; see socratic_jax/config.py") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {field}: {str(error).splitlines()[0]}") from None


def _word(value: dict[str, Any]) -> str:
    first = next(iter(value.values()))
    text = "+".join(map(str, first)) if isinstance(first, tuple | list) else str(first)
    return "".join(c if c.isalnum() or c in "-_.+" else "-" for c in text)


def is_finished(cell: Cell, directory: Path) -> bool:
    """Whether a cell has its results, by this config and of all that it has scored; see workdir.added.

    Raises:
      ValueError: they were made by another one.
    """
    from socratic_jax.config import with_defaults, with_robustness
    from socratic_jax.problems.jsonl import read_object
    from socratic_jax.workdir import added, changes

    if not (directory / cell.name / "results.csv").exists():
        return False
    stored = with_defaults(read_object(directory / cell.name / "config.json"))
    wanted = json.loads(with_robustness(cell.config).to_json_best_effort())
    if found := changes(stored, wanted):
        raise ValueError(f"it was run by another config ({'; '.join(found)})")
    return not added(stored, wanted)


class Study:
    """Works on the cells of a study until all are finished, here or by somebody else.

    Args:
      study: see `cells`.
      directory: on a file system that all machines share, and that knows locks.
      command: of the process that runs a cell; the cell's flag is added.
    """

    def __init__(self, study: ConfigDict, directory: Path, command: list[str]):
        self.cells = cells(study)
        self.directory = directory
        self.command = command
        self.failed: dict[str, str] = {}
        self._stopped = False

    def work(self) -> None:
        """Runs cells that nobody else is running, one after the other."""
        (self.directory / "locks").mkdir(parents=True, exist_ok=True)
        while not self._stopped:
            left = [cell for cell in self.cells if cell.name not in self.failed and not self._finished(cell)]
            if not left:
                return
            for cell in left:
                lock = self._lock(cell.name)
                if lock is not None:
                    with lock:
                        # Somebody may have finished it since.
                        if not self._finished(cell):
                            self._run(cell)
                    break
            else:
                time.sleep(POLL_SECONDS)  # Others run what is left; they may die of it.

    def write_page(self) -> str | None:
        """Writes the page, after whoever is writing it, and returns its path; None if told to stop.

        Raises:
          ValueError, OSError: what cannot be read or written; one line that names the file.
        """
        from socratic_jax.reporting import report

        while not self._stopped:
            lock = self._lock("page")
            if lock is not None:
                with lock:
                    # Also if somebody just did: a cell may have been finished since they read.
                    return report.write(str(self.directory), None, os.cpu_count() or 1)
            time.sleep(POLL_SECONDS)
        return None

    def stop(self, *_) -> None:
        """Passes a request to stop on to the cell that is running."""
        self._stopped = True
        if self._process is not None:
            self._process.terminate()

    @property
    def stopped(self) -> bool:
        return self._stopped

    _process: subprocess.Popen | None = None

    def _finished(self, cell: Cell) -> bool:
        try:
            return is_finished(cell, self.directory)
        except (ValueError, OSError) as error:
            self._fail(cell, str(error))
            return True

    def _lock(self, name: str) -> TextIO | None:
        """The lock of a cell or of the page, which ends with the process that holds it; None if another one
        does."""
        file = (self.directory / "locks" / f"{name}.lock").open("a")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file

    def _run(self, cell: Cell) -> None:
        done = sum(map(self._finished, self.cells))
        log.info("%s: begins (%d of %d cells are finished)", cell.name, done, len(self.cells))
        workdir, began = self.directory / cell.name, time.monotonic()
        workdir.mkdir(parents=True, exist_ok=True)
        output = workdir / "output.txt"
        with output.open("a") as file:
            self._process = subprocess.Popen(
                [*self.command, f"--cell={cell.name}"], stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
            if self._stopped:  # While it was started.
                self._process.terminate()
            code = self._process.wait()
            self._process = None
        if self._stopped:
            return
        if code == 0 and (workdir / "results.csv").exists():
            log.info("%s: finished in %.0f s", cell.name, time.monotonic() - began)
        else:
            last = (output.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            self._fail(cell, f"exit code {code}: {last.removeprefix('error: ')}; see {output}")

    def _fail(self, cell: Cell, why: str) -> None:
        if cell.name not in self.failed:
            self.failed[cell.name] = why
            log.info("%s: failed: %s", cell.name, why)
