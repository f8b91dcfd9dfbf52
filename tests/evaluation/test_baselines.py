"""Bars that need no teaching."""

import dataclasses

from socratic_jax.evaluation.baselines import NAMES, is_baseline, majority
from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.problems.problem import Problem
from socratic_jax.transcripts.strategies import STRATEGIES
from tests.conftest import make_problems


def _learnt(*answers):
    return [Problem(str(i), "How many?", answer) for i, answer in enumerate(answers)]


def test_the_commonest_training_answer_is_given_to_all():
    problems = make_problems(20)
    answer = problems[3].answer
    found = majority(problems, _learnt("1000", answer, "", answer, ""))
    assert [p.answer for p in found] == [answer] * 20 and {p.n_tokens for p in found} == {0}
    assert [p.correct for p in found] == [p.answer == answer for p in problems]
    assert [p.gold_steps for p in found] == [len(p.steps) for p in problems]
    assert all(Prediction.from_dict(p.to_dict()) == p for p in found)


def test_of_equally_common_answers_the_first_is_given():
    for answers in (("5", "7"), ("7", "5"), ("7", "5", "5", "7")):
        assert {p.answer for p in majority(make_problems(2), _learnt(*answers))} == {answers[0]}
    assert majority(make_problems(2), _learnt("", "")) == []


def test_yes_and_no_are_answers():
    yes, no = Problem("a", "Is ice cold?", "yes"), Problem("b", "Is fire?", "no")
    found = majority([yes, no], [yes, no, dataclasses.replace(no, id="c")])
    assert [p.correct for p in found] == [False, True]


def test_names():
    assert set(NAMES) & set(STRATEGIES) == set() and not is_baseline("cot") and not is_baseline("cot@4")
    assert is_baseline("majority_answer") and is_baseline("untrained_cot")
    assert not is_baseline("untrained_oracle_questions")
