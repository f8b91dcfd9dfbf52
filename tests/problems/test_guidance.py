"""Guidance computed from gold steps."""

from pathlib import Path

import pytest

from socratic_jax.problems import gsm8k, guidance
from socratic_jax.problems.expressions import equation_holds
from socratic_jax.problems.problem import Explanation, Step

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gsm8k"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"no GSM8K files in {REAL}")


def explanation(*solutions: str) -> Explanation:
    return Explanation("cot", tuple(Step("", solution) for solution in solutions))


def test_step_count():
    assert guidance.step_count(explanation("a")) == "1 step"
    assert guidance.step_count(explanation("a", "b", "c")) == "3 steps"


@pytest.mark.parametrize(
    ("solutions", "text"),
    [
        (("She sold 48/2 = <<48/2=24>>24 clips.", "In all 48+24 = <<48+24=72>>72."), "48/2=24; 48+24=72"),
        (("8 - 2 = 6", "6 × 3 = 18"), "8-2=6; 6*3=18"),
        (("It costs $1,200 x 2 = $2,400.",), "1200*2=2400"),
        (("7 ÷ 2 = 3.5, then 3.5 − 1 = 2.5",), "7/2=3.5; 3.5-1=2.5"),
        (("2 + 3 = 10 / 2 = 5",), "2+3=10/2; 10/2=5"),
        (("Half of it is 4.",), ""),
    ],
)
def test_equations(solutions, text):
    assert guidance.equations(explanation(*solutions)) == text


def test_guidance_by_kind():
    assert guidance.guidance("steps", explanation("1 + 1 = 2")) == "1 step"
    assert guidance.guidance("equations", explanation("1 + 1 = 2")) == "1+1=2"
    with pytest.raises(ValueError, match="unknown kind of guidance 'plan'; the kinds are steps, equations"):
        guidance.guidance("plan", explanation("a"))


@needs_real_data
def test_real_equations_are_compact_and_hold():
    texts = [guidance.equations(problem.gold) for problem in gsm8k.load("test", REAL)]
    assert sum(bool(text) for text in texts) / len(texts) > 0.98
    equations = [equation for text in texts if text for equation in text.split("; ")]
    assert not any(" " in equation or "$" in equation for equation in equations)
    assert sum(equation_holds(*equation.split("=")) for equation in equations) / len(equations) > 0.995
