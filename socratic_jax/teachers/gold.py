"""The teacher that is no model: what people wrote, as annotations like those of any other teacher.

GSM8K has human steps and OpenAI's sub-questions for them, StrategyQA decompositions and facts, SVAMP
equations, and the generated problems have all. Guidance is computed from the steps.
"""

from collections.abc import Callable, Iterable, Iterator

from socratic_jax.problems import guidance
from socratic_jax.problems.annotations import Annotation
from socratic_jax.problems.problem import Explanation, Problem, Step
from socratic_jax.teachers.funnel import Funnel

AUTHOR = "gold"


def cot(problem: Problem) -> Explanation | None:
    """The gold steps without their sub-questions; None where there are no steps."""
    steps = tuple(Step("", step.solution) for step in problem.steps)
    return Explanation("cot", steps, AUTHOR) if steps else None


def socratic(problem: Problem) -> Explanation | None:
    """The gold steps with their sub-questions; None where one has none, or there are no steps."""
    return problem.gold if problem.gold.kind == "socratic" else None


def facts(problem: Problem) -> Explanation | None:
    """The facts of a StrategyQA problem; None where there are none."""
    steps = tuple(Step("", fact) for fact in problem.meta.get("facts", ()))
    return Explanation("facts", steps, AUTHOR) if steps else None


def _guidance(kind: str) -> Callable[[Problem], Explanation | None]:
    def explain(problem: Problem) -> Explanation | None:
        text = guidance.guidance(kind, problem.gold) if problem.steps else ""
        return Explanation(f"guidance_{kind}", (Step("", text),), AUTHOR) if text else None

    return explain


# Kind of explanation -> what makes the gold one of a problem.
GOLD: dict[str, Callable[[Problem], Explanation | None]] = {
    "cot": cot,
    "socratic": socratic,
    "facts": facts,
    "guidance_steps": _guidance("steps"),
    "guidance_equations": _guidance("equations"),
}


def annotate(problems: Iterable[Problem], kind: str, funnel: Funnel | None = None) -> Iterator[Annotation]:
    """The gold annotations of a kind.

    Args:
      problems: to explain, one by one.
      kind: a key of GOLD.
      funnel: counts the problems, and as dropped those that have no gold explanation of that kind, or no
        answer.

    Yields:
      One annotation for each problem that has both, in the order of the problems.

    Raises:
      ValueError: an unknown kind; the message lists the valid ones.
    """
    if kind not in GOLD:
        raise ValueError(f"there is no gold explanation of kind {kind!r}; the kinds are {', '.join(GOLD)}")
    return _annotate(problems, kind, funnel or Funnel())


def _annotate(problems: Iterable[Problem], kind: str, funnel: Funnel) -> Iterator[Annotation]:
    for problem in problems:
        explanation = GOLD[kind](problem)
        funnel.problems += 1
        funnel.samples += 1
        if explanation is None:
            funnel.drop("readable", f"no gold {kind}")
            continue
        if not problem.answer:
            funnel.drop("right answer", "no answer")
            continue
        funnel.explained += 1
        answer = "" if kind == "guidance_steps" else problem.answer
        yield Annotation(problem.id, explanation, answer)
