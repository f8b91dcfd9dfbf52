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
      cached: requests whose replies are in the journal already.
      input_tokens: of all prompts, at 4 characters a token: expect it to be off by 20 %.
      output_tokens: at most, if every reply were as long as max_tokens allows.
      likely_output_tokens: if they are as long as those in the journal; None if there are none yet.
      dollars: at most; None where the price is not known.
      likely_dollars: the same with the likely output.
    """

    calls: int
    cached: int
    input_tokens: int
    output_tokens: int
    likely_output_tokens: int | None
    dollars: float | None
    likely_dollars: float | None

    def __str__(self) -> str:
        lines = [
            f"{self.calls:,} calls to make, {self.cached:,} replies are in the journal already",
            f"{self.input_tokens:,} input tokens, at {estimate.CHARACTERS_PER_TOKEN} characters a token",
            f"{self.output_tokens:,} output tokens at most"
            + _if(self.likely_output_tokens, ", likely {:,} by the replies so far"),
        ]
        if self.dollars is None:
            return "\n".join([*lines, "price unknown; add the model to prices.csv"])
        price = f"${self.dollars:,.2f} at most" + _if(self.likely_dollars, ", likely ${:,.2f}")
        return "\n".join([*lines, f"{price} (by prices.csv: check its rows)"])


def dry_run(
    teacher: str,
    requests: Iterable[Request],
    journal: Journal | None = None,
    price: Price | None = None,
    batch: bool = False,
) -> DryRun:
    """Counts what `annotate` would ask for.

    Args:
      teacher: the teacher's name; no key is needed.
      requests: as for `annotate`.
      journal: whose replies need not be asked for.
      price: of the teacher, see `prices.price_of`.
      batch: whether the price for batch jobs applies.
    """
    known = journal if journal is not None else ()
    calls = cached = inputs = outputs = 0
    seen = Offsets()
    for request in requests:
        key = request.key(teacher)
        if key in known or not seen.add(key, 0):  # Equal requests are asked once.
            cached += 1
            continue
        calls += 1
        inputs += estimate.tokens(request.prompt)
        outputs += request.max_tokens
    mean = None if journal is None else _mean_output(teacher, journal)
    likely = None if mean is None else min(outputs, round(calls * mean))

    def dollars(output: int | None) -> float | None:
        return None if price is None or output is None else price.dollars(Usage(inputs, output), batch)

    return DryRun(calls, cached, inputs, outputs, likely, dollars(outputs), dollars(likely))


def _mean_output(teacher: str, journal: Journal) -> float | None:
    mine = (r for r in journal.records() if r["teacher"] == teacher and r["finish"] == "stop")
    lengths = [r["output_tokens"] for r in itertools.islice(mine, _SEEN)]
    return sum(lengths) / len(lengths) if lengths else None


def _if(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
