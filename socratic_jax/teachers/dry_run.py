"""What annotating would cost, without asking anybody."""

import dataclasses
import itertools
from collections.abc import Iterable

from socratic_jax.teachers import estimate
from socratic_jax.teachers.journal import Journal
from socratic_jax.teachers.offsets import Offsets
from socratic_jax.teachers.prices import Price
from socratic_jax.teachers.teacher import Request, Usage

_SEEN = 1000  # Replies whose mean length is taken for that of the others.


@dataclasses.dataclass(frozen=True)
class DryRun:
    """An estimate of a run.

    Attributes:
      calls: requests that would be asked; tries after faults come on top.
      again: requests of second tries that would be asked at most; not among `calls`.
      cached: requests whose replies are in the journal already, or that are equal to others.
      input_tokens: of all prompts, at 4 characters a token: expect it to be off by 20 %.
      output_tokens: at most, if every reply were as long as max_tokens allows.
      likely_output_tokens: if replies are as long, and second tries as rare, as those in the journal; None
        if there are none yet.
      dollars: at most; None where the price is not known.
      likely_dollars: the same with the likely calls and output.
    """

    calls: int
    again: int
    cached: int
    input_tokens: int
    output_tokens: int
    likely_output_tokens: int | None
    dollars: float | None
    likely_dollars: float | None

    def __str__(self) -> str:
        again = f" and at most {self.again:,} second tries" if self.again else ""
        lines = [
            f"{self.calls:,} calls to make{again}, {self.cached:,} more are in the journal already, or equal",
            f"{self.input_tokens:,} input tokens, at {estimate.CHARACTERS_PER_TOKEN} characters a token",
            f"{self.output_tokens:,} output tokens at most"
            + _if(self.likely_output_tokens, ", likely {:,} by the replies so far"),
        ]
        if self.dollars is None:
            return "\n".join([*lines, "price unknown; add the model to prices.csv"])
        price = f"${self.dollars:,.2f} at most" + _if(self.likely_dollars, ", likely ${:,.2f}")
        return "\n".join([*lines, f"{price} (by prices.csv: check its rows)"])


@dataclasses.dataclass
class _Sum:
    """Calls and their tokens; output at most."""

    calls: int = 0
    input: int = 0
    output: int = 0


def dry_run(
    teacher: str,
    requests: Iterable[Request],
    journal: Journal | None = None,
    price: Price | None = None,
    batch: bool = False,
    again: Iterable[Request] = (),
    needed: float = 1.0,
) -> DryRun:
    """Counts what `annotate` would ask for.

    Args:
      teacher: the teacher's name; no key is needed.
      requests: as for `annotate`.
      journal: whose replies need not be asked for.
      price: of the teacher, see `prices.price_of`.
      batch: whether the price for batch jobs applies.
      again: the second tries that might be asked.
      needed: the share of them that probably is.
    """
    known = journal if journal is not None else ()
    cached, seen = 0, Offsets()
    first, second = _Sum(), _Sum()
    for total, some in ((first, requests), (second, again)):
        for request in some:
            key = request.key(teacher)
            if key in known or not seen.add(key, 0):  # Equal requests are asked once.
                cached += 1
                continue
            total.calls += 1
            total.input += estimate.tokens(request.prompt)
            total.output += request.max_tokens
    inputs, outputs = first.input + second.input, first.output + second.output
    mean = None if journal is None else _mean_output(teacher, journal)
    likely = None if mean is None else min(outputs, round((first.calls + needed * second.calls) * mean))

    def dollars(input_: int, output: int | None) -> float | None:
        return None if price is None or output is None else price.dollars(Usage(input_, output), batch)

    return DryRun(
        first.calls, second.calls, cached, inputs, outputs, likely,
        dollars(inputs, outputs), dollars(round(first.input + needed * second.input), likely),
    )  # fmt: skip


def _mean_output(teacher: str, journal: Journal) -> float | None:
    mine = (r for r in journal.records() if r["teacher"] == teacher and r["finish"] == "stop")
    lengths = [r["output_tokens"] for r in itertools.islice(mine, _SEEN)]
    return sum(lengths) / len(lengths) if lengths else None


def _if(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
