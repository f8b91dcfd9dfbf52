"""Intervals and tests for accuracies."""

from collections.abc import Sequence


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
