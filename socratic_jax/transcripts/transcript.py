"""Problems and explanations as transcripts."""

import re

from socratic_jax.problems.guidance import guidance as guidance_text
from socratic_jax.problems.problem import Explanation, Problem, ProblemError
from socratic_jax.transcripts.roles import Role, Turn
from socratic_jax.transcripts.strategies import Strategy

_ANNOTATION = re.compile(r"<<[^<>]*>>")


def strip_annotations(text: str) -> str:
    """Removes GSM8K's calculator annotations: "48/2 = <<48/2=24>>24" becomes "48/2 = 24"."""
    return _ANNOTATION.sub("", text)


def transcript(
    problem: Problem,
    explanation: Explanation,
    strategy: Strategy,
    annotations: bool = True,
    guidance: str = "equations",
) -> list[Turn]:
    """The turns that `strategy` teaches for a problem explained this way.

    Args:
      problem: gives the problem and the answer turn.
      explanation: gives the question and solution turns, as far as the strategy has such roles.
      strategy: says which roles there are.
      annotations: whether GSM8K's `<<...>>` annotations are kept.
      guidance: what the guidance turn says, where there is one: "steps" or "equations".

    Raises:
      ProblemError: the strategy needs steps, sub-questions or equations that the explanation has not got.
    """
    needed = strategy.taught
    if Role.SOLUTION in needed and not explanation.steps:
        raise ProblemError(
            f"problem {problem.id!r} has no steps, which strategy {strategy.name!r} teaches; "
            "give it steps or leave the strategy out"
        )
    if Role.QUESTION in needed and not all(step.subquestion for step in explanation.steps):
        raise ProblemError(
            f"problem {problem.id!r} has a step without a 'subquestion', which strategy "
            f"{strategy.name!r} teaches; give every step one or leave the strategy out"
        )
    clean = (lambda text: text) if annotations else strip_annotations
    turns = [Turn(Role.PROBLEM, problem.question)]
    if Role.GUIDANCE in needed:
        turns.append(guidance_turn(problem, explanation, guidance))
    for step in explanation.steps:
        turns.append(Turn(Role.QUESTION, clean(step.subquestion)))
        turns.append(Turn(Role.SOLUTION, clean(step.solution)))
    turns.append(Turn(Role.ANSWER, problem.answer))
    return [turn for turn in turns if turn.role in needed]


def guidance_turn(problem: Problem, explanation: Explanation, kind: str) -> Turn:
    """The gold guidance of a problem.

    Raises:
      ProblemError: the steps state no equations.
    """
    text = guidance_text(kind, explanation)
    if not text:
        raise ProblemError(f"problem {problem.id!r} has no {kind} to guide by; leave guided strategies out")
    return Turn(Role.GUIDANCE, text)
