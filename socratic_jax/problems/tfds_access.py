"""TensorFlow Datasets without TensorFlow: the one way in which loaders reach it.

TFDS can prepare and read data sets in the array_record format with no TensorFlow installed, given
`importlib_resources`, which it needs to prepare them and forgets to require. What it raises for data
that are absent or half there is of many kinds, and says nothing of what to do; here it is one.
"""

import json
import os
from typing import Any

from socratic_jax.problems.problem import ProblemError

FORMAT = "array_record"  # the default format needs TensorFlow


def import_tfds(name: str) -> Any:
    """The module tensorflow_datasets.

    Args:
      name: of the source of problems, for the message.

    Raises:
      ProblemError: it cannot be imported; the message says what to install.
    """
    try:
        import importlib_resources  # noqa: F401
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ProblemError(
            f"{name}: TensorFlow Datasets cannot be imported ({error}); "
            "run: pip install tensorflow-datasets array_record importlib_resources"
        ) from None
    return tfds


def not_prepared(name: str, folder: str, data_dir: str | os.PathLike[str] | None, error: Exception):
    """The error for data that are not there, with the command that makes them.

    Args:
      name: of the data set, which is that of its module.
      folder: where its data should be.
      data_dir: as the loader was given it.
      error: what TFDS raised.
    """
    reason = str(error).strip().split("\n", 1)[0].rstrip(".")
    return ProblemError(
        f"{name}_tfds: no data in {FORMAT} format under {folder} ({type(error).__name__}: "
        f"{reason[-160:]}); delete that folder if it is there, then run: {prepare_command(name, data_dir)}"
    )


def prepare_command(name: str, data_dir: str | os.PathLike[str] | None) -> str:
    """The shell command that prepares a data set."""
    # Double quotes: the program stands in single quotes.
    where = "" if data_dir is None else json.dumps(os.fspath(data_dir))
    return f"python -c 'from socratic_jax.problems import {name}; {name}.prepare_tfds({where})'"


def plain(value: Any) -> Any:
    """A value of a TFDS row as JSON has it: text, number, truth, or a list of them."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return plain(value.tolist()) if hasattr(value, "tolist") else value


def prepare(name: str, data_dir: str | os.PathLike[str] | None, files: str | os.PathLike[str] | None) -> None:
    """Prepares a data set of tfds_builders.

    Args:
      name: "svamp" or "strategyqa".
      data_dir: where TFDS keeps its data sets; None is TFDS's own default folder.
      files: the folder of the official files; None downloads them.

    Raises:
      ProblemError: TFDS is not installed, or a file is missing, broken or not the official one.
    """
    builder = _builder(name, data_dir)
    builder.local = None if files is None else os.fspath(files)
    try:
        builder.download_and_prepare(file_format=FORMAT)
    except ProblemError:
        raise
    except Exception as error:  # no network, another checksum, a full disk
        reason = " ".join(str(error).split())
        raise ProblemError(
            f"{name}_tfds: cannot be prepared ({type(error).__name__}: {reason[:300]}); "
            f"get the files by other means and prepare with files='their folder'"
        ) from None


def rows(name: str, part: str, data_dir: str | os.PathLike[str] | None) -> list[tuple[str, dict[str, Any]]]:
    """Reads one of the parts that `prepare` wrote, in the order of the official file.

    Returns:
      (where, row) pairs like those of `json_rows.read`.

    Raises:
      ProblemError: TFDS is not installed, or the data are not prepared (the message has the command).
    """
    builder = _builder(name, data_dir)
    folder = os.fspath(builder.data_path)
    try:
        source = builder.as_data_source(split=part)
        found = [{key: plain(value) for key, value in row.items()} for row in source]
    except Exception as error:  # of many kinds
        raise not_prepared(name, folder, data_dir, error) from None
    from socratic_jax.problems.tfds_builders.json_rows_builder import POSITION

    found.sort(key=lambda row: row[POSITION])
    if [row[POSITION] for row in found] != list(range(len(found))):
        reason = ValueError(f"rows of {part!r} are missing")
        raise not_prepared(name, folder, data_dir, reason)
    return [(f"{folder} ({part}): row {row[POSITION] + 1}", row) for row in found]


def _builder(name: str, data_dir: str | os.PathLike[str] | None) -> Any:
    import_tfds(f"{name}_tfds")
    from socratic_jax.problems.tfds_builders import strategyqa, svamp

    kind = {"svamp": svamp.Svamp, "strategyqa": strategyqa.Strategyqa}[name]
    return kind(data_dir=None if data_dir is None else os.fspath(data_dir), file_format=FORMAT)
