import pytest

from socratic_jax.reporting.wrong_step import FALSE, FOREIGN, first_wrong, gold_results

GOLD = gold_results(["3 + 4 = <<3+4=7>>7 pens", "7*2=14, and 14-1 = 13", "So 13."])


def test_gold_results_are_all_that_the_steps_come_to():
    assert sorted(GOLD) == ["13", "14", "7"]


@pytest.mark.parametrize(
    ("solutions", "expected"),
    [
        (["3+4=7", "7*2 = 14", "14 - 1 = 13"], None),
        (["3+4=7", "7*2 = 15"], (1, FALSE)),
        (["4+4=8", "7*2 = 15"], (0, FOREIGN)),
        (["She has 7 pens.", "That makes 20."], (1, FOREIGN)),
        (["No number at all.", "3 + 4 = 7.0"], None),
        ([], None),
    ],
)
def test_first_wrong(solutions, expected):
    assert first_wrong(solutions, GOLD) == expected


def test_without_gold_steps_arithmetic_alone_is_judged():
    assert first_wrong(["4+4=8", "She has 99.", "1+1=3"], frozenset()) == (2, FALSE)
