"""What a run's time went into.

Seconds are kept by phase and by attempt, in one file of the workdir: a run that was stopped and started
again knows what all of it cost.
"""

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
from etils import epath

from socratic_jax.problems import jsonl

log = logging.getLogger(__name__)

# In the order in which they are shown.
PHASES = ("initialise", "annotate", "data", "compile", "step", "validate", "checkpoint", "decode", "report")
# Phases in which what the run is for gets done; the rest is overhead.
PRODUCTIVE = ("annotate", "step", "decode")
FLUSH_SECONDS = 30.0


def memory_peak() -> float | None:
    """Bytes of device memory in use at the worst moment so far; None where the device does not say."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("peak_bytes_in_use")


class Clock:
    """Adds up seconds by phase, over all attempts.

    Phases may be nested; the inner one's seconds are its own. What was not flushed when a run is killed
    is lost: at most `FLUSH_SECONDS`.

    Args:
      path: of the JSON file; None keeps nothing.
      started: when this attempt began, as time.time(); None is now.
    """

    def __init__(self, path: epath.PathLike | None, started: float | None = None):
        self._path = None if path is None else epath.Path(path)
        self._started = started or time.time()
        self._before = read_attempts(self._path) if self._path else []
        self._seconds: dict[str, float] = {}
        self._stack: list[list[Any]] = []
        self._flushed = time.monotonic()
        self.wasted_steps = 0.0

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts what is inside as this phase."""
        if name not in PHASES:
            raise ValueError(f"unknown phase {name!r}; valid: {', '.join(PHASES)}")
        if not self._seconds and not self._stack:
            before = time.time() - self._started
            if before > 0:
                self._seconds["initialise"] = before
        inner = [0.0]
        self._stack.append(inner)
        start = time.monotonic()
        try:
            yield
        finally:
            elapsed = time.monotonic() - start
            self._stack.pop()
            self._seconds[name] = self._seconds.get(name, 0.0) + elapsed - inner[0]
            if self._stack:
                self._stack[-1][0] += elapsed
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                self.flush()

    def waste(self, seconds: float) -> None:
        """Counts seconds of steps that an earlier attempt took after its last checkpoint."""
        self.wasted_steps += seconds

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """All attempts, this one last."""
        now = {
            "started": self._started,
            "total": time.time() - self._started,
            "wasted": self.wasted_steps,
            "seconds": dict(self._seconds),
        }
        return [*self._before, now]

    def flush(self) -> None:
        """Writes the file."""
        self._flushed = time.monotonic()
        if self._path is not None:
            jsonl.write_text(self._path, json.dumps(self.attempts, indent=1) + "\n")


def read_attempts(path: epath.PathLike) -> list[dict[str, Any]]:
    """The attempts in a file; none if it is not there or, with a warning, if it is not JSON."""
    path = epath.Path(path)
    if not path.exists():
        return []
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        log.warning("%s is not JSON (%s); the time of earlier attempts is lost", path, error)
        return []


def by_phase(attempts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of all attempts by phase; "other" is what no phase has counted."""
    seconds = {name: sum(a["seconds"].get(name, 0.0) for a in attempts) for name in PHASES}
    seconds["other"] = max(sum(a["total"] for a in attempts) - sum(seconds.values()), 0.0)
    return {name: value for name, value in seconds.items() if value > 0}


def goodput(attempts: Sequence[Mapping[str, Any]]) -> float:
    """The fraction of all seconds in which something was done that the result needed."""
    total = sum(a["total"] for a in attempts)
    good = sum(a["seconds"].get(name, 0.0) for a in attempts for name in PRODUCTIVE)
    return (good - sum(a["wasted"] for a in attempts)) / total if total else 0.0
