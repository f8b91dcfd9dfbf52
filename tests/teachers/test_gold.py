"""The teacher that is no model."""

from pathlib import Path

import pytest

from socratic_jax.problems import annotations, gsm8k, strategyqa, svamp
from socratic_jax.problems.problem import Explanation, Problem, Step
from socratic_jax.teachers import gold
from socratic_jax.teachers.funnel import Funnel

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no data in {REAL}")
SOCRATIC = Problem("s", "q", "37", (Step("Ben?", "14+9=23"), Step("Both?", "14+23=37")))
BARE = Problem("b", "q", "6", (Step("", "8 - 2 = 6"),))
FACTS = Problem(
    "f", "q", "no", (Step("Ice?", "So the answer is no."),), {"facts": ["Ice is cold.", "Fire is hot."]}
)
NOTHING = Problem("n", "q", "1")


@pytest.mark.parametrize(
    ("kind", "problem", "steps"),
    [
        ("cot", SOCRATIC, [("", "14+9=23"), ("", "14+23=37")]),
        ("cot", BARE, [("", "8 - 2 = 6")]),
        ("cot", NOTHING, None),
        ("socratic", SOCRATIC, [("Ben?", "14+9=23"), ("Both?", "14+23=37")]),
        ("socratic", BARE, None),
        ("socratic", NOTHING, None),
        ("facts", FACTS, [("", "Ice is cold."), ("", "Fire is hot.")]),
        ("facts", SOCRATIC, None),
        ("guidance_steps", SOCRATIC, [("", "2 steps")]),
        ("guidance_steps", NOTHING, None),
        ("guidance_equations", SOCRATIC, [("", "14+9=23; 14+23=37")]),
        ("guidance_equations", FACTS, None),
    ],
)
def test_explanations(kind, problem, steps):
    expected = steps and Explanation(kind, tuple(Step(*step) for step in steps), "gold")
    assert gold.GOLD[kind](problem) == expected


def test_annotations_are_counted(tmp_path):
    funnel = Funnel()
    found = list(gold.annotate([SOCRATIC, BARE, NOTHING], "cot", funnel))
    assert [(annotation.problem, annotation.answer) for annotation in found] == [("s", "37"), ("b", "6")]
    assert (funnel.samples, funnel.problems, funnel.explained, funnel.kept) == (3, 3, 2, 2)
    assert funnel.dropped == {"readable": {"no gold cot": 1}}
    annotations.write(tmp_path / "gold.jsonl", found)
    assert list(annotations.read(tmp_path / "gold.jsonl")) == found


def test_without_an_answer_there_is_nothing_to_explain():
    funnel = Funnel()
    problem = Problem("u", "q", "", SOCRATIC.steps)
    assert list(gold.annotate([problem], "cot", funnel)) == []
    assert funnel.dropped == {"right answer": {"no answer": 1}}


def test_unknown_kinds():
    with pytest.raises(
        ValueError, match="no gold explanation of kind 'plan'; the kinds are cot, socratic, facts, "
    ):
        gold.annotate([], "plan")


@needs_real_data
@pytest.mark.parametrize(
    ("problems", "counts"),
    [
        (
            lambda: gsm8k.load("test", REAL / "gsm8k"),
            {"cot": 1319, "socratic": 1319, "facts": 0, "guidance_steps": 1319},
        ),
        (lambda: svamp.load("all", REAL / "svamp"), {"cot": 998, "socratic": 0, "guidance_equations": 998}),
        (
            lambda: strategyqa.load("train", REAL / "strategyqa"),
            {"cot": 1832, "socratic": 1832, "facts": 1832, "guidance_equations": 0},
        ),
    ],
)
def test_real_counts(problems, counts):
    found = problems()
    assert {kind: sum(1 for _ in gold.annotate(found, kind)) for kind in counts} == counts
