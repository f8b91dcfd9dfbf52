"""Predictions summed up: a row for each strategy, and a paired test for each two of them."""

import csv
import dataclasses
import io
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from etils import epath

from socratic_jax.decoding.dialogue import PROMPT_TOO_LONG, STEP_LIMIT, TOKEN_LIMIT
from socratic_jax.evaluation.baselines import is_baseline
from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.evaluation.statistics import holm, mcnemar, wilson
from socratic_jax.problems import jsonl


@dataclasses.dataclass(frozen=True)
class Result:
    """One line of results.csv.

    Attributes:
      suite, split, strategy, size, seed: what was scored.
      n: problems.
      accuracy, low, high: share of right answers with its 95 % Wilson interval. A problem without a
        readable answer counts as wrong.
      answered: share of problems with a readable answer.
      truncated: share of dialogues that ran out of tokens.
      step_limited: share of dialogues whose answer was forced by the step limit.
      prompt_too_long: share of problems that did not fit the context at all.
      tokens: mean number of tokens written.
      oracle: whether the strategy was given what no student knows at test time.

    How dialogues ended and their tokens are None where that is unknown, as of the first of many votes.
    """

    suite: str
    split: str
    strategy: str
    size: str
    seed: int
    n: int
    accuracy: float
    low: float
    high: float
    answered: float
    truncated: float | None
    step_limited: float | None
    prompt_too_long: float | None
    tokens: float | None
    oracle: bool

    @property
    def cut_off(self) -> float | None:
        """Share of dialogues without an end."""
        return None if self.truncated is None else self.truncated + self.prompt_too_long


@dataclasses.dataclass(frozen=True)
class StepsResult:
    """Accuracy on the problems whose gold explanation has that many steps."""

    suite: str
    strategy: str
    steps: int
    n: int
    accuracy: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class PairedResult:
    """Two strategies on the same problems; p of the exact McNemar test, p_holm corrected for its suite."""

    suite: str
    a: str
    b: str
    difference: float
    only_a: int
    only_b: int
    p: float
    p_holm: float


def summarise(predictions: Sequence[Prediction], **labels) -> Result:
    """The result of one strategy on one suite; `labels` are suite, split, strategy, size, seed, oracle."""
    n = len(predictions)
    right = sum(p.correct for p in predictions)
    low, high = wilson(right, n)

    def share(status: str) -> float | None:
        return mean([p.status and p.status == status for p in predictions])

    return Result(
        n=n,
        accuracy=right / max(n, 1),
        low=low,
        high=high,
        answered=sum(p.answer is not None for p in predictions) / max(n, 1),
        truncated=share(TOKEN_LIMIT),
        step_limited=share(STEP_LIMIT),
        prompt_too_long=share(PROMPT_TOO_LONG),
        tokens=mean([p.n_tokens for p in predictions]),
        **labels,
    )


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of what is known of all; None if one is unknown."""
    return None if None in values else sum(values) / max(len(values), 1)


def by_steps(predictions: Sequence[Prediction], suite: str, strategy: str) -> list[StepsResult]:
    """Accuracy by number of gold steps; nothing for problems without them."""
    groups: dict[int, list[bool]] = defaultdict(list)
    for p in predictions:
        if p.gold_steps:
            groups[p.gold_steps].append(p.correct)
    return [
        StepsResult(suite, strategy, k, len(g), sum(g) / len(g), *wilson(sum(g), len(g)))
        for k, g in sorted(groups.items())
    ]


def split_name(contender: str) -> tuple[str, str]:
    """The strategy of a contender, and how it is decoded: "cot+vote@4" is ("cot", "+vote@4")."""
    strategy = re.split("[+@]", contender, maxsplit=1)[0]
    return strategy, contender[len(strategy) :]


def contends(name: str) -> bool:
    """Whether a row is compared with others: baselines and the votes of a part of the dialogues are not."""
    return not is_baseline(name) and "@" not in name


def paired(suite: str, predictions: Mapping[str, Sequence[Prediction]]) -> list[PairedResult]:
    """Strategies compared on the problems of one suite: every two that are decoded alike, and each with
    itself decoded in another way, if both contend."""
    rows = []
    for a, b in itertools.combinations(filter(contends, predictions), 2):
        (strategy_a, way_a), (strategy_b, way_b) = split_name(a), split_name(b)
        if strategy_a != strategy_b and way_a != way_b:
            continue
        right_a, right_b = ([p.correct for p in predictions[name]] for name in (a, b))
        only_a, only_b, p = mcnemar(right_a, right_b)
        difference = (only_a - only_b) / max(len(right_a), 1)
        rows.append(PairedResult(suite, a, b, difference, only_a, only_b, p, p_holm=p))
    adjusted = holm([row.p for row in rows])
    return [dataclasses.replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]


def write_csv(path: epath.PathLike, rows: Iterable, kind: type) -> None:
    """Writes dataclass rows; floats with 6 decimals, so that equal runs give equal files."""
    out = io.StringIO()
    names = [field.name for field in dataclasses.fields(kind)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = [getattr(row, name) for name in names]
        writer.writerow([f"{v:.6f}" if isinstance(v, float) else v for v in values])
    jsonl.write_text(path, out.getvalue())
