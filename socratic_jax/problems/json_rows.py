"""Files that are one JSON list of objects, the format in which SVAMP and StrategyQA are published."""

import json
import os
from collections.abc import Mapping
from typing import Any

from socratic_jax.problems.problem import ProblemError

Row = Mapping[str, Any]


def read(path: str | os.PathLike[str]) -> list[tuple[str, Row]]:
    """Reads the rows of a file.

    Args:
      path: of the file; any path that etils.epath opens.

    Returns:
      (where, row) in the order of the file; `where` names file and row, from 1, for errors.

    Raises:
      ProblemError: the file is missing, broken or empty, or a row is not an object; one line.
    """
    from etils import epath

    try:
        rows = json.loads(epath.Path(path).read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ProblemError(f"{path}: there is no such file; check the path") from None
    except OSError as error:
        raise ProblemError(f"{path}: cannot be read: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise ProblemError(
            f"{path}:{error.lineno}: broken JSON at column {error.colno}: {error.msg}; get the file again"
        ) from None
    except (ValueError, RecursionError) as error:  # not UTF-8, or nested too deep
        raise ProblemError(f"{path}: not a JSON file: {str(error).splitlines()[0]}; get it again") from None
    if not isinstance(rows, list) or not rows:
        raise ProblemError(f"{path}: must be a JSON list of objects, with at least one")
    places = [f"{path}: row {number}" for number in range(1, len(rows) + 1)]
    for where, row in zip(places, rows, strict=True):
        if not isinstance(row, Mapping):
            raise ProblemError(f"{where} must be an object, not {type(row).__name__}")
    return list(zip(places, rows, strict=True))


def text(row: Row, name: str, where: str) -> str:
    """A text field of a row, with its white space made single spaces.

    Raises:
      ProblemError: the field is missing, empty or not text; the message starts with `where`.
    """
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ProblemError(f"{where}: field {name!r} is missing, empty or not text")
    return " ".join(value.split())


def texts(row: Row, name: str, where: str) -> list[str]:
    """A field of a row that is a list of texts; the empty ones are left out.

    Raises:
      ProblemError: the field is missing, not a list of texts, or has nothing but empty ones.
    """
    value = row.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ProblemError(f"{where}: field {name!r} is missing or not a list of texts")
    found = [" ".join(item.split()) for item in value if item.strip()]
    if not found:
        raise ProblemError(f"{where}: field {name!r} has no text in it")
    return found
