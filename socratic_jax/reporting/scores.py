"""What the predictions files of a study say, each read once."""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np

from socratic_jax.evaluation import predictions, results
from socratic_jax.evaluation.results import Result
from socratic_jax.problems.problem import Problem, Step
from socratic_jax.reporting import dialogues
from socratic_jax.reporting.study import Cell, Study, StudyError, strategy_of
from socratic_jax.reporting.workers import spread
from socratic_jax.reporting.wrong_step import gold_results
from socratic_jax.transcripts.strategies import STRATEGIES


@dataclasses.dataclass(frozen=True)
class Scores:
    """One predictions file.

    Attributes:
      cell, suite, strategy, seed, condition: where it stands in the study; the cell by its name.
      file: its name in the study.
      result: as the run's own results.csv has it.
      correct_N, steps_N: whether each problem was solved; how many gold steps it has, 0 for unknown.
      problems: its problems, with gold steps where they could be found.
      digest: of the problems: files that share it are about the same ones.
      baselines: what needs no student, on the same problems.
      dialogues: of `dialogues.pack`.
    """

    cell: str
    suite: str
    strategy: str
    seed: int
    condition: tuple[str, ...]
    file: str
    result: Result
    correct_N: np.ndarray
    steps_N: np.ndarray
    problems: tuple[Problem, ...]
    digest: str
    baselines: tuple[Result, ...]
    dialogues: str


Gold = Mapping[str, tuple[Step, ...]]  # The steps of problems by id.


@dataclasses.dataclass(frozen=True)
class _Job:
    path: str
    file: str
    cell: str
    condition: tuple[str, ...]
    labels: Mapping[str, object]  # Of results.summarise.
    gold: Gold


def read(study: Study, processes: int = 1) -> list[Scores]:
    """Reads every predictions file: suites by name, strategies in the order of their table, then seeds.

    Args:
      processes: to spread the files over; see workers.spread.

    Raises:
      StudyError: there are none.
      ProblemError: a file is broken; one line that names the file and the line.
    """
    gold: dict[str, Gold] = {}
    jobs = []
    for cell in study.cells:
        for (suite, strategy), path in cell.predictions.items():
            known = strategy_of(strategy)
            oracle = known is not None and known.oracle
            labels = dict(suite=suite, split=cell.split(suite), size=cell.size, seed=cell.seed)
            jobs.append(
                _Job(
                    str(path),
                    study.relative(path),
                    cell.name,
                    study.condition(cell),
                    {**labels, "strategy": strategy, "oracle": oracle},
                    _gold(cell, suite, gold),
                )
            )
    if not jobs:
        raise StudyError(f"{study.path}: no predictions in any run; run --stage=evaluate first")
    return sorted(spread(_read, jobs, processes), key=lambda s: (s.suite, *order(s.strategy), s.seed))


def _gold(cell: Cell, suite: str, known: dict[str, Gold]) -> Gold:
    """Gold steps by id; loaded once for all cells that have the same data."""
    key = repr((cell.config["data"], cell.config["evaluate"]["suites"], suite))
    if key not in known:
        known[key] = {problem.id: problem.steps for problem in cell.problems(suite) if problem.steps}
    return known[key]


def order(strategy: str) -> tuple[int, str]:
    """What strategies are sorted by: their table, then their names."""
    names, known = list(STRATEGIES), strategy_of(strategy)
    return names.index(known.name) if known else len(names), strategy


def _read(job: _Job) -> Scores:
    found = list(predictions.read(job.path).values())
    digest = hashlib.sha256()
    for p in found:
        digest.update(f"{p.id}\0{p.question}\0{p.gold}\0".encode("utf-8", "surrogatepass"))
    results_of = {p.id: gold_results(s.solution for s in job.gold.get(p.id, ())) for p in found}
    unstudied = {name: value for name, value in job.labels.items() if name not in ("strategy", "oracle")}
    return Scores(
        cell=job.cell,
        suite=job.labels["suite"],
        strategy=job.labels["strategy"],
        seed=job.labels["seed"],
        condition=job.condition,
        file=job.file,
        result=results.summarise(found, **job.labels),
        correct_N=np.array([p.correct for p in found], bool),
        steps_N=np.array([p.gold_steps for p in found], int),
        problems=tuple(Problem(p.id, p.question, p.gold, job.gold.get(p.id, ())) for p in found),
        digest=digest.hexdigest()[:16],
        baselines=tuple(results.baselines(found, **unstudied)),
        dialogues=dialogues.pack(found, results_of),
    )
