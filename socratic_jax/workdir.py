"""A run lives in one directory: what is where, and whose directory it is."""

import json
from typing import Any

from etils import epath
from ml_collections import ConfigDict

from socratic_jax import processes
from socratic_jax.config import with_defaults

# Where a run computes is no part of what it computes: it may go on on other devices.
HARDWARE = ("cpu_devices", "mesh")


class WorkdirError(RuntimeError):
    """The workdir cannot be used for this run."""


class Workdir:
    """Paths of a run. Opening one writes its config, or compares it with the one written before.

    A workdir holds the results of exactly one configuration, so what lies in it never has to be
    questioned: a stage that finds its output is done. Only the devices may change.
    """

    def __init__(self, path: epath.PathLike, config: ConfigDict):
        self.path = epath.Path(path).expanduser()
        if "://" not in str(path):
            self.path = self.path.resolve()  # Orbax wants absolute paths.
        self._claim(config)

    def student(self, name: str) -> epath.Path:
        return self.path / "students" / name

    def transcripts(self, student: str) -> epath.Path:
        """How many transcripts a student is taught, and which are too long."""
        return self.student(student) / "transcripts.json"

    def annotations(self, split: str, kind: str) -> epath.Path:
        return self.path / "annotations" / f"{split}-{kind}.jsonl"

    def funnel(self, split: str, kind: str) -> epath.Path:
        return self.path / "annotations" / f"{split}-{kind}.funnel.json"

    @property
    def journal(self) -> epath.Path:
        return self.path / "annotations" / "journal.jsonl"

    def unfinished(self, suite: str, strategy: str) -> epath.Path:
        """Predictions of a suite that is being scored."""
        return self.path / "predictions" / suite / f"{strategy}.unfinished.jsonl"

    def predictions(self, suite: str, strategy: str) -> epath.Path:
        return self.path / "predictions" / suite / f"{strategy}.jsonl"

    @property
    def tokenizer(self) -> epath.Path:
        return self.path / "tokenizer"

    @property
    def seconds(self) -> epath.Path:
        return self.path / "seconds.json"

    @property
    def plots(self) -> epath.Path:
        return self.path / "plots"

    def _claim(self, config: ConfigDict) -> None:
        file = self.path / "config.json"
        # Through JSON, as the stored one went: tuples become lists.
        wanted = json.loads(config.to_json_best_effort())

        def write():
            self.path.mkdir(parents=True, exist_ok=True)
            # Nothing was made by a config that failed at once, say by a typo: it may be replaced.
            # (In a bucket, a directory is there only when something is in it.)
            children = self.path.iterdir() if self.path.exists() else ()
            made = {child.name for child in children} - {"config.json", "seconds.json"}
            if not (made and file.exists()):
                temporary = self.path / "config.json.tmp"
                temporary.write_text(json.dumps(wanted, indent=2) + "\n")
                temporary.replace(file)

        try:
            processes.first_does(write)
            text = file.read_text()
        except OSError as error:
            raise WorkdirError(
                f"cannot use workdir {self.path}: {error.strerror or error}; choose another --workdir"
            ) from error
        try:
            stored = with_defaults(json.loads(text))
        except json.JSONDecodeError as error:
            raise WorkdirError(f"{file}:{error.lineno}: not JSON; delete it if the workdir is new") from error
        changes = differences(identity(stored), identity(wanted))
        if changes:
            raise WorkdirError(
                f"workdir {self.path} was made by another config ({'; '.join(changes)}); "
                "choose another --workdir, or give it the same config"
            )


def identity(config: dict[str, Any]) -> dict[str, Any]:
    """What of a config says what is computed."""
    return {key: value for key, value in config.items() if key not in HARDWARE}


def differences(stored: Any, wanted: Any, prefix: str = "") -> list[str]:
    """Where two JSON values differ, as "train.steps: 100 there, 200 here"."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        changes = []
        for key in sorted(stored.keys() | wanted.keys()):
            name = f"{prefix}.{key}" if prefix else key
            changes += differences(stored.get(key), wanted.get(key), name)
        return changes
    return [] if stored == wanted else [f"{prefix}: {json.dumps(stored)} there, {json.dumps(wanted)} here"]
