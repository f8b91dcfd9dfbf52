"""Guidance: what the generator of sub-questions is told about the way ahead, as one short text.

Conditioning the questioner on the number of steps, or on the equations, is what the method found to help
most (Shridhar et al. 2023, arXiv 2212.00193). At test time nobody knows either, so a planner has to
predict this text from the problem; what is computed here from the gold steps teaches the planner, and
is given at test time only as an oracle that says how much a perfect planner would be worth.
"""

import re
from collections.abc import Callable

from socratic_jax.problems.expressions import find_equations
from socratic_jax.problems.problem import Explanation

_SIGNS = str.maketrans("xX×·⋅∙÷−–", "******/--", " \t$€£,")


def step_count(explanation: Explanation) -> str:
    """The number of steps: "1 step", "3 steps"."""
    count = len(explanation.steps)
    return f"{count} step{'' if count == 1 else 's'}"


def equations(explanation: Explanation) -> str:
    """The equations of the steps in their order: "48/2=24; 48+24=72".

    Returns:
      "" where the steps state no equation, as those of yes/no questions.
    """
    solutions = "\n".join(step.solution for step in explanation.steps)
    return "; ".join(compact(left, right) for left, right in find_equations(solutions))


def compact(left: str, right: str) -> str:
    """An equation in the one way that guidance is written: no spaces, currency signs or thousands."""
    return re.sub(r"\s", "", f"{left}={right}".translate(_SIGNS))


GUIDANCE: dict[str, Callable[[Explanation], str]] = {"steps": step_count, "equations": equations}


def guidance(kind: str, explanation: Explanation) -> str:
    """The guidance of a kind.

    Args:
      kind: a key of GUIDANCE.
      explanation: usually the gold one, `problem.gold`.

    Raises:
      ValueError: an unknown kind; the message lists the valid ones.
    """
    if kind not in GUIDANCE:
        raise ValueError(f"unknown kind of guidance {kind!r}; the kinds are {', '.join(GUIDANCE)}")
    return GUIDANCE[kind](explanation)
