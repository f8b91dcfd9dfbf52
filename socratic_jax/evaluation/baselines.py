"""Bars that a student has to clear: what is right without having been taught.

They are scored on the same problems and stand in the same tables as the contenders, but no hypothesis is
tested on them, so that they cost the others no significance.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from socratic_jax.decoding.dialogue import ANSWERED
from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.problems import answers
from socratic_jax.problems.problem import Problem
from socratic_jax.transcripts.strategies import STRATEGIES

MAJORITY = "majority_answer"  # The commonest answer of the training problems, whatever is asked.
UNTRAINED = "untrained_"  # And a strategy, in whose grammar the student writes before its first step.
NAMES = (MAJORITY, *(UNTRAINED + s.name for s in STRATEGIES.values() if s.taught_as == s.name))


def is_baseline(name: str) -> bool:
    """Whether what is called so in the results was taught nothing."""
    return name in NAMES


def majority(problems: Sequence[Problem], learnt: Iterable[Problem]) -> list[Prediction]:
    """The commonest answer of the problems that are learnt from, as the answer to each of `problems`.

    Of equally common answers it is the one that came first. None if no problem that is learnt from has one.
    """
    counts = Counter(problem.answer for problem in learnt if problem.answer)
    if not counts:
        return []
    answer = max(counts, key=counts.__getitem__)
    return [
        Prediction(
            id=problem.id,
            question=problem.question,
            gold=problem.answer,
            gold_steps=len(problem.steps),
            answer=answer,
            correct=answers.same(answer, problem.answer),
            status=ANSWERED,
            n_tokens=0,
            turns=({"role": "answer", "text": answer},),
        )
        for problem in problems
    ]
