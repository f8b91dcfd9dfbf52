"""A study: the runs under one directory, read into plain values. One run is a study of one cell."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etils import epath

from socratic_jax.accounting import read_attempts
from socratic_jax.config import INCIDENTAL, with_defaults
from socratic_jax.evaluation.baselines import UNTRAINED
from socratic_jax.evaluation.results import split_name
from socratic_jax.problems import sources
from socratic_jax.problems.jsonl import read_object
from socratic_jax.problems.problem import Problem, ProblemError
from socratic_jax.students.sizes import SIZES
from socratic_jax.teachers.funnel import Funnel
from socratic_jax.teachers.gold import AUTHOR
from socratic_jax.training.metrics import read_metrics
from socratic_jax.transcripts.strategies import STRATEGIES, Strategy

# Fields that change where or how fast a run computes, but not what it is an example of. Runs that differ
# in nothing else are seeds of one condition.
_INCIDENTAL = (*INCIDENTAL, "seed", "strategies", "train.accumulate", "evaluate.suites", "evaluate.variants")
# These are what people compare, so they name a condition even where another field varies along with them.
_LEADING = ("size", "data.train_limit", "data.source")
NO_AMOUNT = -1.0


class StudyError(ValueError):
    """A directory cannot be read as a study; one line that names the file."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
      name: its directory, relative to the study ("." if the run is the study).
      path: the same, to read from.
      config: as in its config.json.
      predictions: (suite, strategy) -> file.
      curves: student -> records of its metrics.jsonl.
      funnels: title -> (file, funnel of a teacher's samples).
      attempts: of accounting.Clock.
    """

    name: str
    path: epath.Path
    config: Mapping[str, Any]
    predictions: Mapping[tuple[str, str], epath.Path]
    curves: Mapping[str, list[dict[str, Any]]]
    funnels: Mapping[str, tuple[epath.Path, Funnel]]
    attempts: Sequence[Mapping[str, Any]]

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def size(self) -> str:
        student = self.config["student"]
        return student["weights"] or student["size"]

    @property
    def journal(self) -> epath.Path:
        """Of its teachers' replies; other cells may have the same one."""
        shared = self.config["annotate"]["journal"]
        return epath.Path(shared).expanduser() if shared else self.path / "annotations" / "journal.jsonl"

    def split(self, suite: str) -> str:
        return sources.split_of(self.config["evaluate"]["suites"], suite)

    def problems(self, suite: str) -> list[Problem]:
        """The problems of a suite, with gold steps; none if their data are not on this machine."""
        suites = {suite: {}} | self.config["evaluate"]["suites"]
        try:
            return sources.load_suite(self.config["data"], suites, suite)[0]
        except (ProblemError, ValueError, KeyError, OSError, ImportError):
            return []  # A study may be read far from where it was made.


@dataclasses.dataclass(frozen=True)
class Study:
    """Runs and what tells them apart.

    Attributes:
      path: the directory; file names on the page are relative to it.
      cells: in the order of their conditions' amounts (small students first), then of their seeds.
      fields: config fields that tell conditions apart, in the order in which they are shown.
    """

    path: epath.Path
    cells: tuple[Cell, ...]
    fields: tuple[str, ...]

    def condition(self, cell: Cell) -> tuple[str, ...]:
        """The cell's values of `fields`: cells that share them differ in nothing but the seed."""
        flat = _flat(cell)
        return tuple(_shown(field, flat.get(field)) for field in self.fields)

    def amounts(self, cell: Cell) -> tuple[float, ...]:
        """The condition in numbers, where its values have an order; NO_AMOUNT where they have none."""
        return tuple(map(amount, self.fields, self.condition(cell)))

    @property
    def labels(self) -> tuple[str, ...]:
        """`fields`, each by the last part of its name where that says enough."""
        last = [field.rpartition(".")[2] for field in self.fields]
        return tuple(
            short if last.count(short) == 1 else f for short, f in zip(last, self.fields, strict=True)
        )

    def relative(self, path: epath.Path) -> str:
        """A file's name as people type it in the study's directory."""
        return str(path)[len(str(self.path)) :].lstrip("/")


def read(path: epath.PathLike) -> Study:
    """Reads the runs in and under a directory. Predictions are named here, and read later one by one.

    Raises:
      StudyError: there is no run, one run is there twice, or a config is broken.
    """
    root = epath.Path(path).expanduser()
    if "://" not in str(path):
        root = root.resolve()
    cells = tuple(_cell(root, directory) for directory in _workdirs(root))
    if not cells:
        raise StudyError(f"{root}: no run in or under it (a run has a config.json); check the directory")
    unordered = Study(root, cells, _fields(cells))
    order = {cell.name: (unordered.amounts(cell), unordered.condition(cell), cell.seed) for cell in cells}
    study = dataclasses.replace(unordered, cells=tuple(sorted(cells, key=lambda cell: order[cell.name])))
    seen: dict[Any, str] = {}
    for cell in cells:
        for key in cell.predictions:
            same = (study.condition(cell), cell.seed, key)
            if same in seen:
                raise StudyError(
                    f"{root}: {seen[same]} and {cell.name} are the same run twice ({key[1]} on {key[0]}, "
                    f"seed {cell.seed}); move one of them away"
                )
            seen[same] = cell.name
    return study


def amount(field: str, value: str) -> float:
    """What a field's value is as a number: the parameters of a size, infinity for "all"; else NO_AMOUNT."""
    if field == "size":
        shape = SIZES.get(value.rpartition("/")[2])
        # The parameters of the blocks' matrices: 4 D^2 of attention and 8 D^2 of the MLP in every layer.
        return 12.0 * shape["L"] * shape["D"] ** 2 if shape else NO_AMOUNT
    if field == "data.train_limit" and value == "all":
        return math.inf
    try:
        return float(value.replace(",", ""))
    except ValueError:
        return NO_AMOUNT


def strategy_of(name: str) -> Strategy | None:
    """The strategy of a predictions file: "cot+vote" is cot, decoded in another way, and "untrained_cot" by
    others. None if unknown."""
    return STRATEGIES.get(split_name(name)[0].removeprefix(UNTRAINED))


def _workdirs(path: epath.Path) -> Iterator[epath.Path]:
    if _is_workdir(path):
        yield path  # What lies inside (exported students have a config.json too) is no run of its own.
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            if not child.name.startswith("."):
                yield from _workdirs(child)


def _is_workdir(path: epath.Path) -> bool:
    file = path / "config.json"
    return file.exists() and {"strategies", "evaluate"} <= _json(file).keys()


def _json(file: epath.Path) -> dict[str, Any]:
    try:
        return read_object(file)
    except ProblemError as error:
        raise StudyError(f"{error}; repair it, or move the run away") from None


def _cell(root: epath.Path, path: epath.Path) -> Cell:
    config = with_defaults(_json(path / "config.json"))
    funnels = {}
    for file in _glob(path / "annotations", "*.funnel.json"):
        split, _, kind = file.name.removesuffix(".funnel.json").partition("-")
        teacher = config["annotate"].get(kind, {}).get("teacher", "?")
        funnels[f"{kind} explanations, {split}, by {teacher}"] = (file, Funnel.from_dict(_json(file)))
    return Cell(
        name=str(path)[len(str(root)) :].lstrip("/") or ".",
        path=path,
        config=config,
        predictions={
            (suite.name, file.name.removesuffix(".jsonl")): file
            for suite in _glob(path / "predictions", "*")
            for file in _glob(suite, "*.jsonl")
            if not file.name.endswith(".unfinished.jsonl") and not file.name.startswith(".")
        },
        curves={f.parent.name: read_metrics(f) for f in _glob(path / "students", "*/metrics.jsonl")},
        funnels=funnels,
        attempts=read_attempts(path / "seconds.json"),
    )


def _glob(path: epath.Path, pattern: str) -> list[epath.Path]:
    return sorted(path.glob(pattern)) if path.exists() else []


def _fields(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The fields that tell the cells apart, without those that follow from the ones before them."""
    flats = [_flat(cell) for cell in cells]
    names = dict.fromkeys([*_LEADING, *sorted({name for flat in flats for name in flat})])
    kept: list[str] = []
    for name in names:
        # A learning rate that every size has its own of says nothing that the size does not.
        values = {(*(repr(flat.get(k)) for k in kept), repr(flat.get(name))) for flat in flats}
        if len(values) > len({value[:-1] for value in values}):
            kept.append(name)
    return tuple(kept)


def _flat(cell: Cell) -> dict[str, Any]:
    """field -> value of a config; the student's size and weights are one field, "size", and the data set as a
    teacher is called by what its steps are."""
    flat: dict[str, Any] = {"size": cell.size}

    def add(value: Any, name: str) -> None:
        if any(name == skip or name.startswith(skip + ".") for skip in _INCIDENTAL):
            return
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                add(inner, f"{name}.{key}" if name else key)
        elif name not in ("student.size", "student.weights"):
            is_gold = name.endswith(".teacher") and value == AUTHOR
            flat[name] = sources.gold_steps(cell.config["data"]["source"]) if is_gold else value

    add(cell.config, "")
    return flat


def _shown(field: str, value: Any) -> str:
    if field == "data.train_limit":
        return f"{value:,}" if value else "all"
    return value if isinstance(value, str) else json.dumps(value)
