"""Intervals and tests against published values and their own definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_jax.evaluation.statistics import (
    bootstrap,
    holm,
    interval,
    mcnemar,
    paired_bootstrap,
    wilson,
)


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


def test_with_one_seed_the_bootstrap_is_the_usual_interval():
    right_1xN = np.arange(1000)[None] < 300
    low, high = bootstrap(right_1xN, draws=20_000)
    error = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert (low, high) == pytest.approx((0.3 - error, 0.3 + error), abs=0.002)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits, trials = 0, 200
    for trial in range(trials):
        skill_Sx1 = rng.normal(0, 0.5, (6, 1))
        hardness_N = rng.normal(0, 1.0, 150)
        right_SxN = rng.random((6, 150)) < 1 / (1 + np.exp(-(skill_Sx1 - hardness_N)))
        low, high = bootstrap(right_SxN, draws=400, seed=trial)
        hits += low <= 0.5 <= high  # By symmetry, half of all problems are solved by the mean student.
    assert 0.90 <= hits / trials <= 1


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(0)
    same_SxN = np.tile(rng.random(200) < 0.5, (4, 1))
    shares = np.array([0.2, 0.4, 0.6, 0.8])
    differing_SxN = rng.random((4, 200)) < shares[:, None]
    width = lambda x: float(np.diff(bootstrap(x))[0])  # noqa: E731
    assert width(differing_SxN) > 1.5 * width(same_SxN)


@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 2**31))
def test_the_paired_bootstrap_is_antisymmetric(S, N, seed):
    rng = np.random.default_rng(seed)
    a_SxN, b_SxN = rng.random((2, S, N)) < 0.5
    difference, low, high, p = paired_bootstrap(a_SxN, b_SxN, draws=200)
    assert paired_bootstrap(b_SxN, a_SxN, draws=200) == pytest.approx((-difference, -high, -low, p))
    assert -1 <= low <= difference <= high <= 1 and low < high and 0 < p <= 1


def _trials(trials, S, deviation, gain=0.0, seed=0):
    """Two strategies on the same 300 problems, the first better by a gain; seeds differ in their skill."""
    rng = np.random.default_rng(seed)
    ease = 0.2 + 0.6 * rng.beta(1.5, 1.5, (trials, 1, 1, 300))
    skill = rng.normal(0, deviation, (trials, 2, S, 1)) + np.array([gain / 2, -gain / 2])[:, None, None]
    return rng.random((trials, 2, S, 300)) < ease + skill


@pytest.mark.parametrize("deviation", [0, 0.03, 0.1, 0.3])
@pytest.mark.parametrize("S", [2, 3])
def test_few_seeds_find_no_difference_where_there_is_none(S, deviation):
    trials = [paired_bootstrap(a, b, draws=100) for a, b in _trials(400, S, deviation)]
    _, low_T, high_T, p_T = np.array(trials).T
    assert np.mean(p_T < 0.05) <= 0.08
    assert np.mean((low_T <= 0) & (high_T >= 0)) >= 0.92
    # Correction for many tests asks for small p, and luck does not make them.
    assert np.mean(p_T < 0.001) <= 0.0025


@pytest.mark.parametrize("S", [1, 2, 3, 5])
def test_the_interval_and_the_test_agree_apart_from_skew(S):
    trials = [paired_bootstrap(a, b, draws=200) for a, b in _trials(100, S, 0.02, gain=0.1)]
    for _, low, high, p in trials:
        if p < 0.01:
            assert low > 0 or high < 0
        if p > 0.08:
            assert low <= 0 <= high


def test_hundreds_of_tests_can_be_significant_together():
    real = [paired_bootstrap(a, b, draws=10)[3] for a, b in _trials(50, 5, 0.02, gain=0.4)]
    none = [paired_bootstrap(a, b, draws=10)[3] for a, b in _trials(450, 5, 0.02)]
    adjusted = np.array(holm([*real, *none]))
    assert np.mean(adjusted[:50] < 0.05) > 0.5 and np.all(adjusted[50:] > 0.05)


def test_p_is_of_the_t_test_where_only_seeds_differ():
    # Two degrees of freedom have p = 1 - t / sqrt(t^2 + 2) and a 95 % quantile of 4.3027; t is 1.9640.
    # So many problems add nothing.
    difference_SxN = np.repeat([[0.1], [0.2], [0.6]], 100_000, axis=1)
    difference, low, high, p = paired_bootstrap(difference_SxN, np.zeros_like(difference_SxN), draws=10)
    assert (difference, p) == pytest.approx((0.3, 0.1885), abs=1e-3)
    assert low <= -0.357 and high >= 0.957


@pytest.mark.parametrize("S", [1, 2, 3])
def test_nothing_that_varies_is_not_nothing_to_learn(S):
    for value in (0, 1):
        same_SxN = np.full((S, 5), value)
        assert interval(same_SxN) == pytest.approx(wilson(5 * value, 5))
        assert bootstrap(same_SxN) == pytest.approx(wilson(5 * value, 5))
    # Wilson's bound of no difference in five, on both sides.
    bound = wilson(0, 5)[1]
    assert paired_bootstrap(same_SxN, same_SxN) == pytest.approx((0, -bound, bound, 1))
    _, low, high, p = paired_bootstrap(same_SxN, 1 - same_SxN)
    assert low < high == 1 and p > 0.05  # All of five can be chance: the exact test says 0.0625.


def test_the_paired_bootstrap_wants_the_same_problems():
    with pytest.raises(ValueError, match="must be the same"):
        paired_bootstrap(np.ones((2, 3)), np.ones((2, 4)))


def test_holm_equals_published_values():
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"), and Holm 1979 by hand.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_what_does_not_count_is_left_out_of_the_paired_bootstrap():
    rng = np.random.default_rng(3)
    a_SxN, b_SxN = rng.random((2, 3, 80)) < 0.5
    part_N = np.arange(80) < 30
    inside_SxN = np.broadcast_to(part_N, (3, 80))
    some = paired_bootstrap(a_SxN, b_SxN, inside_SxN=inside_SxN)
    assert some == pytest.approx(paired_bootstrap(a_SxN[:, part_N], b_SxN[:, part_N]))
    # Whatever differs from seed to seed is a ratio of sums.
    inside_SxN = rng.random((3, 80)) < 0.4
    difference, low, high, _ = paired_bootstrap(a_SxN, b_SxN, inside_SxN=inside_SxN)
    assert difference == pytest.approx(a_SxN[inside_SxN].mean() - b_SxN[inside_SxN].mean())
    assert low < difference < high
    with pytest.raises(ValueError, match="some must count"):
        paired_bootstrap(a_SxN, b_SxN, inside_SxN=np.zeros((3, 80), bool))
