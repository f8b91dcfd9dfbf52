"""The accuracy of always giving the commonest answer, which any result on yes/no questions has to beat."""

from collections import Counter
from collections.abc import Iterable

from socratic_jax.problems.problem import Problem


def majority_class(problems: Iterable[Problem]) -> tuple[str, float]:
    """The commonest answer and its share.

    Args:
      problems: those of the split that is reported; at least one.

    Returns:
      (answer, share between 0 and 1); of equally common answers the first in alphabetical order.

    Raises:
      ValueError: there are no problems.
    """
    counts = Counter(problem.answer for problem in problems)
    if not counts:
        raise ValueError("no problems, so no majority class; load a split first")
    answer, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return answer, count / counts.total()
