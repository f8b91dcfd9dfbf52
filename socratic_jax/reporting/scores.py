"""What the predictions files of a study say, each read once."""

import dataclasses
import hashlib
import itertools
import sys
from collections.abc import Mapping

import numpy as np

from socratic_jax.evaluation import predictions, questions, results
from socratic_jax.evaluation.baselines import is_baseline
from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.evaluation.questions import QuestionsResult
from socratic_jax.evaluation.results import Result
from socratic_jax.evaluation.voting import first_votes, sizes
from socratic_jax.problems.problem import Problem, Step
from socratic_jax.reporting import dialogues
from socratic_jax.reporting.study import Cell, Study, StudyError, strategy_of
from socratic_jax.reporting.workers import spread
from socratic_jax.reporting.wrong_step import FALSE, first_wrong, gold_results
from socratic_jax.transcripts.roles import Role
from socratic_jax.transcripts.strategies import STRATEGIES


@dataclasses.dataclass(frozen=True)
class Scores:
    """One predictions file, or the votes of the first k dialogues of each of its problems, called "name@k".

    Attributes:
      cell, suite, strategy, seed, condition: where it stands in the study; the cell by its name.
      file: its name in the study.
      result: as the run's own results.csv has it.
      correct_N, answered_N, steps_N: whether each problem was solved; whether there was an answer that can
        be read; how many gold steps it has, 0 for unknown.
      ways_N: for strategies that ask, how their way compares with the gold one; see evaluation.questions.
      questions: for strategies that ask, how close their questions are to the gold ones, as the run's own
        results_questions.csv has it; None where nothing can be compared.
      slipped_N: whether the first step that goes wrong states false arithmetic; see wrong_step.
      annotates: whether any dialogue has an annotation, without which the calculator has nothing to do.
      problems: its problems, with gold steps where they could be found.
      digest: of the problems: files that share it are about the same ones.
      dialogues: of `dialogues.pack`; "" for the votes of fewer dialogues than the file has.
    """

    cell: str
    suite: str
    strategy: str
    seed: int
    condition: tuple[str, ...]
    file: str
    result: Result
    correct_N: np.ndarray
    answered_N: np.ndarray
    steps_N: np.ndarray
    ways_N: np.ndarray
    questions: QuestionsResult | None
    slipped_N: np.ndarray
    annotates: bool
    problems: tuple[Problem, ...]
    digest: str
    dialogues: str

    @property
    def contends(self) -> bool:
        """Whether others are compared with it: neither a baseline nor the votes of a part of the dialogues.
        Every comparison makes the correction of all of them stricter."""
        return results.contends(self.strategy)


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
    found = itertools.chain.from_iterable(spread(_read, jobs, processes))
    return sorted(found, key=lambda s: (s.suite, *order(s.strategy), s.seed))


def _gold(cell: Cell, suite: str, known: dict[str, Gold]) -> Gold:
    """Gold steps by id; loaded once for all cells that have the same data."""
    key = repr((cell.config["data"], cell.config["evaluate"]["suites"], suite))
    if key not in known:
        known[key] = {problem.id: problem.steps for problem in cell.problems(suite) if problem.steps}
    return known[key]


def order(strategy: str) -> tuple[int, str, int]:
    """What strategies are sorted by: their table, names, and number of votes; baselines come last."""
    names, known = list(STRATEGIES), strategy_of(strategy)
    place = names.index(known.name) if known and not is_baseline(strategy) else len(names)
    name, _, votes = strategy.partition("@")
    return place, name, int(votes) if votes else sys.maxsize


def _slips(prediction: Prediction, gold: frozenset[str]) -> bool:
    wrong = first_wrong([turn["text"] for turn in prediction.turns if turn["role"] == "solution"], gold)
    return wrong is not None and wrong[1] == FALSE


def _read(job: _Job) -> list[Scores]:
    found = list(predictions.read(job.path).values())
    suite, name = job.labels["suite"], job.labels["strategy"]
    known = strategy_of(name)
    asks = known is not None and Role.QUESTION in known.roles - known.given
    digest = hashlib.sha256()
    for p in found:
        digest.update(f"{p.id}\0{p.question}\0{p.gold}\0".encode("utf-8", "surrogatepass"))
    results_of = {p.id: gold_results(s.solution for s in job.gold.get(p.id, ())) for p in found}
    ways_N = np.array([questions.way(p, job.gold.get(p.id, ())) if asks else "" for p in found], str)
    slipped_N = np.array([_slips(p, results_of[p.id]) for p in found], bool)
    annotates = any("<<" in turn["text"] for p in found for turn in p.turns)
    problems = tuple(Problem(p.id, p.question, p.gold, job.gold.get(p.id, ())) for p in found)

    compared = questions.compare_questions(suite, name, found, problems) if asks else None

    def scores(
        name: str,
        found: list[Prediction],
        ways_N: np.ndarray,
        compared: QuestionsResult | None,
        texts: str,
    ) -> Scores:
        return Scores(
            cell=job.cell,
            suite=suite,
            strategy=name,
            seed=job.labels["seed"],
            condition=job.condition,
            file=job.file,
            result=results.summarise(found, **{**job.labels, "strategy": name}),
            correct_N=np.array([p.correct for p in found], bool),
            answered_N=np.array([p.answer is not None for p in found], bool),
            steps_N=np.array([p.gold_steps for p in found], int),
            ways_N=ways_N,
            questions=compared,
            slipped_N=slipped_N,
            annotates=annotates,
            problems=problems,
            digest=digest.hexdigest()[:16],
            dialogues=texts,
        )

    fewer = sizes(min((len(p.votes) for p in found), default=0))
    return [
        *(scores(f"{name}@{k}", first_votes(found, k), np.full(len(found), ""), None, "") for k in fewer),
        scores(name, found, ways_N, compared, dialogues.pack(found, results_of)),
    ]
