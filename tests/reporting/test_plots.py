import dataclasses
import re

import numpy as np
import pytest

from socratic_jax.evaluation import baselines
from socratic_jax.reporting import looks, page, plots
from socratic_jax.reporting.study import amount
from socratic_jax.reporting.summary import Row
from socratic_jax.transcripts.strategies import STRATEGIES

ALL = [*STRATEGIES, *baselines.NAMES]
WAYS = ["", "+vote@4", "+vote", "+calculator"]
# What people see who have no red, or no green, receptors (Viénot et al. 1999), of linear RGB.
BLIND = {
    "protanope": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranope": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def test_looks_differ_even_in_grey():
    names = [name + way for name in STRATEGIES for way in WAYS] + list(baselines.NAMES)
    found = looks.looks(names)
    without_color = {(look.marker, look.filled, look.dash) for look in found.values()}
    assert len(without_color) == len(names)
    taught = [look for name, look in found.items() if name in STRATEGIES and look.filled]
    assert len({look.color for look in taught}) == len(taught) == 8


def test_a_look_depends_on_the_strategy_alone():
    found = looks.looks(ALL)
    assert all(looks.looks([name]) == {name: found[name]} for name in ALL)
    for strategy in STRATEGIES.values():
        look, taught = found[strategy.name], found[strategy.taught_as]
        assert (look.color, look.marker) == (taught.color, taught.marker)
        assert bool(look.dash) == strategy.oracle == (not look.filled)
    assert {found[name].color for name in baselines.NAMES} == {len(looks.COLORS) - 1}
    assert all(found[name].dash == (1, 2) for name in baselines.NAMES)


def least_distance(colors, kind):
    rgb_Cx3 = np.array([[int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)] for color in colors])
    seen_Cx3 = np.clip(rgb_Cx3**2.2 @ np.array(BLIND[kind]).T, 0, 1) ** (1 / 2.2)
    apart_CxC = np.linalg.norm(seen_Cx3[:, None] - seen_Cx3[None], axis=-1)
    return apart_CxC[np.triu_indices(len(colors), 1)].min()


@pytest.mark.parametrize("kind", BLIND)
def test_colours_are_as_far_apart_to_the_colour_blind_as_the_palette_they_are_from(kind):
    # Without the grey of baselines, which some see as the green: their dots are nobody else's.
    okabe_ito = [*looks.COLORS[:7], "#F0E442"]
    assert least_distance(looks.COLORS[:-1], kind) >= least_distance(okabe_ito, kind)


def test_the_page_has_the_same_looks():
    css, js = ((page.ASSETS / name).read_text() for name in ("page.css", "dom.js"))
    light = re.findall(r"--c(\d): light-dark\((#\w+)", css)
    assert [int(place) for place, _ in light] == list(range(len(looks.COLORS)))
    shapes = re.search(r"const SHAPES = \[(.*?)\];", js, re.S)[1]
    assert len(re.findall('"M[^"]*"', shapes)) == len(looks.MARKERS)


def test_names_for_people():
    names = ["socratic_unified", "cot+vote@4", "answer_only", "untrained_cot", "oracle_questions"]
    assert [looks.readable(name) for name in names] == [
        "Socratic unified", "CoT + vote@4", "Answer only", "Untrained CoT (baseline)", "Oracle questions",
    ]  # fmt: skip


def rows(sizes, limits=("500",)):
    return [
        Row("test", (size, limit), name, False, (0, 1), 1319, 0.3, 0.2, 0.4, 1, 0, 0, 9, ())
        for size in sizes for limit in limits for name in ALL
    ]  # fmt: skip


def drawn(sizes, limits=("500",), more=()):
    axis = dict(field=0, name="size", title="size", values=sizes, amounts=[amount("size", s) for s in sizes])
    with plots._drawing():
        return plots.accuracy_over(["size", "train_limit"], axis, [*rows(sizes, limits), *more], "test")


@pytest.mark.parametrize(
    "sizes", [["tiny-0.02m", "tiny-0.2m"], ["tiny-0.02m", "tiny-0.04m", "gpt2", "gpt2-medium", "gpt2-xl"]]
)
def test_no_two_points_stand_on_each_other(sizes):
    figure = drawn(sizes)
    (panel,) = figure.axes
    lines = [container.lines[0].get_xdata() for container in panel.containers]
    x_LxS = np.array(lines)
    assert x_LxS.shape == (len(ALL), len(sizes)) and len(np.unique(x_LxS)) == x_LxS.size
    # All points of a size stand between its neighbours' and inside of the panel.
    assert (x_LxS.max(0)[:-1] < x_LxS.min(0)[1:]).all()
    assert panel.get_xlim()[0] < x_LxS.min() and x_LxS.max() < panel.get_xlim()[1]
    names = [text.get_text() for text in panel.get_xticklabels()]
    assert [name.split("\n")[1] for name in names] == sizes and names[0].startswith("25K\n")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [looks.readable(n) for n in ALL]


def test_other_fields_have_panels_of_their_own():
    figure = drawn(["tiny-0.02m", "gpt2"], limits=("500", "7,000"))
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["train limit 500", "train limit 7,000"]
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["25K", "85M"]


def test_what_was_measured_of_one_value_only_has_no_panel():
    figure = drawn(["tiny-0.02m", "gpt2"], more=rows(["gpt2"], limits=("7,000",)))
    assert len(figure.axes) == 1 and figure.axes[0].get_title(loc="left") in ("", "train limit 500")
    assert drawn(["gpt2"]) is None


def test_a_title_says_of_how_many():
    one, two = rows(["gpt2"])[:2]
    assert plots._about([one]).startswith("1,319 problems, 2 seeds;")
    few = dataclasses.replace(two, seeds=(0,), n=1)
    assert plots._about([one, few]).startswith("1 to 1,319 problems, 1 to 2 seeds;")
    assert plots._about([few]).startswith("1 problem, 1 seed;")
    assert plots._count(24_576) == "25K" and plots._count(1.47e9) == "1.5B" and plots._count(84.9e6) == "85M"
