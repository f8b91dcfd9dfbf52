"""Problems and explanations as turns."""

import dataclasses

import pytest

from socratic_jax.problems.problem import Explanation, Problem, ProblemError, Step
from socratic_jax.transcripts.roles import Role, Turn
from socratic_jax.transcripts.strategies import STRATEGIES
from socratic_jax.transcripts.transcript import strip_annotations, transcript

PROBLEM = Problem("p1", "How many?", "3", (Step("First?", "1+1=<<1+1=2>>2"), Step("Then?", "2+1=3")))
P, Q, S, A = Role.PROBLEM, Role.QUESTION, Role.SOLUTION, Role.ANSWER


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("answer_only", [P, A]),
        ("cot", [P, S, S, A]),
        ("socratic_unified", [P, Q, S, Q, S, A]),
        ("socratic_iterative", [P, Q, S, Q, S, A]),
        ("socratic_weaned", [P, Q, S, Q, S, A]),
    ],
)
def test_each_strategy_has_its_turns(name, roles):
    turns = transcript(PROBLEM, PROBLEM.gold, STRATEGIES[name])
    assert [turn.role for turn in turns] == roles
    assert turns[0] == Turn(P, "How many?") and turns[-1] == Turn(A, "3")


def test_annotations_are_kept_or_removed():
    kept = transcript(PROBLEM, PROBLEM.gold, STRATEGIES["cot"])
    removed = transcript(PROBLEM, PROBLEM.gold, STRATEGIES["cot"], annotations=False)
    assert kept[1].text == "1+1=<<1+1=2>>2" and removed[1].text == "1+1=2"
    assert strip_annotations("5 < 6 and <<2*3=6>>6") == "5 < 6 and 6"


def test_missing_steps_and_questions_are_named():
    bare = dataclasses.replace(PROBLEM, steps=())
    with pytest.raises(ProblemError, match="'p1' has no steps, which strategy 'cot'"):
        transcript(bare, bare.gold, STRATEGIES["cot"])
    silent = Explanation("cot", (Step("", "1+1=2"),))
    with pytest.raises(ProblemError, match="'p1' has a step without a 'subquestion'"):
        transcript(PROBLEM, silent, STRATEGIES["socratic_unified"])
    # Answers alone need neither.
    assert len(transcript(bare, bare.gold, STRATEGIES["answer_only"])) == 2
