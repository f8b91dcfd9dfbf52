"""Whole dialogues packed small, for a page that unpacks those that somebody looks at."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.reporting.wrong_step import first_wrong

COLUMNS = ("answer", "status", "tokens", "wrong", "why", "turns")


def pack(predictions: Sequence[Prediction], gold: Mapping[str, frozenset[str]]) -> str:
    """Columns over a file's predictions, as text.

    `answer`, `status` and `tokens` are as in the file. Each of `turns` is a list of texts whose first
    letter is that of the role; `wrong` is the place of the first wrong step in it, -1 for none, and `why`
    says why.

    Args:
      gold: id -> what the gold steps come to; problems without gold steps are not in it.
    """
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for p in predictions:
        places = [i for i, turn in enumerate(p.turns) if turn["role"] == "solution"]
        found = first_wrong([p.turns[i]["text"] for i in places], gold.get(p.id, frozenset()))
        columns["answer"].append(p.answer)
        columns["status"].append(p.status)
        columns["tokens"].append(p.n_tokens)
        columns["wrong"].append(places[found[0]] if found else -1)
        columns["why"].append(found[1] if found else "")
        columns["turns"].append([turn["role"][0] + turn["text"] for turn in p.turns])
    return block(columns)


def first(dialogues: str, n: int) -> str:
    """The first n of what `pack` made."""
    return block({name: column[:n] for name, column in unblock(dialogues).items()})


def block(value: Any) -> str:
    """A JSON value as base64 of gzip: nothing in it can be taken for HTML, and equal values are equal."""
    data = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode("ascii")


def unblock(text: str) -> Any:
    """The value that `block` was given."""
    return json.loads(gzip.decompress(base64.b64decode(text)))
