"""Numbers of a problem's text that its gold steps never use: what has to be left out to solve it."""

import re

from socratic_jax.problems import answers
from socratic_jax.problems.problem import Problem

# Not ordinals, names, times, dates, powers or fractions, whose parts steps use in many ways.
_NUMBER = re.compile(r"(?<![\w.,:/^])[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?![\w:/^]|[.,][0-9])")
_USED = re.compile(r"(?<![\w.,])(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+)")


def unused_numbers(problem: Problem) -> int:
    """How many numbers of the question no gold step mentions, in digits.

    It is a lower bound: an irrelevant number that equals a used one, or is written as a word, is not
    seen. A 1 is not counted, since nobody writes down that he multiplies by it, and a percentage is
    used if its hundredth is.

    Returns:
      0 also where there are no gold steps to compare with.
    """
    if not problem.steps:
        return 0
    used = {answers.canonical(found) for step in problem.steps for found in _USED.findall(step.solution)}
    told = (answers.canonical(found) for found in _NUMBER.findall(problem.question))
    return sum(number != "1" and not {number, _hundredth(number)} & used for number in told)


def _hundredth(number: str) -> str | None:
    return answers.canonical(f"{number}/100")
