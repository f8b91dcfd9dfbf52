import pytest

from socratic_jax.problems import sources
from socratic_jax.problems.distractors import unused_numbers
from socratic_jax.problems.problem import Problem, Step


@pytest.mark.parametrize(
    ("question", "solutions", "expected"),
    [
        ("Ann, 7, has 3 pens and buys 4.", ["3+4=7"], 0),
        ("Ann, who is 9, has 3 pens and buys 4.", ["3+4=7"], 1),
        ("Ann has 1,200 pens and 5 cats.", ["1200/2=600"], 1),
        ("40% of 50", ["50*.40=20"], 0),
        ("It costs $5.00.", ["5*2=10"], 0),
        ("On her 30th birthday at 3:30 Ann, in room A4, has 1 pen and 1/2 a cake.", ["2+2=4"], 0),
        ("Ann has 9 pens.", [], 0),
    ],
)
def test_unused_numbers(question, solutions, expected):
    steps = tuple(Step("", solution) for solution in solutions)
    assert unused_numbers(Problem("p", question, "1", steps)) == expected


def test_generated_problems_have_at_least_as_many_distractors_and_mostly_just_as_many():
    problems = sources.load("arithmetic", "test", limit=300, level="hard")
    found = [(unused_numbers(problem), problem.meta["distractors"]) for problem in problems]
    assert all(seen <= told for seen, told in found)
    assert sum(seen == told for seen, told in found) > 0.85 * len(found)
