"""What a run's teachers were paid, added up from its journal of replies."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from socratic_jax.reporting.study import Cell
from socratic_jax.teachers import prices
from socratic_jax.teachers.teacher import Usage


@dataclasses.dataclass(frozen=True)
class TeacherCost:
    """Replies of one teacher.

    Attributes:
      dollars: by the price table of the run, at full price (a journal does not say what was a batch);
        None if the table does not have the model.
    """

    teacher: str
    replies: int
    input_tokens: int
    output_tokens: int
    dollars: float | None


def teacher_costs(cell: Cell) -> list[TeacherCost]:
    """A line for every teacher in the journal; none if there is no journal.

    Raises:
      PriceError: the run's own price table cannot be read.
    """
    sums: dict[str, list[int]] = {}
    for record in _records(cell):
        counts = sums.setdefault(record["teacher"], [0, 0, 0])
        for i, more in enumerate((1, record["input_tokens"], record["output_tokens"])):
            counts[i] += more
    if not sums:
        return []
    table = prices.load(cell.config["annotate"].get("prices", ""))
    found = []
    for teacher, (replies, n_in, n_out) in sums.items():
        price = prices.price_of(teacher, table)
        dollars = None if price is None else price.dollars(Usage(n_in, n_out))
        found.append(TeacherCost(teacher, replies, n_in, n_out, dollars))
    return found


def _records(cell: Cell) -> Iterator[dict[str, Any]]:
    """The replies of the journal, read without its locks: a torn last line is passed over."""
    path = cell.journal
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line)
                if {"teacher", "input_tokens", "output_tokens"} <= record.keys():
                    yield record
            except (ValueError, AttributeError):
                continue
