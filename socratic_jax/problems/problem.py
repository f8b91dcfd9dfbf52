"""What a reasoning problem is, and what an explanation of one is.

A problem is the text that is given and the answer that counts. An explanation is somebody's way
from the one to the other: it is an object of its own, because one problem can have many of them
(gold human steps, several samples of several teachers) and a student can learn from any.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

# What the steps of an explanation can be. "socratic": every step has a sub-question. "cot": none needs
# one. "facts": each is a fact that helps. The last two are one step, the text of the guidance.
KINDS = ("socratic", "cot", "facts", "guidance_steps", "guidance_equations")


class ProblemError(ValueError):
    """A problem or an explanation that breaks a rule; the message names the field."""


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One step of a decomposition: a sub-question and the solution that answers it.

    `subquestion` is "" where the source gives bare steps (human chain of thought).
    """

    subquestion: str
    solution: str


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """How somebody solves a problem.

    Attributes:
      kind: what the steps are, one of KINDS.
      steps: in the order in which they are taken.
      author: who wrote it: "gold", or the name of a teacher.
    """

    kind: str
    steps: tuple[Step, ...]
    author: str = "gold"


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A question, nearly always with a known answer.

    Attributes:
      id: unique within its source, the same in every run.
      question: the text that is given.
      answer: canonical answer text: a number ("72", "-3/4") or "yes" / "no"; "" where nobody knows it, so
        that a problem can be explained by a majority's answer, but never be scored.
      steps: the gold steps, in order; empty where the source has none.
      meta: facts about the problem that reports group by (template, operators, ...).
    """

    id: str
    question: str
    answer: str
    steps: tuple[Step, ...] = ()
    meta: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def gold(self) -> Explanation:
        """The gold steps as an explanation; "socratic" if every step has its sub-question."""
        socratic = bool(self.steps) and all(step.subquestion for step in self.steps)
        return Explanation("socratic" if socratic else "cot", self.steps)


def problem_from_dict(record: Mapping[str, Any], answered: bool = True) -> Problem:
    """Builds a problem from a JSON object.

    Args:
      record: the object.
      answered: whether it must have an answer.

    Raises:
      ProblemError: a field is missing, empty or of the wrong type; the message names it.
    """
    if not isinstance(record, Mapping):
        raise ProblemError(f"a problem must be an object, not {type(record).__name__}")
    unknown = not answered and record.get("answer") in (None, "")
    for name in ("id", "question", "answer"):
        if name not in record and not (name == "answer" and unknown):
            raise ProblemError(f"field {name!r} is missing")
    steps = record.get("steps", [])
    if not isinstance(steps, list | tuple):
        raise ProblemError(f"field 'steps' must be a list, not {type(steps).__name__}")
    meta = record.get("meta", {})
    if not isinstance(meta, Mapping):
        raise ProblemError(f"field 'meta' must be an object, not {type(meta).__name__}")
    return Problem(
        id=_text(record, "id"),
        question=_text(record, "question"),
        answer="" if unknown else _text(record, "answer"),
        steps=tuple(_step(step, f"steps[{i}]") for i, step in enumerate(steps)),
        meta=dict(meta),
    )


def problem_to_dict(problem: Problem) -> dict[str, Any]:
    """The JSON object that `problem_from_dict` reads back."""
    record: dict[str, Any] = {
        "id": problem.id,
        "question": problem.question,
        "answer": problem.answer,
        "steps": [dataclasses.asdict(step) for step in problem.steps],
    }
    return record | ({"meta": dict(problem.meta)} if problem.meta else {})


def explanation_from_dict(record: Mapping[str, Any]) -> Explanation:
    """Builds an explanation from a JSON object; fields of other things in it are ignored.

    Raises:
      ProblemError: a field is missing, empty or wrong; the message names it.
    """
    kind, steps = _text(record, "kind"), record.get("steps")
    if kind not in KINDS:
        raise ProblemError(f"unknown kind of explanation {kind!r}; the kinds are {', '.join(KINDS)}")
    if not isinstance(steps, list | tuple) or not steps:
        raise ProblemError("field 'steps' must be a list with at least one step")
    found = tuple(_step(step, f"steps[{i}]") for i, step in enumerate(steps))
    if kind == "socratic" and not all(step.subquestion for step in found):
        raise ProblemError("field 'steps' has a step without a 'subquestion', which kind 'socratic' needs")
    return Explanation(kind, found, _text(record, "author"))


def explanation_to_dict(explanation: Explanation) -> dict[str, Any]:
    """The JSON object that `explanation_from_dict` reads back."""
    return {
        "kind": explanation.kind,
        "author": explanation.author,
        "steps": [dataclasses.asdict(step) for step in explanation.steps],
    }


def _step(record: Any, where: str) -> Step:
    if not isinstance(record, Mapping):
        raise ProblemError(f"field {where!r} must be an object with 'subquestion' and 'solution'")
    subquestion = record.get("subquestion", "")
    if not isinstance(subquestion, str):
        raise ProblemError(f"field '{where}.subquestion' must be text")
    return Step(subquestion.strip(), _text(record, "solution", where + "."))


def _text(record: Mapping[str, Any], name: str, prefix: str = "") -> str:
    value = record.get(name)
    # Numbers are welcome as answers and ids: data sets write `"answer": 42`. Booleans are ints.
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, int | float):
        value = str(int(value)) if float(value).is_integer() else str(value)
    if not isinstance(value, str):
        what = "is missing" if name not in record else f"must be text, not {type(value).__name__}"
        raise ProblemError(f"field '{prefix}{name}' {what}")
    if not value.strip():
        raise ProblemError(f"field '{prefix}{name}' is empty")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ProblemError(f"field '{prefix}{name}' has half a surrogate pair, which is no character")
    return value.strip()
