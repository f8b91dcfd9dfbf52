"""What students lose when problems are changed a little, and what they make of other people's problems."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from socratic_jax.evaluation import statistics
from socratic_jax.problems.sources import original_of
from socratic_jax.reporting.markup import Table
from socratic_jax.reporting.scores import Scores
from socratic_jax.reporting.study import Cell, Study
from socratic_jax.reporting.tables import label, p_value

_ORIGIN = ("source", "options")  # What says where problems come from.
_NOTE = (
    "Original and changed are accuracies on the same problems, before and after; the drop is the difference, "
    "with a 95 % interval from a paired bootstrap. Suites without a drop are other people's problems."
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One strategy on one perturbed suite, or on one of another source.

    Attributes:
      original_suite, perturbation: what was changed, and how; "" for a suite of another source.
      n: problems, for each seed; of a perturbed suite those that its original was scored on as well.
      accuracy, low, high: on the suite, with the interval that summary.Row has.
      original: accuracy on the same problems as they were; None, as all that follows, if there is none.
      drop, drop_low, drop_high: original - accuracy in a paired bootstrap over problems, and over seeds.
      test, p: as in summary.Pair; p_holm is corrected for all drops of the same condition.
      cut_off: as in summary.Row: share of the suite's dialogues without an end. Changed problems are often
        longer, and what runs out of context is no failure to reason.
      files: the suite's, then the original's.
    """

    suite: str
    original_suite: str
    perturbation: str
    condition: tuple[str, ...]
    strategy: str
    oracle: bool
    seeds: tuple[int, ...]
    n: int
    accuracy: float
    low: float
    high: float
    original: float | None
    drop: float | None
    drop_low: float | None
    drop_high: float | None
    test: str
    p: float | None
    p_holm: float | None
    cut_off: float
    files: tuple[str, ...]


def robustness(study: Study, scores: Sequence[Scores]) -> tuple[Row, ...]:
    """A row for every strategy, condition and suite that is perturbed or of another source than `data`."""
    cells = {cell.name: cell for cell in study.cells}
    groups: dict[tuple, list[Scores]] = {}
    for s in (s for s in scores if s.contends):
        groups.setdefault((s.suite, s.condition, s.strategy), []).append(s)
    rows = []
    for (suite, condition, strategy), seeds in groups.items():
        options = cells[seeds[0].cell].config["evaluate"]["suites"].get(suite, {})
        if "perturb" in options:
            before = groups.get((original_of(options), condition, strategy), [])
            rows.append(_perturbed(seeds, before, options["perturb"]))
        elif _is_foreign(cells[seeds[0].cell], options):
            rows.append(_row(seeds, np.stack([s.correct_N for s in seeds])))
    return tuple(_corrected(rows))


def _is_foreign(cell: Cell, options: Mapping) -> bool:
    return any(options.get(name, cell.config["data"][name]) != cell.config["data"][name] for name in _ORIGIN)


def _perturbed(seeds: Sequence[Scores], before: Sequence[Scores], perturbation: str) -> Row:
    """Pairs problems by id, and students by seed."""
    originals = {s.seed: s for s in before}
    both = [(originals[s.seed], s) for s in seeds if s.seed in originals]
    places = {problem.id: i for i, problem in enumerate(both[0][0].problems)} if both else {}
    pairs = [(places[p.id], i) for i, p in enumerate(seeds[0].problems) if p.id in places]
    if not pairs:
        row = _row(seeds, np.stack([s.correct_N for s in seeds]))
        return dataclasses.replace(row, perturbation=perturbation)
    old_N, new_N = (list(side) for side in zip(*pairs, strict=True))
    old_SxN = np.stack([old.correct_N[old_N] for old, _ in both])
    new_SxN = np.stack([new.correct_N[new_N] for _, new in both])
    found = statistics.compare(old_SxN, new_SxN)
    row = _row([new for _, new in both], new_SxN)
    return dataclasses.replace(
        row,
        original_suite=both[0][0].suite,
        perturbation=perturbation,
        original=float(old_SxN.mean()),
        drop=found.difference,
        drop_low=found.low,
        drop_high=found.high,
        test=found.test,
        p=found.p,
        files=(*row.files, *(old.file for old, _ in both)),
    )


def _row(seeds: Sequence[Scores], correct_SxN: np.ndarray) -> Row:
    first = seeds[0]
    low, high = statistics.interval(correct_SxN)
    return Row(
        suite=first.suite, original_suite="", perturbation="", condition=first.condition,
        strategy=first.strategy, oracle=first.result.oracle, seeds=tuple(s.seed for s in seeds),
        n=correct_SxN.shape[1], accuracy=float(correct_SxN.mean()), low=low, high=high, original=None,
        drop=None, drop_low=None, drop_high=None, test="", p=None, p_holm=None,
        cut_off=float(np.mean([s.result.cut_off for s in seeds])),
        files=tuple(s.file for s in seeds),
    )  # fmt: skip


def _corrected(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order of their conditions, each with its p-value corrected for those of its condition."""
    conditions: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        conditions.setdefault(row.condition, []).append(row)
    found = []
    for group in conditions.values():
        adjusted = iter(statistics.holm([row.p for row in group if row.p is not None]))
        found += [dataclasses.replace(r, p_holm=None if r.p is None else next(adjusted)) for r in group]
    return found


def table(labels: Sequence[str], rows: Sequence[Row]) -> Table:
    """All rows, for Markdown and LaTeX."""
    cells = [_cells(row) for row in rows]
    return Table(
        "Robustness",
        _NOTE,
        [*labels, "suite", "strategy", *_NUMBERS],
        len(labels) + 2,
        cells,
        len(labels) + 1,
    )


_NUMBERS = (
    "original, %", "changed, %", "95 % interval", "drop, points", "95 % interval", "p, Holm",
    "cut off, %", "seeds", "problems",
)  # fmt: skip


def _cells(row: Row) -> list[str]:
    paired = ["", "", ""]
    if row.drop is not None:
        p = p_value(row.p_holm)
        paired = [f"{100 * row.drop:+.1f}", f"{100 * row.drop_low:+.1f} to {100 * row.drop_high:+.1f}", p]
    return [
        *row.condition,
        row.suite,
        label(row.strategy, row.oracle),
        "" if row.original is None else f"{100 * row.original:.1f}",
        f"{100 * row.accuracy:.1f}",
        f"{100 * row.low:.1f} – {100 * row.high:.1f}",
        *paired,
        f"{100 * row.cut_off:.1f}",
        str(len(row.seeds)),
        f"{row.n:,}",
    ]
