"""Intervals and tests against published values and their own definitions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.evaluation.statistics import mcnemar, wilson


def test_wilson_equals_published_values():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    for correct, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(correct, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_solves_its_equation(correct, n):
    correct = min(correct, n)
    p = correct / n
    for bound in wilson(correct, n):
        if 0 < bound < 1:
            z = (p - bound) / math.sqrt(bound * (1 - bound) / n)
            assert abs(z) == pytest.approx(1.959964, abs=1e-4)


def test_wilson_of_nothing_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_mcnemar_is_the_sign_test_on_the_differences(pairs):
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    only_a, only_b, p = mcnemar(a, b)
    n, k = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    assert p == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(b, a) == (only_b, only_a, pytest.approx(p))


def test_mcnemar_wants_the_same_problems():
    with pytest.raises(ValueError, match="2 against 1 problems"):
        mcnemar([True, False], [True])
