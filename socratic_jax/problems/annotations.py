"""Explanations in files: what a teacher wrote and selection kept, one annotation a line.

    {"problem": "gsm8k/train/7", "kind": "socratic", "author": "gold", "answer": "72",
     "steps": [{"subquestion": "How many in May?", "solution": "48/2 = 24"}]}

An annotation names its problem and does not repeat it, so that a file of them is of use only beside the
problems, and `explained` puts the two together.
"""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from socratic_jax.problems import answers, jsonl
from socratic_jax.problems.problem import (
    Explanation,
    Problem,
    ProblemError,
    explanation_from_dict,
    explanation_to_dict,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Annotation:
    """An explanation of a problem.

    Attributes:
      problem: the problem's id.
      explanation: of it.
      answer: canonical, what the explanation comes to; "" for what comes to none, such as a number of
        steps.
      agreement: where the answer is a majority's, the share of the votes that it got; else None.
      rationalised: whether the author was told the answer.
      prompt: the name of the few-shot prompt; "" where there was none.
      sample: index of the sample among those of that prompt.
    """

    problem: str
    explanation: Explanation
    answer: str = ""
    agreement: float | None = None
    rationalised: bool = False
    prompt: str = ""
    sample: int = 0


def annotation_to_dict(annotation: Annotation) -> dict[str, Any]:
    """The JSON object that `annotation_from_dict` reads back; what has its default is left out."""
    record = {"problem": annotation.problem, **explanation_to_dict(annotation.explanation)}
    for field in dataclasses.fields(Annotation):
        value = getattr(annotation, field.name)
        if field.name not in ("problem", "explanation") and value != field.default:
            record[field.name] = value
    return record


def annotation_from_dict(record: Mapping[str, Any]) -> Annotation:
    """Builds an annotation from a JSON object; unknown fields are ignored.

    Raises:
      ProblemError: a field is missing or wrong; the message names it.
    """
    problem = record.get("problem")
    if not isinstance(problem, str) or not problem:
        raise ProblemError("field 'problem' is missing, or is not the id of a problem")
    answer = str(record.get("answer", ""))
    found = answers.canonical(answer)
    if answer and found is None:
        raise ProblemError(f"field 'answer' is {answer[:60]!r}, which is neither a number nor yes/no")
    agreement = record.get("agreement")
    if agreement is not None and not (_is_number(agreement) and 0 < agreement <= 1):
        raise ProblemError(f"field 'agreement' must be a share above 0 and up to 1, not {agreement!r}")
    for name, kind in (("rationalised", bool), ("prompt", str), ("sample", int)):
        if name in record and type(record[name]) is not kind:
            raise ProblemError(f"field {name!r} must be of type {kind.__name__}, not {record[name]!r}")
    return Annotation(
        problem,
        explanation_from_dict(record),
        found or "",
        agreement,
        record.get("rationalised", False),
        record.get("prompt", ""),
        record.get("sample", 0),
    )


def read(path: str | os.PathLike[str]) -> Iterator[Annotation]:
    """Yields the annotations of a file, in its order.

    Raises:
      ProblemError: one line, "path:line: what is wrong", while the iterator is consumed.
    """
    for line, record in jsonl.read_records(path):
        try:
            yield annotation_from_dict(record)
        except ProblemError as error:
            raise ProblemError(f"{path}:{line}: {error}") from None


def write(path: str | os.PathLike[str], annotations: Iterable[Annotation]) -> None:
    """Writes annotations to a file that `read` reads back, whole or not at all."""
    jsonl.write_records(path, map(annotation_to_dict, annotations))


def explained(
    problems: Sequence[Problem], annotations: Iterable[Annotation]
) -> Iterator[tuple[Problem, Explanation]]:
    """Pairs each annotation with its problem; annotations of other problems are passed over.

    A problem without a gold answer has the majority's in its annotations; pairs carry the annotation's
    answer, so that nobody is taught a made-up one.

    Yields:
      (problem, explanation) in the order of the annotations.
    """
    known = {problem.id: problem for problem in problems}
    for annotation in annotations:
        if (problem := known.get(annotation.problem)) is not None:
            answer = annotation.answer or problem.answer
            same = answer == problem.answer
            yield problem if same else dataclasses.replace(problem, answer=answer), annotation.explanation


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
