"""What replies cost, by a table that the user can edit: prices.csv."""

import csv
import dataclasses
import os
import re
from pathlib import Path

from socratic_jax.teachers.teacher import Usage

DEFAULT = Path(__file__).with_name("prices.csv")
_COLUMNS = ("model", "input", "output", "batch_discount")
# What may follow a row's model in the name of a model that it stands for: options, dates, previews.
_VERSION = re.compile(r"(:|@|-\d|-(preview|exp|latest)\b).*")
# These run on our own devices, or not at all.
_FREE = ("local", "gold")


class PriceError(ValueError):
    """The price table cannot be read; one line that names the file and the line."""


@dataclasses.dataclass(frozen=True)
class Price:
    """Of one model, in dollars for a million tokens."""

    model: str
    input: float
    output: float
    batch_discount: float

    def dollars(self, usage: Usage, batch: bool = False) -> float:
        """What that many tokens cost."""
        full = (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6
        return full * (1.0 - self.batch_discount) if batch else full


def load(path: str | os.PathLike[str] = "") -> list[Price]:
    """Reads a table; lines that start with # are comments.

    Args:
      path: of a CSV file with the columns of prices.csv; "" is that file.

    Raises:
      PriceError: the file is missing or a line is wrong.
    """
    path = Path(path or DEFAULT)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise PriceError(f"{path}: cannot be read: {reason}; check the path") from None
    table: list[Price] = []
    header = None
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if header is None:
            header = cells
            if tuple(header) != _COLUMNS:
                raise PriceError(f"{path}:{number}: the columns must be {','.join(_COLUMNS)}")
            continue
        try:
            model, *numbers = cells
            price = Price(model, *map(float, numbers))
            if not (price.input >= 0 and price.output >= 0 and 0 <= price.batch_discount <= 1):
                raise ValueError
        except (ValueError, TypeError):
            raise PriceError(
                f"{path}:{number}: {line.strip()!r} is not model, dollars, dollars, discount from 0 to 1"
            ) from None
        table.append(price)
    return table


def price_of(teacher: str, table: list[Price]) -> Price | None:
    """The price of a teacher's model; None if the table has none.

    Args:
      teacher: its name, as "gemini:gemini-2.5-flash".
      table: from `load`.
    """
    kind, _, model = teacher.partition(":")
    if kind in _FREE:
        return Price(teacher, 0.0, 0.0, 0.0)
    rows = [p for p in table if model == p.model or _is_version(model, p.model)]
    return max(rows, key=lambda p: len(p.model), default=None)


def _is_version(model: str, of: str) -> bool:
    return model.startswith(of) and _VERSION.fullmatch(model[len(of) :]) is not None
