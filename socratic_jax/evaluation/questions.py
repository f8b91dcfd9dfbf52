"""How close a questioner's sub-questions are to the gold ones: in words, in number, in what they lead to."""

import dataclasses
import functools
import re
from collections.abc import Sequence

from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.problems.expressions import find_equations
from socratic_jax.problems.guidance import compact
from socratic_jax.problems.problem import Problem, Step
from socratic_jax.transcripts.roles import Role

UNKNOWN, GOLD, EARLY, LATE, OTHER = WAYS = ("", "gold", "early", "late", "other")
_OPERATOR = re.compile(r"(?<=[\d.%)])[-+*/]")


@dataclasses.dataclass(frozen=True)
class QuestionsResult:
    """Sub-questions of one strategy on the problems of one suite that have gold ones.

    Attributes:
      n: those problems.
      bleu: corpus BLEU, 0 to 100, of a problem's questions one after the other (sacrebleu's defaults).
      questions, gold_questions: mean numbers of them.
      same_number: share of problems with as many questions as the gold explanation has.
      same_operations: share of problems whose solutions take exactly the operations of the gold ones, in
        their order; problems whose gold solutions state none are left out, and None is all of them.
    """

    suite: str
    strategy: str
    n: int
    bleu: float
    questions: float
    gold_questions: float
    same_number: float
    same_operations: float | None


def operations(solutions: Sequence[str]) -> str:
    """The operators of all equations that solutions state, in their order: "48/2=24", "24+48=72" is "/+"."""
    return "".join(map(_operators, solutions))


@functools.lru_cache(maxsize=1 << 16)  # Gold solutions are compared with those of every strategy and seed.
def _operators(solution: str) -> str:
    lefts = [compact(*equation).partition("=")[0] for equation in find_equations(solution)]
    return "".join(operator for left in lefts for operator in _OPERATOR.findall(left))


def way(prediction: Prediction, steps: Sequence[Step]) -> str:
    """How the way that a dialogue's questions took compares with that of the gold steps.

    Returns:
      GOLD: the same operations in the same order. EARLY: fewer steps, which take the gold operations as far
      as they go. LATE: more steps, which begin with all gold operations. OTHER: anything else. UNKNOWN: the
      gold steps state no operations.
    """
    gold = operations([step.solution for step in steps])
    if not gold:
        return UNKNOWN
    n_asked = len(_texts(prediction, Role.QUESTION))
    taken = operations(_texts(prediction, Role.SOLUTION))
    if taken == gold:
        return GOLD
    if n_asked < len(steps) and gold.startswith(taken):
        return EARLY
    return LATE if n_asked > len(steps) and taken.startswith(gold) else OTHER


def compare_questions(
    suite: str, strategy: str, predictions: Sequence[Prediction], problems: Sequence[Problem]
) -> QuestionsResult | None:
    """Compares the questions of predictions with those of their problems, which are in the same order.

    Returns:
      None where there is nothing to compare: the strategy asks nothing, or no problem has gold questions.
    """
    pairs = [
        (_texts(prediction, Role.QUESTION), _texts(prediction, Role.SOLUTION), problem)
        for prediction, problem in zip(predictions, problems, strict=True)
        if problem.steps and all(step.subquestion for step in problem.steps)
    ]
    if not any(asked for asked, _, _ in pairs):
        return None
    from sacrebleu import corpus_bleu

    n = len(pairs)
    gold = [[step.subquestion for step in problem.steps] for _, _, problem in pairs]
    theirs = [operations([step.solution for step in problem.steps]) for _, _, problem in pairs]
    mine = [operations(solutions) for _, solutions, _ in pairs]
    stated = [(a, b) for a, b in zip(mine, theirs, strict=True) if b]
    numbers = [(len(asked), len(problem.steps)) for asked, _, problem in pairs]
    return QuestionsResult(
        suite=suite,
        strategy=strategy,
        n=n,
        bleu=corpus_bleu([" ".join(asked) for asked, _, _ in pairs], [[" ".join(q) for q in gold]]).score,
        questions=sum(a for a, _ in numbers) / n,
        gold_questions=sum(b for _, b in numbers) / n,
        same_number=sum(a == b for a, b in numbers) / n,
        same_operations=sum(a == b for a, b in stated) / len(stated) if stated else None,
    )


def _texts(prediction: Prediction, role: Role) -> list[str]:
    return [turn["text"] for turn in prediction.turns if turn["role"] == role.name.lower()]
