"""Sub-questions against the gold ones."""

import dataclasses

import pytest

from socratic_jax.evaluation.predictions import Prediction
from socratic_jax.evaluation.questions import compare_questions, operations, way
from socratic_jax.problems.problem import Step
from tests.conftest import make_problems


def _prediction(problem, questions, solutions):
    turns = []
    for question, solution in zip(questions, solutions, strict=True):
        turns += [{"role": "question", "text": question}, {"role": "solution", "text": solution}]
    turns.append({"role": "answer", "text": problem.answer})
    return Prediction(
        problem.id, problem.question, problem.answer, 1, None, False, "answered", 9, tuple(turns)
    )


def _gold(problem):
    return _prediction(problem, *zip(*((s.subquestion, s.solution) for s in problem.steps), strict=True))


@pytest.mark.parametrize(
    ("solutions", "expected"),
    [
        (["48/2 = <<48/2=24>>24", "24+48=72"], "/+"),
        (["(2 + 3) x 4 = 20"], "+*"),
        (["5 * -2 = -10"], "*"),
        (["$1,200 ÷ 3 = $400"], "/"),
        (["half of them is 24"], ""),
    ],
)
def test_operations(solutions, expected):
    assert operations(solutions) == expected


def test_gold_questions_are_perfect():
    problems = make_problems(20)
    result = compare_questions("test", "x", [_gold(p) for p in problems], problems)
    assert result.n == 20 and result.bleu == pytest.approx(100)
    assert (result.same_number, result.same_operations) == (1, 1)
    assert result.questions == result.gold_questions == sum(len(p.steps) for p in problems) / 20


def test_each_figure_falls_by_itself():
    problems = make_problems(20)
    gold = [_gold(p) for p in problems]

    def changed(change):
        return compare_questions(
            "test", "x", [change(g, p) for g, p in zip(gold, problems, strict=True)], problems
        )

    other_words = changed(lambda g, p: _prediction(p, ["Why?"] * len(p.steps), [s.solution for s in p.steps]))
    assert other_words.bleu < 5 and other_words.same_number == other_words.same_operations == 1
    one_less = changed(lambda g, p: dataclasses.replace(g, turns=g.turns[2:]))
    assert one_less.same_number == 0 and one_less.same_operations == 0
    minus = changed(
        lambda g, p: _prediction(
            p, [s.subquestion for s in p.steps], [s.solution.replace("+", "-") for s in p.steps]
        )
    )
    assert minus.bleu == pytest.approx(100) and minus.same_number == 1 and minus.same_operations == 0


def test_who_asks_nothing_is_not_compared():
    problems = make_problems(3)
    silent = [dataclasses.replace(_gold(p), turns=()) for p in problems]
    assert compare_questions("test", "cot", silent, problems) is None
    bare = [dataclasses.replace(p, steps=()) for p in problems]
    assert compare_questions("test", "x", [_gold(p) for p in problems], bare) is None


@pytest.mark.parametrize(
    ("solutions", "expected"),
    [
        (["2+3=5", "5*4=20"], "gold"),
        (["1+1=2", "9*9=81"], "gold"),
        (["2+3=5"], "early"),
        ([], "early"),
        (["2+3=5", "5*4=20", "20-1=19"], "late"),
        (["2+3=5", "So it is 5"], "other"),
        (["5*4=20"], "other"),
        (["2*3=6", "6+4=10", "10-1=9"], "other"),
    ],
)
def test_way(solutions, expected):
    problem = make_problems(1)[0]
    steps = (Step("How many?", "2+3=5"), Step("And then?", "5*4=20"))
    prediction = _prediction(problem, ["Which?"] * len(solutions), solutions)
    assert way(prediction, steps) == expected
    assert way(prediction, (Step("Is it?", "It is."),)) == way(prediction, ()) == ""
