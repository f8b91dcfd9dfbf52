"""Where a dialogue goes wrong first.

A step is wrong if it states arithmetic that is false, or if what it comes to is nothing that the gold
steps come to. The second is a hint and no proof: another way to the answer passes other numbers.
"""

import functools
from collections.abc import Iterable, Sequence

from socratic_jax.problems import answers
from socratic_jax.problems.expressions import (
    ExpressionError,
    equation_holds,
    evaluate,
    find_equations,
    format_number,
)

FALSE, FOREIGN = "its arithmetic is false", "no gold step comes to its result"


def gold_results(solutions: Iterable[str]) -> frozenset[str]:
    """Every number that the gold steps come to, also in the middle of a step of several equations."""
    found: set[str] = set()
    for solution in solutions:
        found.update(_check(solution)[1])
    return frozenset(found)


def first_wrong(solutions: Sequence[str], gold: frozenset[str]) -> tuple[int, str] | None:
    """The first wrong one of a dialogue's solutions.

    Args:
      solutions: in their order.
      gold: of `gold_results`; empty if there are none, and then arithmetic alone is judged.

    Returns:
      (its place among the solutions, FALSE or FOREIGN); None if none is wrong.
    """
    for place, solution in enumerate(solutions):
        holds, results = _check(solution)
        if not holds:
            return place, FALSE
        # A sentence without a number says nothing that could be compared.
        if gold and results and results[-1] not in gold:
            return place, FOREIGN
    return None


@functools.lru_cache(maxsize=1 << 16)  # Students repeat themselves, and seeds repeat each other.
def _check(solution: str) -> tuple[bool, tuple[str, ...]]:
    """Whether all stated arithmetic holds, and the numbers that it comes to in canonical form."""
    equations = find_equations(solution) if "=" in solution else []
    if not all(equation_holds(left, right) for left, right in equations):
        return False, ()
    if not equations:
        number = answers.extract(solution)
        return True, () if number is None else (number,)
    results = []
    for _, right in equations:
        try:
            results.append(format_number(evaluate(right)))
        except ExpressionError:
            return False, ()
    return True, tuple(results)
