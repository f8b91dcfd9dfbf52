"""Curves of what was measured: docs/images/benchmarks_*.png and .svg."""

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.measures import CURVES

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def write(records: Mapping[str, Mapping]) -> None:
    """A figure for every curve of which at least two points were measured."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    for curve in CURVES:
        points = [(x, records[name]) for x, name in curve.points if name in records]
        if len(points) < 2:
            continue
        figure, axes = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
        for k, name in enumerate(_contenders(record for _, record in points)):
            measured = [(x, r["contenders"][name]["rates"]) for x, r in points if name in r["contenders"]]
            xs = [x for x, _ in measured]
            middle = [statistics.median(rates) for _, rates in measured]
            axes.plot(xs, middle, "o-", color=f"C{k}", label=name, markersize=4)
            least, most = zip(*((min(rates), max(rates)) for _, rates in measured), strict=True)
            axes.fill_between(xs, least, most, color=f"C{k}", alpha=0.2, linewidth=0)
        axes.set(xlabel=curve.x, ylabel=curve.y, title=curve.title, ylim=(0, None))
        if all(isinstance(x, int) for x, _ in points):
            axes.set_xscale("log", base=2)
            axes.set_xticks([x for x, _ in points], [str(x) for x, _ in points])
        if len(axes.lines) > 1:
            axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        IMAGES.mkdir(parents=True, exist_ok=True)
        for suffix in ("png", "svg"):
            figure.savefig(IMAGES / f"benchmarks_{curve.name}.{suffix}", dpi=150, metadata=_NO_DATE[suffix])
        pyplot.close(figure)


# The same numbers give the same files.
_NO_DATE = {"png": {"Software": None}, "svg": {"Date": None}}


def _contenders(records: Iterable[Mapping]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record["contenders"]))
