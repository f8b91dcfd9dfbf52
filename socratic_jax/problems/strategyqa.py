"""StrategyQA: yes/no questions whose steps are not in the question, with the facts that answer them.

The data are those of Geva et al. 2021, "Did Aristotle Use a Laptop? A Question Answering Benchmark
with Implicit Reasoning Strategies", Transactions of the ACL, arXiv 2101.02235. The official test set
has no answers, so its 2,290 answered questions are split here in file order:

    train        1,832   rows 1 to 1,832 of train.json
    validation     229   rows 1,833 to 2,061 of train.json
    test           229   dev.json

The two files are those of the authors' code (github.com/eladsegal/strategyqa, data/strategyqa). A
train.json of another size gives its last ninth to validation.

People wrote for each question a decomposition ("How many kids did Genghis Khan have?", ..., "Is #2
greater than #1?") and, apart from it and not aligned with it, a list of facts. `decomposition.py`
makes one list of steps of the two, which are the gold steps; what they come from stays in `meta`.
"""

import os
from collections.abc import Iterable

from socratic_jax.problems import decomposition, json_rows
from socratic_jax.problems.problem import Problem, ProblemError

SPLITS = ("train", "validation", "test")
FILES = {"train": "train.json", "validation": "train.json", "test": "dev.json"}
_VALIDATION, _ROWS = 229, 2061  # of train.json


def load(split: str, data_dir: str | os.PathLike[str] | None) -> list[Problem]:
    """Reads a split from the official files.

    Args:
      split: "train", "validation" or "test".
      data_dir: the folder of train.json and dev.json; any path that etils.epath opens.

    Returns:
      The problems in the order of the file. Ids are "strategyqa/<qid>", after the official ones.
      `meta` has "facts" and "decomposition" (lists of texts), "term" and "description" (of the thing
      that the question was written about).

    Raises:
      ProblemError: a file is missing or broken; one line that names file and row.
      ValueError: an unknown split.
    """
    _check(split)
    if not data_dir:
        raise ProblemError("strategyqa: no data_dir; give the folder of the official train.json and dev.json")
    path = f"{os.fspath(data_dir).rstrip('/')}/{FILES[split]}"
    return _problems(split, json_rows.read(path))


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
    part = FILES[split].removesuffix(".json")
    return _problems(split, tfds_access.rows("strategyqa", part, data_dir))


def prepare_tfds(
    data_dir: str | os.PathLike[str] | None = None, files: str | os.PathLike[str] | None = None
) -> None:
    """Writes StrategyQA as a TFDS data set in the array_record format, which needs no TensorFlow.

    Args:
      data_dir: where TFDS keeps its data sets; None is TFDS's own default folder.
      files: the folder of train.json and dev.json; None downloads them from their authors and checks
        their SHA-256.

    Raises:
      ProblemError: TFDS is not installed, or the files are missing.
    """
    from socratic_jax.problems import tfds_access

    tfds_access.prepare("strategyqa", data_dir, files)


def _check(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"strategyqa has no split {split!r}; its splits are {', '.join(SPLITS)}")


def _problems(split: str, rows: Iterable[tuple[str, json_rows.Row]]) -> list[Problem]:
    rows = list(rows)
    held_out = round(len(rows) * _VALIDATION / _ROWS)
    if split == "train":
        rows = rows[: len(rows) - held_out]
    elif split == "validation":
        rows = rows[len(rows) - held_out :]
    problems: dict[str, Problem] = {}
    for where, row in rows:
        problem = _problem(row, where)
        if problem.id in problems:
            raise ProblemError(f"{where}: the qid of this row is that of an earlier one; get the file again")
        problems[problem.id] = problem
    return list(problems.values())


def _problem(row: json_rows.Row, where: str) -> Problem:
    answer = row.get("answer")
    if not isinstance(answer, bool):
        raise ProblemError(f"{where}: field 'answer' is missing or not true or false; the test set has none")
    facts = [decomposition.sentence(fact) for fact in json_rows.texts(row, "facts", where)]
    questions = json_rows.texts(row, "decomposition", where)
    name = "yes" if answer else "no"
    return Problem(
        id="strategyqa/" + json_rows.text(row, "qid", where),
        question=json_rows.text(row, "question", where),
        answer=name,
        steps=decomposition.steps(questions, facts, name),
        meta={
            "facts": facts,
            "decomposition": questions,
            "term": str(row.get("term") or "").strip(),
            "description": str(row.get("description") or "").strip(),
        },
    )
