"""Intervals and tests for accuracies."""

import dataclasses
from collections.abc import Sequence

import numpy as np

_MANY = 1e9  # Degrees of freedom with which t is normal.


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927): sensible also near 0 and 1 and for small n.

    Returns:
      (low, high); (0, 1) for n = 0, which says nothing.
    """
    from scipy.stats import binomtest

    if n == 0:
        return 0.0, 1.0
    interval = binomtest(correct, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(a: Sequence[bool], b: Sequence[bool]) -> tuple[int, int, float]:
    """Exact paired test of two strategies on the same problems (McNemar 1947, binomial form).

    Only problems on which the two differ say anything: under the null hypothesis each of them is
    as likely to favour a as b.

    Args:
      a, b: whether each problem was solved, in the same order.

    Returns:
      (problems only a solved, problems only b solved, two-sided p-value).

    Raises:
      ValueError: the two are not of one length.
    """
    from scipy.stats import binomtest

    if len(a) != len(b):
        raise ValueError(f"paired test of {len(a)} against {len(b)} problems; they must be the same ones")
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    if only_a + only_b == 0:
        return 0, 0, 1.0
    return only_a, only_b, float(binomtest(only_a, only_a + only_b).pvalue)


def bootstrap(
    correct_SxN: np.ndarray, confidence: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """An interval of a mean accuracy that accounts for seeds and problems together.

    All seeds are scored on the same problems, so a hard problem is hard in all rows at once. The variance of
    the mean is that of the two-way analysis of variance: what problems differ by, and what seeds differ by
    beyond the noise of single answers. Drawing a few seeds with replacement would show too little of it, so
    draws of seeds and problems (Owen 2007, the pigeonhole bootstrap) only say how the interval's width is
    split between its two sides. The width is Student's with Satterthwaite's degrees of freedom, and over
    problems Wilson's: it is never zero. Few seeds make it wide, two of them very wide. With one seed nothing
    is said about other seeds.

    Args:
      correct_SxN: bool or number from 0 to 1, whether the student of seed s solved problem n.
      draws: bootstrap samples.
      seed: of the draws; the same seed gives the same interval.

    Returns:
      (low, high), within 0 and 1.
    """
    correct_SxN = np.asarray(correct_SxN, np.float64)
    mean = correct_SxN.mean()
    means = _resampled_means(correct_SxN, draws, seed)
    return _interval(mean, correct_SxN - mean, means, (0.0, 1.0), confidence)


def paired_bootstrap(
    a_SxN: np.ndarray,
    b_SxN: np.ndarray,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    inside_SxN: np.ndarray | None = None,
) -> tuple[float, float, float, float]:
    """The difference of two strategies over the same seeds and problems.

    Args:
      a_SxN, b_SxN: bool or number from 0 to 1, whether the student of seed s solved problem n.
      inside_SxN: bool, which of them count; all without it. It may differ from seed to seed: a draw's
        difference is a sum over what counts, divided once by how much that was.

    Returns:
      (mean difference a - b, low, high, p): the interval of `bootstrap`, and p of the t test with the same
      degrees of freedom. The interval leaves out zero where p < 1 - confidence, apart from skew, and from a
      handful of problems: p takes their spread around zero, as the score test does, which is more careful.

    Raises:
      ValueError: the two are not of one shape, or nothing counts.
    """
    a_SxN, b_SxN = np.asarray(a_SxN, np.float64), np.asarray(b_SxN, np.float64)
    if a_SxN.shape != b_SxN.shape:
        raise ValueError(
            f"paired comparison of {a_SxN.shape} with {b_SxN.shape} seeds and problems; they must be the same"
        )
    difference_SxN = a_SxN - b_SxN
    if inside_SxN is None:
        difference, means = difference_SxN.mean(), _resampled_means(difference_SxN, draws, seed)
        residual_SxN = difference_SxN - difference
    else:
        if not inside_SxN.any():
            raise ValueError("paired comparison of no seeds and problems; some must count")
        # Problems that never count are not drawn.
        inside_SxM = inside_SxN[:, inside_SxN.any(axis=0)]
        difference_SxM = np.where(inside_SxN, difference_SxN, 0.0)[:, inside_SxN.any(axis=0)]
        difference = difference_SxM.sum() / inside_SxM.sum()
        sums_D, counts_D = _resampled_means(np.stack([difference_SxM, inside_SxM]), draws, seed)
        means = sums_D[counts_D > 0] / counts_D[counts_D > 0]
        # What each changes in the ratio of the sums.
        residual_SxN = (difference_SxM - difference * inside_SxM) / inside_SxM.mean()
    low, high = _interval(difference, residual_SxN, means, (-1.0, 1.0), confidence)
    return float(difference), low, high, _p(difference, residual_SxN, confidence)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two accuracies on the same seeds and problems: a - b, its 95 % interval, and what p is of."""

    difference: float
    low: float
    high: float
    test: str
    p: float


def compare(a_SxN: np.ndarray, b_SxN: np.ndarray) -> Comparison:
    """`paired_bootstrap`; with one seed, p is that of the exact McNemar test.

    Args:
      a_SxN, b_SxN: bool, whether the student of seed s solved problem n.

    Raises:
      ValueError: the two are not of one shape.
    """
    difference, low, high, p = paired_bootstrap(a_SxN, b_SxN)
    if len(a_SxN) > 1:
        return Comparison(difference, low, high, "t", p)
    return Comparison(difference, low, high, "McNemar", mcnemar(a_SxN[0].tolist(), b_SxN[0].tolist())[2])


def interval(correct_SxN: np.ndarray) -> tuple[float, float]:
    """Of a mean accuracy: Wilson's with one seed, the bootstrap's with several."""
    if len(correct_SxN) == 1:
        return wilson(int(correct_SxN.sum()), correct_SxN.size)
    return bootstrap(correct_SxN)


def _interval(
    mean: float, residual_SxN: np.ndarray, means_D: np.ndarray, bounds: tuple[float, float], confidence: float
) -> tuple[float, float]:
    """Around the mean of values within bounds, as wide as t says, and as skew as the draws.

    Args:
      residual_SxN: the values less their mean.
    """
    from scipy.special import ndtri, stdtrit

    tail, N = (1 - confidence) / 2, residual_SxN.shape[1]
    # Wilson's interval has z^2 more problems, one half at each bound.
    more, middle, reach = ndtri(tail) ** 2, sum(bounds) / 2, (bounds[1] - bounds[0]) / 2
    center = (N * mean + more * middle) / (N + more)
    squares = np.sum(residual_SxN.mean(axis=0) ** 2) + more * reach**2
    variance, freedom = _with_seeds(squares / (N + more) ** 2, residual_SxN)
    width = -2 * stdtrit(freedom, tail) * np.sqrt(variance)
    low, high = np.quantile(means_D, [tail, 1 - tail])
    below = (means_D.mean() - low) / (high - low) if high > low else 0.5
    # Wilson moves the center for skew, and draws split the width for it: each side is the wider of the two.
    low, high = mean - width * below, mean + width * (1 - below)
    low, high = min(low, center - width / 2), max(high, center + width / 2)
    return float(max(bounds[0], low)), float(min(bounds[1], high))


def _p(difference: float, residual_SxN: np.ndarray, confidence: float) -> float:
    """Two-sided, that the mean difference is zero: the spread over problems is that around zero."""
    from scipy.special import ndtri, stdtr

    N = residual_SxN.shape[1]
    squares = np.sum(residual_SxN.mean(axis=0) ** 2) + ndtri((1 - confidence) / 2) ** 2
    variance, freedom = _with_seeds(squares / N**2, residual_SxN)
    return float(2 * stdtr(freedom, -abs(difference) / np.sqrt(variance + difference**2 / N)))


def _with_seeds(of_problems: float, residual_SxN: np.ndarray) -> tuple[float, float]:
    """The variance of a mean over problems and seeds, and its degrees of freedom (Satterthwaite 1946)."""
    S, N = residual_SxN.shape
    if S == 1:
        return of_problems, _MANY
    seeds, problems = np.sum(residual_SxN.mean(axis=1) ** 2) / S, np.sum(residual_SxN.mean(axis=0) ** 2) / N
    of_seeds = seeds / (S - 1)
    # What is left when seeds and problems are taken out; seeds differ by so much even if all are alike.
    noise = max(0.0, np.mean(residual_SxN**2) - seeds - problems) / ((S - 1) * max(N - 1, 1))
    variance = of_problems + max(0.0, of_seeds - noise)
    # Few seeds are often alike by chance. They count as differing by the noise at least, or else such luck
    # would make p as small as if there were many of them.
    return variance, min(_MANY, (S - 1) * (variance / max(of_seeds, noise, 1e-12)) ** 2)


def _resampled_means(x_SxN: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """The means of resampled seeds and problems, (draws); of several quantities (..., S, N) at once, which
    are drawn together, (..., draws)."""
    *P, S, N = x_SxN.shape
    rng = np.random.default_rng(seed)
    # Counts of how often each was drawn, which turns a draw into two small matrix products. Problems that
    # the seeds solve alike are drawn as one kind, as often as there are problems of it: of right and wrong
    # there are 2^S kinds at most, and thousands of problems.
    seeds_DxS = rng.multinomial(S, np.full(S, 1 / S), draws) / S
    _, first_K, of_kind_K = np.unique(x_SxN.reshape(-1, N), axis=1, return_index=True, return_counts=True)
    order_K = np.argsort(first_K)  # Of appearance: a - b and b - a are drawn alike.
    kinds_SxK, of_kind_K = x_SxN[..., first_K[order_K]], of_kind_K[order_K]
    means = np.empty((*P, draws))
    for d in range(0, draws, 256):
        kinds_DxK = rng.multinomial(N, of_kind_K / N, min(256, draws - d)) / N
        means[..., d : d + 256] = np.einsum("DK,...DK->...D", kinds_DxK, seeds_DxS[d : d + 256] @ kinds_SxK)
    return means


def holm(ps: Sequence[float]) -> list[float]:
    """P-values adjusted for being several, in their order (Holm 1979): the table as a whole errs at most as
    often as each of them would alone."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted
