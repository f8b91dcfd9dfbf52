"""Results as pictures, PNG for reading and SVG for papers."""

from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath

from socratic_jax.evaluation.results import Result, StepsResult
from socratic_jax.problems import jsonl
from socratic_jax.reporting.summary import Row, Summary
from socratic_jax.reporting.tables import label

# Okabe & Ito's palette: told apart by colour-blind readers and in print.
COLORS = ("#999999", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9")


def write(directory: epath.PathLike, rows: Sequence[Result], steps: Sequence[StepsResult]) -> None:
    """Writes accuracy.png/.svg and, where gold steps are known, accuracy_by_steps.png/.svg."""
    import matplotlib

    matplotlib.use("Agg")
    directory = epath.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    _save(accuracy(rows), directory, "accuracy")
    if steps:
        _save(accuracy_by_steps(rows, steps), directory, "accuracy_by_steps")


def write_study(directory: epath.PathLike, axes: Sequence[Mapping[str, Any]], summary: Summary) -> None:
    """Writes accuracy_by_<field>.png/.svg of every axis of a study, one for each suite if there are several.

    Args:
      axes: of page.axes.
    """
    import matplotlib

    matplotlib.use("Agg")
    directory = epath.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    suites = list(dict.fromkeys(row.suite for row in summary.rows))
    for axis in axes:
        for suite in suites:
            name = f"accuracy_by_{axis['name']}" + (f"_{suite}" if len(suites) > 1 else "")
            shown = [row for row in summary.rows if row.suite == suite]
            _save(accuracy_over(axis, shown), directory, name)


def accuracy_over(axis: Mapping[str, Any], rows: Sequence[Row]):
    """Lines over a field of the study for one suite, a panel for each combination of the other fields."""
    place, values = axis["field"], axis["values"]
    x = dict(zip(values, axis["amounts"] or range(len(values)), strict=True))
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((*row.condition[:place], *row.condition[place + 1 :]), []).append(row)
    figure, panels = _panels(len(groups))
    for panel, (name, shown) in zip(panels, groups.items(), strict=True):
        for strategy in dict.fromkeys(row.strategy for row in shown):
            line = sorted((r for r in shown if r.strategy == strategy), key=lambda r: x[r.condition[place]])
            errors = [[_error(row)[side][0] for row in line] for side in (0, 1)]
            panel.errorbar(
                [x[row.condition[place]] for row in line], [100 * row.accuracy for row in line],
                yerr=errors, marker="o", capsize=3, color=_color(rows, strategy),
                label=label(strategy, line[0].oracle), linestyle="--" if line[0].oracle else "-",
            )  # fmt: skip
        if axis["amounts"]:
            panel.set_xscale("log")
        panel.set_xticks(list(x.values()), list(x), fontsize=9)
        panel.minorticks_off()
        panel.set_xlabel(axis["title"])
        panel.set_title(", ".join([rows[0].suite, *name]), fontsize=10)
        panel.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=3)
    return figure


def accuracy(rows: Sequence[Result]):
    """Bars by strategy with 95 % intervals, a panel for each suite."""
    suites = list(dict.fromkeys(row.suite for row in rows))
    figure, panels = _panels(len(suites))
    for panel, suite in zip(panels, suites, strict=True):
        shown = [row for row in rows if row.suite == suite]
        for i, row in enumerate(shown):
            top, error = 100 * row.accuracy, _error(row)
            panel.bar(i, top, color=_color(rows, row.strategy), yerr=error, capsize=4, width=0.7)
            panel.text(i, top + error[1][0] + 1.5, f"{top:.1f}", ha="center", fontsize=9)
        names = [label(row.strategy, row.oracle).replace("_", "\n").replace(" ", "\n") for row in shown]
        panel.set_xticks(range(len(shown)), names, fontsize=9)
        panel.set_title(f"{suite}: {shown[0].n:,} problems, {shown[0].size}", fontsize=10)
    return figure


def accuracy_by_steps(rows: Sequence[Result], steps: Sequence[StepsResult]):
    """Lines over the number of gold steps with 95 % intervals, a panel for each suite."""
    suites = list(dict.fromkeys(step.suite for step in steps))
    figure, panels = _panels(len(suites))
    for panel, suite in zip(panels, suites, strict=True):
        strategies = list(dict.fromkeys(step.strategy for step in steps if step.suite == suite))
        for i, name in enumerate(strategies):
            shown = [step for step in steps if step.suite == suite and step.strategy == name]
            oracle = any(row.oracle for row in rows if row.strategy == name)
            # A little to the side, so that intervals do not hide each other.
            x = [step.steps + 0.06 * (i - (len(strategies) - 1) / 2) for step in shown]
            errors = [[_error(step)[side][0] for step in shown] for side in (0, 1)]
            panel.errorbar(
                x, [100 * step.accuracy for step in shown], yerr=errors, marker="o", capsize=3,
                color=_color(rows, name), label=label(name, oracle), linestyle="--" if oracle else "-",
            )  # fmt: skip
        panel.set_xticks(sorted({step.steps for step in steps if step.suite == suite}))
        panel.set_xlabel("steps in the gold explanation")
        panel.set_title(suite, fontsize=10)
        panel.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=3)
    return figure


def _panels(n: int):
    from matplotlib import pyplot

    columns = min(n, 3)
    rows = -(-n // columns)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(max(6.5, 5.5 * columns), 4.6 * rows), squeeze=False
    )
    panels, spare = grid.flat[:n], grid.flat[n:]
    for panel in spare:
        panel.remove()
    for panel in panels:
        panel.set_ylim(0, 109)
        panel.set_yticks(range(0, 101, 20))
        panel.grid(axis="y", alpha=0.3)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel("accuracy, % (95 % interval)")
    return figure, panels


def _color(rows: Sequence[Result | Row], strategy: str) -> str:
    names = list(dict.fromkeys(row.strategy for row in rows))
    return COLORS[names.index(strategy) % len(COLORS)]


def _error(row: Result | StepsResult | Row) -> list[list[float]]:
    return [[100 * (row.accuracy - row.low)], [100 * (row.high - row.accuracy)]]


def _save(figure, directory: epath.Path, name: str) -> None:
    from matplotlib import pyplot

    figure.tight_layout()
    for suffix in ("png", "svg"):
        with jsonl.whole(directory / f"{name}.{suffix}") as file:
            figure.savefig(file, format=suffix, dpi=150)
    pyplot.close(figure)
