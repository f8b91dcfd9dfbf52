"""Evaluation-only suites: word problems with an answer and nothing else.

MultiArith, SingleEq and AddSub are parts of MAWPS (Koncel-Kedziorski et al. 2016, "MAWPS: A Math Word
Problem Repository", NAACL) in the files of github.com/reasoning-machines/pal, datasets/mawps*.jsonl: one
{"input": question, "target": answer} a line. Any other file of such rows is read in the same way, so a
suite of one's own needs no conversion.

Two decisions. Questions stay as they are published, with the spaces that some have before full stops,
as other work scores them so. And a target such as 0.6666666667 is 2/3 that somebody divided out: answers
are compared exactly here, so a target of at least nine decimal places that is a fraction with a
denominator up to 100, rounded, becomes that fraction.
"""

import os
import re
from fractions import Fraction
from typing import Any

from socratic_jax.problems import answers, jsonl
from socratic_jax.problems.expressions import format_number
from socratic_jax.problems.problem import Problem, ProblemError

SPLITS = ("test",)
FILES = {
    "multiarith": "mawpsmultiarith.jsonl",
    "singleeq": "mawpssingleeq.jsonl",
    "addsub": "mawpsaddsub.jsonl",
}
_DIVIDED_OUT = re.compile(r"-?[0-9]+\.([0-9]{9,})")
_LARGEST_DENOMINATOR = 100


def load(name: str, split: str, data_dir: str | os.PathLike[str] | None) -> list[Problem]:
    """Reads a suite.

    Args:
      name: "multiarith", "singleeq" or "addsub".
      split: "test", the only one: nothing is to be trained on these.
      data_dir: the folder of the files; any path that etils.epath opens.

    Returns:
      The problems in the order of the file, without steps. Ids are "addsub/12" by line from 1.

    Raises:
      ProblemError: the file is missing or broken; one line that names file and line.
      ValueError: an unknown suite or split.
    """
    if name not in FILES:
        raise ValueError(f"unknown suite {name!r}; the suites are {', '.join(FILES)}")
    if split not in SPLITS:
        raise ValueError(f"{name} has no split {split!r}; it is for evaluation and has only 'test'")
    if not data_dir:
        raise ProblemError(f"{name}: no data_dir; give the folder of {FILES[name]}")
    return read(f"{os.fspath(data_dir).rstrip('/')}/{FILES[name]}", name)


def read(path: str | os.PathLike[str], name: str = "") -> list[Problem]:
    """Reads any JSONL file of {"input", "target"} rows; other fields are ignored.

    Args:
      path: of the file.
      name: what ids start with; the file's name without its ending if it is "".

    Raises:
      ProblemError: the file is missing or broken; one line that names file and line.
    """
    name = name or os.path.basename(os.fspath(path)).removesuffix(".jsonl")
    problems = [_problem(f"{name}/{line}", row, f"{path}:{line}") for line, row in jsonl.read_records(path)]
    if not problems:
        raise ProblemError(f'{path}:1: no problems; a row is {{"input": question, "target": answer}}')
    return problems


def is_suite(path: str | os.PathLike[str]) -> bool:
    """Whether a JSONL file has {"input", "target"} rows, by its first; False for one that is not there."""
    try:
        _, row = next(jsonl.read_records(path), (0, {}))
    except ProblemError:
        return False  # Whoever reads the file says what is wrong with it.
    return "input" in row and "target" in row and "question" not in row


def _problem(name: str, row: dict[str, Any], where: str) -> Problem:
    question, target = row.get("input"), row.get("target")
    if not isinstance(question, str) or not question.strip():
        raise ProblemError(f"{where}: field 'input' is missing, empty or not text")
    if not isinstance(target, bool | int | float | str):
        raise ProblemError(f"{where}: field 'target' is missing, or is no number, text or truth value")
    answer = answers.canonical(str(target))
    if answer is None:
        raise ProblemError(f"{where}: the target {str(target)[:60]!r} is neither a number nor yes/no")
    return Problem(name, " ".join(question.split()), _as_fraction(answer))


def _as_fraction(answer: str) -> str:
    match = _DIVIDED_OUT.fullmatch(answer)
    if match is None:
        return answer
    value = Fraction(answer)
    fraction = value.limit_denominator(_LARGEST_DENOMINATOR)
    half_a_place = Fraction(1, 2 * 10 ** len(match[1]))
    return format_number(fraction) if abs(value - fraction) <= half_a_place else answer
