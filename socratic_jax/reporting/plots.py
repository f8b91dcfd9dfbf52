"""Results as pictures, PNG for reading and SVG for papers."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from etils import epath

from socratic_jax.evaluation.results import Result, StepsResult
from socratic_jax.problems import jsonl
from socratic_jax.reporting import robustness
from socratic_jax.reporting.looks import COLORS, MARKERS, Look, looks, readable
from socratic_jax.reporting.study import NO_AMOUNT, amount
from socratic_jax.reporting.summary import Row, StepsRow, Summary
from socratic_jax.reporting.when import Gain

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "legend.frameon": False,
    "legend.handlelength": 4,
    "figure.titlesize": 10,
    "svg.hashsalt": "",  # The same numbers give the same files.
}
_NO_DATE = {"png": {"Software": None}, "svg": {"Date": None}}
_INTERVAL = "bars: 95 % intervals"
_ACCURACY = "accuracy (%)"
_MARKER_SIZES = {"D": 5, "P": 6.5, "*": 9, "p": 6.5, "X": 6}  # So that all look equally large; others 5.5.


def write(directory: epath.PathLike, rows: Sequence[Result], steps: Sequence[StepsResult]) -> None:
    """Writes accuracy.png/.svg and, where gold steps are known, accuracy_by_steps.png/.svg."""
    with _drawing():
        _save(accuracy(rows), directory, "accuracy")
        if steps:
            panels = _grouped(steps, lambda step: step.suite)
            _save(accuracy_by_steps(panels, f"{rows[0].size}, {_INTERVAL}"), directory, "accuracy_by_steps")


def write_study(
    directory: epath.PathLike,
    labels: Sequence[str],
    axes: Sequence[Mapping[str, Any]],
    summary: Summary,
    gains: Sequence[Gain],
    drops: Sequence[robustness.Row],
) -> None:
    """Writes the pictures of a study, each as .png and .svg.

    accuracy_by_<field> for every axis and suite; for suites that are no perturbed ones also
    gain_by_<field>, of Socratic strategies over each chain, and accuracy_by_steps; and drops, of all that was
    perturbed. Names end in the suite where there are several.

    Args:
      labels: of Study.labels.
      axes: of page.axes.
      gains: of When.rows.
    """
    perturbed = {row.suite for row in drops if row.perturbation}
    suites = _grouped(summary.rows, lambda row: row.suite)
    whole = [suite for suite in suites if suite not in perturbed]
    with _drawing():
        for suite, rows in suites.items():
            about = f"{suite}: {_about(rows)}"
            end = f"_{suite}" if len(suites) > 1 else ""
            for axis in axes:
                if figure := accuracy_over(labels, axis, rows, about):
                    _save(figure, directory, f"accuracy_by_{axis['name']}{end}")
            if suite not in whole:
                continue
            end = f"_{suite}" if len(whole) > 1 else ""
            compared = [row for row in gains if row.suite == suite and row.by == "all"]
            for axis in axes if compared else ():
                if figure := gain_over(labels, axis, compared, about):
                    _save(figure, directory, f"gain_by_{axis['name']}{end}")
            steps = [step for step in summary.steps if step.suite == suite]
            if steps:
                panels = _grouped(steps, lambda step: _named(labels, step.condition))
                _save(accuracy_by_steps(panels, about), directory, f"accuracy_by_steps{end}")
        paired = [row for row in drops if row.drop is not None]
        if paired:
            _save(drop_by_perturbation(labels, paired), directory, "drops")


def accuracy_over(labels: Sequence[str], axis: Mapping[str, Any], rows: Sequence[Row], about: str):
    """Lines over a field of the study for one suite, a panel for each combination of the other fields; None
    if no two values of the field were measured beside the same others."""
    title = f"Accuracy by {_axis_name(axis)}\n{about}"
    groups = _varied(axis, _grouped(rows, _others(labels, axis)))
    return _over(axis, groups, _percents, title, _ACCURACY) if groups else None


def gain_over(labels: Sequence[str], axis: Mapping[str, Any], rows: Sequence[Gain], about: str):
    """Lines of what Socratic strategies gain, a panel for each chain and combination of the others; None
    as in `accuracy_over`."""
    others = _others(labels, axis)
    chains = dict.fromkeys(row.chain for row in rows)

    def group(row: Gain) -> str:
        over = [f"over {readable(row.chain)}"] if len(chains) > 1 else []
        return ", ".join([*over, *filter(None, [others(row)])])

    over = readable(*chains) if len(chains) == 1 else "a chain"
    title = f"Gain over {over} by {_axis_name(axis)}\n{about}"
    groups = _varied(axis, _grouped(rows, group))
    if not groups:
        return None
    figure = _over(axis, groups, _points, title, "gain (points)")
    for panel in figure.axes:
        panel.axhline(0, color="#555555", linewidth=0.8, zorder=1)
    return figure


def _varied(axis: Mapping[str, Any], groups: Mapping[str, Sequence[Row | Gain]]) -> Mapping[str, Sequence]:
    """The groups with more than one value on the axis."""
    return {name: g for name, g in groups.items() if len({row.condition[axis["field"]] for row in g}) > 1}


def accuracy_by_steps(panels: Mapping[str, Sequence[StepsResult | StepsRow]], about: str):
    """Lines over the number of gold steps, a panel for each group of rows."""
    figure, drawn, found = _panels(
        panels, f"Accuracy by number of steps\n{about}", "gold steps (problems)", _ACCURACY, width=3
    )
    for panel, rows in found:
        problems = {row.steps: row.n for row in rows}
        panel.set_xticks(sorted(problems), [f"{k}\n({problems[k]:,})" for k in sorted(problems)])
        _lines(panel, rows, lambda row: row.steps, _percents, drawn)
    return figure


def drop_by_perturbation(labels: Sequence[str], rows: Sequence[robustness.Row]):
    """A point for every strategy: a column of panels for each perturbed suite, a row for each condition.

    A pale bar reaches as far as the accuracy on the problems as they were: nobody can lose more.
    """
    from matplotlib import pyplot

    suites = _grouped(rows, lambda row: row.suite)
    conditions = _grouped(rows, lambda row: row.condition)
    drawn = looks(row.strategy for row in rows)
    y = {name: -i for i, name in enumerate(drawn)}
    figure, grid = pyplot.subplots(
        len(conditions), len(suites), squeeze=False, sharex=True, sharey=True, layout="constrained",
        figsize=(2 + 1.6 * len(suites), 1.1 + (0.3 + 0.19 * len(drawn)) * len(conditions)),
    )  # fmt: skip
    for i, condition in enumerate(conditions):
        for panel, (suite, of) in zip(grid[i], suites.items(), strict=True):
            panel.axvline(0, color="#555555", linewidth=0.8, zorder=1)
            panel.grid(axis="y", visible=False)
            panel.spines["left"].set_visible(False)
            panel.tick_params(axis="y", length=0)
            for row in (row for row in of if row.condition == condition):
                at, look = y[row.strategy], drawn[row.strategy]
                panel.barh(at, 100 * row.original, height=0.62, color="#ececec", zorder=0)
                error = [[100 * (row.drop - row.drop_low)], [100 * (row.drop_high - row.drop)]]
                panel.errorbar(100 * row.drop, at, xerr=error, elinewidth=1, **_drawn(look))
            if not i:
                panel.set_title((of[0].perturbation or suite).replace("_", " "))
        grid[i][0].set_yticks([*y.values()], [readable(name) for name in y])
        if any(condition):
            grid[i][-1].annotate(
                _named(labels, condition), (1.02, 0.5), xycoords="axes fraction", rotation=270, va="center",
            )  # fmt: skip
    figure.supxlabel("drop in accuracy (points); pale: accuracy on the problems as they were", fontsize=9)
    figure.suptitle(f"Drop on changed problems\n{_about(rows)}", x=0.01, ha="left")
    return figure


def accuracy(rows: Sequence[Result]):
    """Bars by strategy with 95 % intervals, a panel for each suite."""
    from matplotlib import pyplot

    suites = _grouped(rows, lambda row: row.suite)
    drawn = looks(row.strategy for row in rows)
    y = {name: -i for i, name in enumerate(drawn)}
    columns = min(len(suites), 3)
    lines = -(-len(suites) // columns)
    figure, grid = pyplot.subplots(
        lines, columns, squeeze=False, sharex=True, sharey=True, layout="constrained",
        figsize=(2 + 3.2 * columns, 0.6 + (0.5 + 0.27 * len(drawn)) * lines),
    )  # fmt: skip
    for panel in grid.flat[len(suites) :]:
        panel.remove()
    for panel, (suite, shown) in zip(grid.flat, suites.items(), strict=False):
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
        for row in shown:
            look, (top, low, high) = drawn[row.strategy], _percents(row)
            color = COLORS[look.color]
            panel.barh(
                y[row.strategy], top, height=0.68, color=color if look.filled else "white", edgecolor=color,
                xerr=[[top - low], [high - top]], error_kw=dict(ecolor="#555555", elinewidth=1, capsize=2),
            )  # fmt: skip
            panel.text(high + 1.5, y[row.strategy], f"{top:.1f}", va="center", fontsize=8)
        panel.set_xlim(0, 113)
        panel.set_xticks(range(0, 101, 20))
        panel.set_title(f"{suite}: {shown[0].n:,} problems")
    for panel in grid[:, 0]:
        panel.set_yticks([*y.values()], [readable(name) for name in y])
    figure.supxlabel(f"{_ACCURACY}; {_INTERVAL}; {rows[0].size}, seed {rows[0].seed}", fontsize=9)
    return figure


def _lines(
    panel, rows: Sequence, x: Callable[[Any], float], y: Callable[[Any], tuple], drawn: Mapping[str, Look]
) -> None:
    """A line for each strategy, each a little to the side, so that intervals do not hide each other."""
    places = {x(row) for row in rows}
    gap = _gap(places)
    panel.set_xlim(min(places) - gap / 2, max(places) + gap / 2)
    apart = gap / 2 / len(drawn)
    for i, (name, look) in enumerate(drawn.items()):
        line = sorted((row for row in rows if _strategy(row) == name), key=x)
        if line:
            middle, low, high = zip(*map(y, line), strict=True)
            errors = [[a - b for a, b in zip(*pair, strict=True)] for pair in ((middle, low), (high, middle))]
            shift = apart * (i - (len(drawn) - 1) / 2)
            panel.errorbar(
                [x(row) + shift for row in line], middle, yerr=errors, elinewidth=1, **_drawn(look)
            )


def _drawn(look: Look) -> dict[str, Any]:
    """Of errorbar and of Line2D."""
    color, marker = COLORS[look.color], MARKERS[look.marker]
    return dict(
        color=color, linewidth=1.5, linestyle=(0, look.dash) if look.dash else "-", zorder=3, clip_on=False,
        marker=marker, markersize=_MARKER_SIZES.get(marker, 5.5), markeredgewidth=0.6 if look.filled else 1.2,
        markerfacecolor=color if look.filled else "white", markeredgecolor="white" if look.filled else color,
    )  # fmt: skip


def _over(axis: Mapping[str, Any], groups: Mapping[str, Sequence], y: Callable, title: str, y_title: str):
    """Lines over an axis, a panel for each group of rows."""
    values, names = axis["values"], axis["values"]
    if axis["name"] == "size":
        # Where there are several panels, they are too narrow for names too.
        names = [_sized(value, "{count}\n{size}" if len(groups) == 1 else "{count}") for value in values]
    room = 0.2 + 0.07 * max(len(line) for name in names for line in name.split("\n"))
    width = max(5.6 if len(groups) == 1 else 3, room * len(values))
    places = [math.log10(each) for each in axis["amounts"] or ()]
    # Equally far apart where it is unknown how far, or their names would run into each other.
    if not places or _gap(places) * width < room * (places[-1] - places[0] + _gap(places)):
        places = range(len(values))
    at = dict(zip(values, places, strict=True))
    figure, drawn, panels = _panels(groups, title, axis["title"], y_title, width)
    for panel, rows in panels:
        panel.set_xticks(places, names)
        _lines(panel, rows, lambda row: at[row.condition[axis["field"]]], y, drawn)
    return figure


def _panels(groups: Mapping[str, Sequence], title: str, x_title: str, y_title: str, width: float):
    """A figure with a panel for each group of rows, by its title.

    Returns:
      The figure, the looks of its strategies, and (panel, rows) for each group.
    """
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    columns = {1: 1, 2: 2, 4: 2}.get(len(groups), 3)
    lines = -(-len(groups) // columns)
    figure, grid = pyplot.subplots(
        lines, columns, squeeze=False, sharey=True, layout="constrained",
        figsize=(2.1 + width * columns, 0.4 + (3.6 if lines == 1 else 2.6 * lines)),
    )  # fmt: skip
    for panel in grid.flat[len(groups) :]:
        panel.remove()
    # Room above the highest interval.
    top = max(0.05, *(row.high for rows in groups.values() for row in rows))
    panels = list(zip(grid.flat, groups.values(), strict=False))
    for i, ((panel, _), name) in enumerate(zip(panels, groups, strict=True)):
        panel.grid(axis="x", visible=False)
        panel.set_title(name)
        if i % columns:
            panel.tick_params(axis="y", length=0)
        else:
            panel.set_ylabel(y_title)
        if y_title == _ACCURACY:
            panel.set_ylim(0, min(102, 108 * top))
    if len(groups) == 1:
        panels[0][0].set_xlabel(x_title)
    else:
        figure.supxlabel(x_title, fontsize=9)
    figure.suptitle(title, x=0.01, ha="left")
    drawn = looks(_strategy(row) for rows in groups.values() for row in rows)
    handles = [Line2D([], [], label=readable(name), **_drawn(look)) for name, look in drawn.items()]
    figure.legend(handles=handles, loc="outside right center")
    return figure, drawn, panels


def _gap(places: Iterable[float]) -> float:
    """The least one between two places; 1 if there are no two."""
    return min((b - a for a, b in itertools.pairwise(sorted(places))), default=1)


def _others(labels: Sequence[str], axis: Mapping[str, Any]) -> Callable[[Any], str]:
    """The name of a row's values of all fields but the axis'."""
    place = axis["field"]
    return lambda row: _named(
        (*labels[:place], *labels[place + 1 :]), (*row.condition[:place], *row.condition[place + 1 :])
    )


def _named(labels: Sequence[str], condition: Sequence[str]) -> str:
    return ", ".join(
        _sized(value, "{count} ({size})") if label == "size" else f"{label.replace('_', ' ')} {value}"
        for label, value in zip(labels, condition, strict=True)
    )


def _axis_name(axis: Mapping[str, Any]) -> str:
    return {"size": "student size"}.get(axis["name"], axis["title"])


def _about(rows: Sequence[Row | robustness.Row]) -> str:
    """What the rows were computed from."""
    problems, seeds = (sorted({*of}) for of in ([row.n for row in rows], [len(row.seeds) for row in rows]))
    found = [
        f"{of[0]:,}" + (f" to {of[-1]:,}" if len(of) > 1 else "") + f" {what}" + "s" * (of != [1])
        for of, what in ((problems, "problem"), (seeds, "seed"))
    ]
    return ", ".join(found) + f"; {_INTERVAL}"


def _sized(size: str, text: str) -> str:
    """A size in a text with its {size} and the {count} of its parameters; or its name alone."""
    parameters = amount("size", size)
    return size if parameters == NO_AMOUNT else text.format(size=size, count=_count(parameters))


def _count(parameters: float) -> str:
    """24,576 is "25K"."""
    for letter in ("", "K", "M", "B"):
        if parameters < 999.5 or letter == "B":
            return f"{parameters:.2g}{letter}" if parameters < 9.95 else f"{parameters:.0f}{letter}"
        parameters /= 1000


def _percents(row: Result | StepsResult | Row | StepsRow) -> tuple[float, float, float]:
    return 100 * row.accuracy, 100 * row.low, 100 * row.high


def _points(row: Gain) -> tuple[float, float, float]:
    return 100 * row.gain, 100 * row.low, 100 * row.high


def _strategy(row: Any) -> str:
    return row.socratic if isinstance(row, Gain) else row.strategy


def _grouped(rows: Iterable, key: Callable[[Any], Any]) -> dict[Any, list]:
    groups: dict[Any, list] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _drawing():
    import matplotlib

    matplotlib.use("Agg")
    return matplotlib.rc_context(_STYLE)


def _save(figure, directory: epath.PathLike, name: str) -> None:
    from matplotlib import pyplot

    for suffix, metadata in _NO_DATE.items():
        with jsonl.whole(epath.Path(directory) / f"{name}.{suffix}") as file:
            figure.savefig(file, format=suffix, dpi=300, metadata=metadata)
    pyplot.close(figure)
