"""SVAMP: short word problems that punish solvers which do not read the question.

The data are those of Patel, Bhattamishra, Goyal 2021, "Are NLP Models really able to Solve Simple
Math Word Problems?", arXiv 2103.07191 (github.com/arkilpatel/SVAMP): 1,000 problems in SVAMP.json.
The authors made it as a test set and publish no split, so people use it in two ways:

* "all", with all 1,000 problems, is the set as its authors meant it; "two_operators" is the 237 of
  them whose equation has two operators, reported apart because they need more than one step.
* "train" and "test" are 700 and 300 problems for those who train on it. The sizes are those of the
  split that is common on the Hugging Face hub; the members are not, as that copy is shuffled. Here
  they go by official ID, chal-1 to chal-700 and chal-701 to chal-1000, so that anybody can rebuild them.

Never train on "train" and report "all" or "two_operators": they contain it.

The gold steps are the official equation, one step an operator, computed exactly ("8 - 2 = 6"). They
have no sub-questions. A problem has no steps where its equation has no operator (chal-555) or does
not give the official answer (chal-680: 4 - 2 + 3 is not 1): a step that contradicts the answer would
teach a contradiction. Official answers are never changed.
"""

import ast
import operator
import os
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from socratic_jax.problems import answers, json_rows
from socratic_jax.problems.expressions import format_number
from socratic_jax.problems.problem import Problem, ProblemError, Step

SPLITS = ("train", "test", "all", "two_operators")
FILE = "SVAMP.json"
_LAST_TRAIN = 700
_OPERATORS: dict[type, tuple[str, Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
_EQUATION = re.compile(r"[-+*/(). 0-9]{1,200}")
_ID = re.compile(r"chal-([0-9]+)")
# The first words of the questions, which lose their capital within a sentence; a name would not.
_OPENERS = re.compile(r"(?:How|What|About|Together|Total|In|If|Which|When|Who|Is|Are|Do|Does|Did)\b")


def load(split: str, data_dir: str | os.PathLike[str] | None) -> list[Problem]:
    """Reads a split from the official file.

    Args:
      split: one of SPLITS.
      data_dir: the folder of SVAMP.json; any path that etils.epath opens.

    Returns:
      The problems in the order of the file. Ids are "svamp/chal-12", after the official IDs.
      `meta` has "operators" (how many the equation has) and "type" (the official one).

    Raises:
      ProblemError: the file is missing or broken; one line that names file and row.
      ValueError: an unknown split.
    """
    _check(split)
    if not data_dir:
        raise ProblemError(f"svamp: no data_dir; give the folder of the official {FILE}")
    path = f"{os.fspath(data_dir).rstrip('/')}/{FILE}"
    return _problems(split, json_rows.read(path), path)


def load_tfds(split: str, data_dir: str | os.PathLike[str] | None = None) -> list[Problem]:
    """Reads a split through TensorFlow Datasets, without TensorFlow: the same problems as `load`.

    Args:
      split: one of SPLITS.
      data_dir: where `prepare_tfds` wrote; None is TFDS's own default folder.

    Raises:
      ProblemError: TFDS is not installed, or the data are not prepared (the message has the command).
      ValueError: an unknown split.
    """
    from socratic_jax.problems import tfds_access

    _check(split)
    return _problems(split, tfds_access.rows("svamp", "test", data_dir), "svamp_tfds")


def prepare_tfds(
    data_dir: str | os.PathLike[str] | None = None, files: str | os.PathLike[str] | None = None
) -> None:
    """Writes SVAMP as a TFDS data set in the array_record format, which needs no TensorFlow.

    Args:
      data_dir: where TFDS keeps its data sets; None is TFDS's own default folder.
      files: the folder of SVAMP.json; None downloads it from its authors and checks its SHA-256.

    Raises:
      ProblemError: TFDS is not installed, or the files are missing.
    """
    from socratic_jax.problems import tfds_access

    tfds_access.prepare("svamp", data_dir, files)


def _check(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"svamp has no split {split!r}; its splits are {', '.join(SPLITS)}")


def _problems(split: str, rows: Iterable[tuple[str, json_rows.Row]], path: str) -> list[Problem]:
    problems: dict[str, Problem] = {}
    for where, row in rows:
        problem = _problem(row, where)
        if problem.id in problems:
            raise ProblemError(f"{where}: the ID of this row is that of an earlier one; get the file again")
        problems[problem.id] = problem
    found = [problem for problem in problems.values() if _in_split(problem, split)]
    if not found:
        raise ProblemError(f"{path}: no problem of split {split!r}; it should be the official file")
    return found


def _in_split(problem: Problem, split: str) -> bool:
    if split in ("train", "test"):
        return (int(problem.id.rpartition("-")[2]) <= _LAST_TRAIN) == (split == "train")
    return split == "all" or problem.meta["operators"] == 2


def _problem(row: json_rows.Row, where: str) -> Problem:
    name, kind = json_rows.text(row, "ID", where), json_rows.text(row, "Type", where)
    if not _ID.fullmatch(name):
        raise ProblemError(f"{where}: the ID {name[:40]!r} is not like 'chal-12'")
    official = row.get("Answer")
    if isinstance(official, bool) or not isinstance(official, int | float | str):
        raise ProblemError(f"{where}: field 'Answer' is missing or not a number")
    answer = answers.canonical(str(official))
    if answer is None:
        raise ProblemError(f"{where}: the answer {official!r} is not a number")
    steps, value = _steps(json_rows.text(row, "Equation", where), where)
    return Problem(
        id=f"svamp/{name}",
        question=_join(json_rows.text(row, "Body", where), json_rows.text(row, "Question", where)),
        answer=answer,
        steps=steps if format_number(value) == answer else (),
        # One row of the official file has the type misspelt.
        meta={"operators": len(steps), "type": kind.replace("Divison", "Division")},
    )


def _join(body: str, question: str) -> str:
    """Body and question as grammatical text.

    Two thirds of the bodies end a sentence. The others stop in the middle of one, nearly always in a
    condition ("If he had 4 dollars at the start"), which the question then completes.
    """
    if body[-1] in ".!?":
        return f"{body} {question}"
    last_sentence = re.split(r"(?<=[.!?])\s", body)[-1]
    if not re.match(r"(?:If|When|Since|Given)\b", last_sentence):
        return f"{body}. {question}"
    if _OPENERS.match(question):
        question = question[0].lower() + question[1:]
    return f"{body.rstrip(',')}, {question}"


def _steps(equation: str, where: str) -> tuple[tuple[Step, ...], Fraction]:
    """One step an operator, in the order of evaluation, and the value."""
    broken = ProblemError(f"{where}: the equation {equation[:60]!r} is not one of numbers and + - * /")
    if not _EQUATION.fullmatch(equation):
        raise broken
    steps: list[Step] = []

    def value(node: Any) -> Fraction:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return Fraction(str(node.value))
        if not isinstance(node, ast.BinOp) or type(node.op) not in _OPERATORS:
            raise broken
        sign, compute = _OPERATORS[type(node.op)]
        left, right = value(node.left), value(node.right)
        result = compute(left, right)
        steps.append(Step("", f"{_operand(left)} {sign} {_operand(right)} = {format_number(result)}"))
        return result

    try:
        total = value(ast.parse(equation, mode="eval").body)
    except (SyntaxError, ZeroDivisionError, RecursionError):
        raise broken from None
    return tuple(steps), total


def _operand(value: Fraction) -> str:
    text = format_number(value)
    # "6 / 1/3" would read as (6 / 1) / 3, "2 - -1" as a slip of the pen.
    return f"({text})" if "/" in text or text.startswith("-") else text
