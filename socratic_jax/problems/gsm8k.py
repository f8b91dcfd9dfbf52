"""GSM8K: grade-school word problems with human solutions, and the same steps as Socratic questions.

The data are OpenAI's (Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems",
arXiv 2110.14168; github.com/openai/grade-school-math): 7,473 training and 1,319 test problems. A
row is {"question", "answer"}; the answer has one step a line and ends with "#### 72". The Socratic
files have the same problems in the same order and steps as "sub-question ** solution".

There is no validation split, so one is carved from the training file by a rule that depends on the
questions alone, not on their order: the problems whose question has the smallest SHA-256, 473 of
7,473 (the same share of a smaller file). "train" is the remaining 7,000.

The calculator annotations <<48/2=24>> are kept; transcripts decide about them.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from socratic_jax.problems import answers, jsonl, tfds_access
from socratic_jax.problems.problem import Problem, ProblemError, Step

SPLITS = ("train", "validation", "test")
_VALIDATION, _TRAINING = 473, 7473
_FILES = {"train": "train", "validation": "train", "test": "test"}  # split -> file of OpenAI's


def load(split: str, data_dir: str | os.PathLike[str] | None, socratic: bool = True) -> list[Problem]:
    """Reads a split from OpenAI's JSONL files.

    Args:
      split: "train", "validation" or "test".
      data_dir: the folder of train.jsonl and test.jsonl (train_socratic.jsonl and
        test_socratic.jsonl if `socratic`); any path that etils.epath opens.
      socratic: whether the steps have their sub-questions; without, they are the human chain of
        thought, with the same solutions.

    Returns:
      The problems in the order of the file. Ids are "gsm8k/train/12" by file and line from 1, the
      same with and without sub-questions. Steps without a solution (a blank line in six official
      rows) are left out.

    Raises:
      ProblemError: a file is missing or broken; one line that names file and line.
      ValueError: an unknown split.
    """
    _check(split)
    if not data_dir:
        raise ProblemError(
            "gsm8k: no data_dir; give the folder of OpenAI's train.jsonl, test.jsonl, "
            "train_socratic.jsonl and test_socratic.jsonl"
        )
    name = _FILES[split]
    path = f"{os.fspath(data_dir).rstrip('/')}/{name}{'_socratic' if socratic else ''}.jsonl"
    rows = jsonl.read_records(path)
    return _problems(split, rows, lambda line: f"{path}:{line}", socratic)


def load_tfds(
    split: str, data_dir: str | os.PathLike[str] | None = None, socratic: bool = True
) -> list[Problem]:
    """Reads a split through TensorFlow Datasets, without TensorFlow.

    TFDS stores rows in the order of a hash of their line number. That order is undone here, so that
    the same rows give the same problems with the same ids as `load`. Rows of the plain and of the
    Socratic file are shuffled differently, so that their agreement in every row checks the undoing.

    Args:
      split: "train", "validation" or "test".
      data_dir: where TFDS prepared "gsm8k" as array_record (see `prepare_tfds`); None is TFDS's
        own default folder.
      socratic: as in `load`.

    Raises:
      ProblemError: TFDS is not installed, or the data are not prepared (the message has the
        command), or are not those of OpenAI.
      ValueError: an unknown split.
    """
    _check(split)
    tfds, name = _tfds(), _FILES[split]
    folder = f"{os.fspath(data_dir or tfds.core.constants.DATA_DIR)}/gsm8k"
    try:
        builder = tfds.builder("gsm8k", data_dir=data_dir, file_format=tfds_access.FORMAT)
        plain, paired = (
            _in_file_order(part, builder.as_data_source(split=part)) for part in (name, f"{name}_socratic")
        )
    except Exception as error:  # TFDS raises many kinds for data that are absent or half there
        raise tfds_access.not_prepared("gsm8k", folder, data_dir, error) from None
    if [row["question"] for row in plain] != [row["question"] for row in paired]:
        raise ProblemError(
            f"gsm8k_tfds: splits {name!r} and '{name}_socratic' under {folder} do not have the same "
            "questions in the same order; delete that folder, "
            f"then run: {tfds_access.prepare_command('gsm8k', data_dir)}"
        )
    part = f"{name}_socratic" if socratic else name
    rows = enumerate(paired if socratic else plain, start=1)
    return _problems(split, rows, lambda line: f"{folder} ({part}):{line}", socratic)


def prepare_tfds(data_dir: str | os.PathLike[str] | None = None) -> None:
    """Downloads GSM8K with TFDS and writes it as array_record, the format that needs no TensorFlow.

    Args:
      data_dir: where TFDS keeps its data sets; None is TFDS's own default folder.

    Raises:
      ProblemError: TFDS is not installed.
    """
    tfds = _tfds()
    tfds.builder("gsm8k", data_dir=data_dir, file_format=tfds_access.FORMAT).download_and_prepare()


def _check(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"gsm8k has no split {split!r}; its splits are {', '.join(SPLITS)}")


def _tfds() -> Any:
    tfds = tfds_access.import_tfds("gsm8k_tfds")
    # This import registers the builder; tfds.builder alone does not find it.
    import tensorflow_datasets.text  # noqa: F401

    return tfds


def _in_file_order(part: str, rows: Any) -> list[dict[str, str]]:
    """Undoes the shuffling of TFDS: it writes the rows sorted by md5(split name + line index)."""
    order = sorted(range(len(rows)), key=lambda i: hashlib.md5(f"{part}{i}".encode()).digest())
    ordered: list[dict[str, str]] = [{}] * len(rows)
    for position, index in enumerate(order):
        row = rows[position]
        ordered[index] = {key: tfds_access.plain(row[key]) for key in ("question", "answer")}
    return ordered


def _problems(
    split: str,
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    where: Callable[[int], str],
    socratic: bool,
) -> list[Problem]:
    name = _FILES[split]
    problems = [_problem(f"gsm8k/{name}/{line}", row, where(line), socratic) for line, row in rows]
    if not problems:
        raise ProblemError(f"{where(1)}: no problems; it should be the file of OpenAI's release")
    if name != "train":
        return problems
    hashes = [hashlib.sha256(problem.question.encode()).digest() for problem in problems]
    count = round(len(problems) * _VALIDATION / _TRAINING)
    # By the value and not by the place, so that a question that is there twice is on one side.
    limit = sorted(hashes)[count - 1] if count else b""
    held_out = split == "validation"
    return [problem for problem, value in zip(problems, hashes, strict=True) if (value <= limit) == held_out]


def _problem(name: str, row: Mapping[str, Any], where: str, socratic: bool) -> Problem:
    for field in ("question", "answer"):
        if not isinstance(row.get(field), str) or not row[field].strip():
            raise ProblemError(
                f"{where}: field {field!r} is missing, empty or not text; "
                'a row is {"question": ..., "answer": ...} as in OpenAI\'s release'
            )
    *lines, last = row["answer"].strip().split("\n")
    answer = answers.canonical(last.removeprefix("####").strip())
    if not last.startswith("#### ") or answer is None:
        raise ProblemError(f"{where}: the answer must end with a line '#### 72', not with {last[:60]!r}")
    steps = (_step(line, where, socratic) for line in lines)
    return Problem(
        id=name,
        question=row["question"].strip(),
        answer=answer,
        steps=tuple(step for step in steps if step.solution),
    )


def _step(line: str, where: str, socratic: bool) -> Step:
    if not socratic:
        return Step("", line.strip())
    subquestion, separator, solution = line.partition("**")
    if not separator or not subquestion.strip():
        raise ProblemError(
            f"{where}: the step {line[:60]!r} is not 'sub-question ** solution'; "
            "read the Socratic file, or load with socratic=False"
        )
    return Step(subquestion.strip(), solution.strip())
