"""Results as tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich.box
import rich.console
import rich.table

from socratic_jax.accounting import by_phase, goodput
from socratic_jax.evaluation.baselines import is_baseline
from socratic_jax.evaluation.questions import QuestionsResult
from socratic_jax.evaluation.results import PairedResult, Result, StepsResult
from socratic_jax.teachers.funnel import Funnel


def show(
    rows: Sequence[Result],
    steps: Sequence[StepsResult],
    pairs: Sequence[PairedResult],
    questions: Sequence[QuestionsResult],
    funnels: Mapping[str, Funnel],
    fits: Mapping[str, Mapping[str, Any]],
    attempts: Sequence[Mapping[str, Any]],
) -> None:
    """Prints what selection left, accuracies, accuracies by number of steps, paired tests, and the time.

    Args:
      funnels: by title.
      fits: of training transcripts, by student; see transcripts.examples.Fit.
      attempts: of accounting.Clock.
    """
    console = rich.console.Console(width=None if rich.console.Console().is_terminal else 120)
    for title, funnel in funnels.items():
        console.print(f"{title}\n\n{funnel}\n", highlight=False)
    for suite in dict.fromkeys(row.suite for row in rows):
        console.print(accuracy_table([row for row in rows if row.suite == suite]))
        if any(step.suite == suite for step in steps):
            console.print(steps_table([step for step in steps if step.suite == suite]))
        if any(pair.suite == suite for pair in pairs):
            console.print(paired_table([pair for pair in pairs if pair.suite == suite]))
        if any(row.suite == suite for row in questions):
            console.print(questions_table([row for row in questions if row.suite == suite]))
    if any(fit["too_long"] for fit in fits.values()):
        console.print(too_long_line(fits) + "\n", highlight=False)
    console.print(time_line(attempts), highlight=False)


def too_long_line(fits: Mapping[str, Mapping[str, Any]]) -> str:
    """How many transcripts were left out of training since they do not fit the context."""
    parts = [
        f"{student} {len(fit['too_long']):,} of {fit['kept'] + len(fit['too_long']):,}"
        for student, fit in fits.items()
        if fit["too_long"]
    ]
    return f"left out of training, too long for the context: {', '.join(parts)}"


def time_line(attempts: Sequence[Mapping[str, Any]]) -> str:
    """Where the seconds of a run went, all attempts together."""
    phases = ", ".join(
        f"{name} {seconds:.0f}" for name, seconds in by_phase(attempts).items() if seconds >= 1
    )
    total = sum(attempt["total"] for attempt in attempts)
    times = f"{len(attempts)} attempt{'s' * (len(attempts) > 1)}"
    return f"{total:.0f} seconds in {times} ({phases}); goodput {goodput(attempts):.0%}"


def accuracy_table(rows: Sequence[Result]) -> rich.table.Table:
    first = rows[0]
    table = _table(f"{first.suite} ({first.n:,} problems), {first.size}, seed {first.seed}")
    for name in ("accuracy", "95 % interval", "answered", "cut off", "forced", "tokens"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            label(row.strategy, row.oracle),
            _percent(row.accuracy),
            f"{100 * row.low:.1f} – {100 * row.high:.1f}",
            _percent(row.answered),
            "" if row.cut_off is None else _percent(row.cut_off),
            "" if row.step_limited is None else _percent(row.step_limited),
            "" if row.tokens is None else f"{row.tokens:.0f}",
        )
    return table


def steps_table(steps: Sequence[StepsResult]) -> rich.table.Table:
    table = _table("accuracy by number of steps (problems)")
    counts = sorted({(step.steps, step.n) for step in steps})
    for k, n in counts:
        table.add_column(f"{k} ({n:,})", justify="right")
    for strategy in dict.fromkeys(step.strategy for step in steps):
        found = {step.steps: step.accuracy for step in steps if step.strategy == strategy}
        table.add_row(strategy, *(_percent(found[k]) if k in found else "" for k, _ in counts))
    return table


def paired_table(pairs: Sequence[PairedResult]) -> rich.table.Table:
    table = _table("same problems, two strategies (exact McNemar test)")
    for name in ("difference", "only first", "only second", "p", "p, Holm"):
        table.add_column(name, justify="right")
    for pair in pairs:
        table.add_row(
            f"{pair.a} – {pair.b}",
            f"{100 * pair.difference:+.1f}",
            str(pair.only_a),
            str(pair.only_b),
            p_value(pair.p),
            p_value(pair.p_holm),
        )
    return table


def questions_table(rows: Sequence[QuestionsResult]) -> rich.table.Table:
    table = _table(f"sub-questions against the gold ones ({rows[0].n:,} problems)")
    for name in ("BLEU", "questions", "gold", "same number", "same operations (solutions)"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.strategy,
            f"{row.bleu:.1f}",
            f"{row.questions:.1f}",
            f"{row.gold_questions:.1f}",
            _percent(row.same_number),
            "" if row.same_operations is None else _percent(row.same_operations),
        )
    return table


def label(strategy: str, oracle: bool) -> str:
    """The name of a strategy, with a word of warning where it was given gold turns or taught nothing."""
    note = " (oracle)" if oracle else " (baseline)" if is_baseline(strategy) else ""
    return strategy + note


def _table(title: str) -> rich.table.Table:
    table = rich.table.Table(title=title, box=rich.box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.add_column("strategy", no_wrap=True)
    return table


def p_value(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
