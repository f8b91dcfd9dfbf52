"""What a reasoning problem is, and what an explanation of one is.

A problem is the text that is given and the answer that counts. An explanation is somebody's way
from the one to the other: it is an object of its own, because one problem can have many of them
(gold human steps, several samples of several teachers) and a student can learn from any.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any


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
      kind: what the steps are: "socratic" (every step has a sub-question) or "cot" (none needs one).
      steps: in the order in which they are taken.
      author: who wrote it: "gold", or the name of a teacher.
    """

    kind: str
    steps: tuple[Step, ...]
    author: str = "gold"


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A question with a known answer.

    Attributes:
      id: unique within its source, the same in every run.
      question: the text that is given.
      answer: canonical answer text: a number ("72", "-3/4") or "yes" / "no".
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


def problem_from_dict(record: Mapping[str, Any]) -> Problem:
    """Builds a problem from a JSON object.

    Raises:
      ProblemError: a field is missing, empty or of the wrong type; the message names it.
    """
    if not isinstance(record, Mapping):
        raise ProblemError(f"a problem must be an object, not {type(record).__name__}")
    for name in ("id", "question", "answer"):
        if name not in record:
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
        answer=_text(record, "answer"),
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
    return value.strip()
