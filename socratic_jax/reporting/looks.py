"""How strategies are drawn, on the page and in plots: one look for each, whatever else a study has."""

import dataclasses
from collections.abc import Iterable

from socratic_jax.evaluation.baselines import is_baseline
from socratic_jax.evaluation.results import split_name
from socratic_jax.reporting.study import strategy_of
from socratic_jax.transcripts.strategies import STRATEGIES

# Okabe & Ito's palette, told apart by colour-blind readers, with a wine red for their yellow, which is faint
# on paper. The last one is the grey of baselines, which some of them see as the green, so baselines alone are
# dotted. The page has lighter ones for dark paper (page.css).
COLORS = (
    "#000000", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#8A8A8A",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "p", "X")
_TAUGHT = [s.name for s in STRATEGIES.values() if s.taught_as == s.name]


@dataclasses.dataclass(frozen=True)
class Look:
    """How a strategy is drawn. Without its colour it is still told from all others.

    Attributes:
      strategy: its name in the results.
      color, marker: places in COLORS and MARKERS: those of the strategy whose students it uses. Baselines are
        grey.
      filled: whether the marker is; neither an oracle's nor that of another way of decoding.
      dash: lengths of strokes and gaps, in widths of the line; () is a solid line. Oracles are dashed,
        baselines dotted, and the k-th other way of decoding has k dots after each stroke.
    """

    strategy: str
    color: int
    marker: int
    filled: bool
    dash: tuple[int, ...]


def looks(strategies: Iterable[str]) -> dict[str, Look]:
    """The look of each of these names, by name."""
    names = list(dict.fromkeys(strategies))
    ways = list(dict.fromkeys(["", *(split_name(name)[1] for name in names if not is_baseline(name))]))
    return {name: _look(name, ways) for name in names}


def _look(name: str, ways: list[str]) -> Look:
    known, last = strategy_of(name), len(COLORS) - 1
    if known is None or is_baseline(name):
        marker = _TAUGHT.index(known.taught_as) % last if known else last
        return Look(name, last, marker, filled=known is None, dash=(1, 2))
    place, dots = _TAUGHT.index(known.taught_as), ways.index(split_name(name)[1])
    stroke = 3 if known.oracle else 6
    return Look(
        name,
        color=place % last,
        marker=(place + place // last) % last,  # Another one, once colours begin again.
        filled=not known.oracle and not dots,
        dash=(stroke, 2, *(1, 2) * dots) if known.oracle or dots else (),
    )


def readable(strategy: str) -> str:
    """The name of a strategy for people: "socratic_unified" is "Socratic unified"."""
    name, way = split_name(strategy)
    text = name.replace("_", " ").replace("cot", "CoT").replace("socratic", "Socratic")
    note = " (baseline)" if is_baseline(strategy) else ""
    return text[0].upper() + text[1:] + way.replace("+", " + ").replace("_", " ") + note
