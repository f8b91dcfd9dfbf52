"""Problems and records in JSONL files: one JSON object a line.

People write these files by hand and with scripts of their own, so every error says which line is
wrong, what is wrong with it and what to do. Runs are killed in the middle of things, so a file
that is written here is there whole or not at all. Paths may be on any storage that etils.epath
knows (gs://...).
"""

import contextlib
import dataclasses
import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from socratic_jax.problems import answers
from socratic_jax.problems.problem import (
    Problem,
    ProblemError,
    problem_from_dict,
    problem_to_dict,
)

_EXAMPLE = '{"id": "1", "question": "What is 2 + 3?", "answer": "5"}'


def read(path: str | os.PathLike[str], answered: bool = True) -> list[Problem]:
    """Reads the problems of a file, in its order.

    Answers come back canonical ("1,200" as "1200", "Yes" as "yes"), see `answers.canonical`.

    Args:
      path: a JSONL file of objects as `problem_to_dict` makes them; only "id", "question" and
        "answer" are needed, and unknown fields are ignored. Blank lines are skipped.
      answered: whether every problem must have an answer. If not, one that is missing, null or "" is "".

    Raises:
      ProblemError: one line, "path:line: what is wrong; what to do".
    """
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    for line, record in read_records(path):
        try:
            problem = problem_from_dict(record, answered)
        except ProblemError as error:
            raise ProblemError(f"{path}:{line}: {error}; a problem is an object like {_EXAMPLE}") from None
        except OverflowError:  # an integer that no float can hold
            raise ProblemError(f"{path}:{line}: a number is too large; write it as text in quotes") from None
        answer = problem.answer and answers.canonical(problem.answer)
        if answer is None:
            raise ProblemError(
                f"{path}:{line}: the answer {problem.answer[:60]!r} is neither a number nor yes/no; "
                "leave out units and words"
            )
        if problem.id in lines:
            raise ProblemError(
                f"{path}:{line}: the id {problem.id!r} is already that of line "
                f"{lines[problem.id]}; give every problem an id of its own"
            )
        lines[problem.id] = line
        problems.append(dataclasses.replace(problem, answer=answer))
    if not problems:
        raise ProblemError(f"{path}:1: the file has no problems; write one on each line: {_EXAMPLE}")
    return problems


def write(path: str | os.PathLike[str], problems: Iterable[Problem]) -> None:
    """Writes problems to a file that `read` reads back; see `write_records`."""
    write_records(path, map(problem_to_dict, problems))


def read_records(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (line number from 1, object) for every line that is not blank.

    The file is opened and read while the iterator is consumed, and errors come then.

    Raises:
      ProblemError: the file is missing or cannot be read, or a line is not UTF-8, not JSON or not
        an object; one line that names the file and the line.
    """
    from etils import epath

    try:
        with epath.Path(path).open("rb") as file:
            # Binary, because text mode would also end lines at what JSON allows within them.
            for line, raw in enumerate(file, start=1):
                text = _decode(raw, f"{path}:{line}")
                if text.strip():
                    yield line, _parse(text, f"{path}:{line}")
    except FileNotFoundError:
        raise ProblemError(f"{path}: there is no such file; check the path") from None
    except OSError as error:
        raise ProblemError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a file that is one JSON object.

    Raises:
      ProblemError: one line that names the file, and the line where there is one.
    """
    from etils import epath

    try:
        value = json.loads(epath.Path(path).read_bytes())
    except json.JSONDecodeError as error:
        raise ProblemError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    except UnicodeDecodeError:
        raise ProblemError(f"{path}: not UTF-8") from None
    except OSError as error:
        raise ProblemError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not isinstance(value, dict):
        raise ProblemError(f"{path}: not a JSON object")
    return value


def write_object(path: str | os.PathLike[str], value: Mapping[str, Any]) -> None:
    """Writes a file that `read_object` reads back, whole or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a text file, whole or not at all."""
    with whole(path) as file:
        file.write(text.encode())


def write_records(path: str | os.PathLike[str], records: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object a line, whole or not at all.

    Raises:
      ProblemError: a record cannot be written as JSON; `path` is then as it was.
    """
    with whole(path) as file:
        for line, record in enumerate(records, start=1):
            file.write(_encode(record, f"{path}:{line}"))


@contextlib.contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that is there whole or not at all.

    What is written goes to a temporary file in the same folder (made if it is missing), which then takes
    the place of `path` in one step: whoever reads sees the old file or the new one, and a killed
    process leaves the old one, as an error does.
    """
    from etils import epath

    target = epath.Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            # Without this a power cut could leave a new name on data that was never written.
            with contextlib.suppress(AttributeError, io.UnsupportedOperation):  # no local file
                os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _decode(raw: bytes, where: str) -> str:
    try:
        # A byte order mark is what some editors put before the first line.
        return raw.decode("utf-8").removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ProblemError(
            f"{where}: byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8"
        ) from None


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ProblemError(
            f"{where}: broken JSON at column {error.colno}: {error.msg}; "
            "write one complete JSON object on each line"
        ) from None
    except (ValueError, RecursionError) as error:  # NaN, a number too long, nesting too deep
        reason = str(error).split("\n", 1)[0].split(";", 1)[0]
        raise ProblemError(f"{where}: JSON that cannot be read: {reason}; correct it") from None
    if not isinstance(record, dict):
        raise ProblemError(
            f"{where}: a line must be a JSON object, not {type(record).__name__}; "
            "write one object in {...} on each line"
        )
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _encode(record: Mapping[str, Any], where: str) -> bytes:
    try:
        text = json.dumps(dict(record), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ProblemError(f"{where}: cannot be written as JSON: {error}") from None
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, as cut model output can have
        return json.dumps(dict(record)).encode("ascii") + b"\n"
