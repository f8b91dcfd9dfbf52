"""A run lives in one directory: what is where, and whose directory it is."""

import json
from typing import Any

from etils import epath
from ml_collections import ConfigDict

from socratic_jax import processes
from socratic_jax.config import INCIDENTAL, with_defaults
from socratic_jax.problems import jsonl
from socratic_jax.problems.problem import ProblemError

# Of `evaluate`: there may be more of them than there were. The first have options, which stay what they are.
WITH_OPTIONS = ("suites", "variants")
ADDED_TO = (*WITH_OPTIONS, "baselines")


class WorkdirError(RuntimeError):
    """The workdir cannot be used for this run."""


class Workdir:
    """Paths of a run. Opening one writes its config, or compares it with the one written before.

    A workdir holds the results of exactly one configuration, so what lies in it never has to be
    questioned: a stage that finds its output is done. Only what does not change what is
    computed may differ, and suites, variants and baselines may be added.
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

        def claim() -> None:
            self.path.mkdir(parents=True, exist_ok=True)
            # Nothing was made by a config that failed at once, say by a typo: it may be replaced.
            if not (file.exists() and self._has_made_something()):
                jsonl.write_object(file, wanted)

        try:
            processes.first_does(claim)
            stored = with_defaults(jsonl.read_object(file))
        except OSError as error:
            raise WorkdirError(
                f"cannot use workdir {self.path}: {error.strerror or error}; choose another --workdir"
            ) from error
        except ProblemError as error:
            raise WorkdirError(f"{error}; delete it if the workdir is new") from None
        if found := changes(stored, wanted):
            raise WorkdirError(
                f"workdir {self.path} was made by another config ({'; '.join(found)}); "
                "choose another --workdir, or give it the same config"
            )
        old, new = stored["evaluate"], wanted["evaluate"]
        new |= {field: {**old[field], **new[field]} for field in WITH_OPTIONS}
        new["baselines"] = list(dict.fromkeys([*old["baselines"], *new["baselines"]]))
        if stored != wanted:
            processes.first_does(lambda: self._widen(stored, wanted))

    def _widen(self, stored: dict[str, Any], wanted: dict[str, Any]) -> None:
        # Without what is still to be scored the results are not this config's: a study would count the run
        # as finished. They are made again from the predictions.
        if added(stored, wanted):
            (self.path / "results.csv").unlink(missing_ok=True)
        jsonl.write_object(self.path / "config.json", wanted)

    def _has_made_something(self) -> bool:
        # (In a bucket, a directory is there only when something is in it.)
        names = (child.name for child in self.path.iterdir()) if self.path.exists() else ()
        children = {name for name in names if not name.endswith(".tmp")}
        if children - {"config.json", "seconds.json", "annotations"}:
            return True
        # Who only wanted to know a price leaves an empty journal.
        files = (self.path / "annotations").iterdir() if "annotations" in children else ()
        return any(f.stat().length for f in files if not f.is_dir())


def changes(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Where a config computes something else than the stored one; see differences. What is added is none."""
    found = differences(_identity(stored), _identity(wanted))
    for field in WITH_OPTIONS:
        found += _changed(stored["evaluate"], wanted["evaluate"], field)
    return found


def added(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What a config has scored and the stored one has not: suites, variants, baselines, "oracles"."""
    old, new = stored["evaluate"], wanted["evaluate"]
    names = [name for field in ADDED_TO for name in new[field] if name not in old[field]]
    return names + ["oracles"] * (new["oracles"] and not old["oracles"])


def _identity(config: dict[str, Any]) -> dict[str, Any]:
    """What of a config says what is computed; suites and variants, which may be added to, are not in it."""

    def rest(value: Any, prefix: str) -> Any:
        if not isinstance(value, dict):
            return value
        names = {key: f"{prefix}.{key}" if prefix else key for key in value}
        return {
            key: rest(inner, names[key])
            for key, inner in value.items()
            if names[key] not in (*INCIDENTAL, "evaluate.suites", "evaluate.variants")
        }

    return rest(config, "")


def _changed(stored: dict[str, Any], wanted: dict[str, Any], field: str) -> list[str]:
    """Where suites or variants that both have differ."""
    both = stored[field].keys() & wanted[field].keys()
    usual = {"split": "test"} if field == "suites" else {}
    old, new = ({name: {**usual, **config[field][name]} for name in both} for config in (stored, wanted))
    for suites in (old, new):
        for options in suites.values():
            options.pop("dir", None)  # Data may move.
    return differences(old, new, f"evaluate.{field}")


def differences(stored: Any, wanted: Any, prefix: str = "") -> list[str]:
    """Where two JSON values differ, as "train.steps: 100 there, 200 here"."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        changes = []
        for key in sorted(stored.keys() | wanted.keys()):
            name = f"{prefix}.{key}" if prefix else key
            changes += differences(stored.get(key), wanted.get(key), name)
        return changes
    return [] if stored == wanted else [f"{prefix}: {json.dumps(stored)} there, {json.dumps(wanted)} here"]
