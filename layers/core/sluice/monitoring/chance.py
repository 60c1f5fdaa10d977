"""What chance alone explains: p-values of two samples of one population, and which of many count. Pure.

A reference is a sample itself, so every test compares two samples; a reference that a person wrote (``None`` rows) is
exact. Rare events have exact tails, because the tails that count here are far out, where a normal approximation is off
by orders of magnitude.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

MIN_EXPECTED: Final = 5.0
"""Values that a bin of a chi-squared test must be expected to have in the smaller sample (Cochran, 1954)."""

_NEGLIGIBLE: Final = 1e-18
"""A further term of a tail below this share of what was summed changes nothing."""


def chi_squared_tail(statistic: float, freedom: int) -> float:
    """The probability that a chi-squared variable with that many degrees of freedom exceeds the statistic.

    The finite series for whole degrees of freedom (Abramowitz and Stegun, 26.4.4 and 26.4.5).
    """
    half, odd = statistic / 2, freedom % 2
    if half <= 0:  # so is the half of the smallest positive number
        return 1.0
    tail = math.erfc(math.sqrt(half)) if odd else 0.0
    for i in range(freedom // 2):
        power = i + odd / 2
        tail += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
    return min(tail, 1.0)


def distribution_by_chance(shares: Sequence[float], reference_rows: float | None, counts: Sequence[int]) -> float:
    """The p-value of Pearson's test that two samples have the same shares.

    Bins that are too small for it are one bin.

    Args:
        shares: of the reference, by bin.
        reference_rows: values of the reference; None if its shares are exact.
        counts: values of the other sample, by bin.
    """
    seen = sum(counts)
    if not seen or (reference_rows is not None and reference_rows < 1):
        return 1.0
    smaller = seen if reference_rows is None else min(seen, reference_rows)
    known = reference_rows or 0.0
    bins = [(share, count, _pooled(share, known, count, seen)) for share, count in zip(shares, counts, strict=True)]
    large = [(share, count) for share, count, pooled in bins if pooled * smaller >= MIN_EXPECTED]
    small = [(share, count) for share, count, pooled in bins if pooled * smaller < MIN_EXPECTED]
    if small:
        rest = (sum(share for share, _ in small), sum(count for _, count in small))
        if _pooled(rest[0], known, rest[1], seen) * smaller >= MIN_EXPECTED or not large:
            large.append(rest)
        else:
            i = min(range(len(large)), key=lambda one: large[one][0])
            large[i] = (large[i][0] + rest[0], large[i][1] + rest[1])
    scale = 1 / seen + (1 / reference_rows if reference_rows else 0.0)
    statistic = math.fsum(
        (count / seen - share) ** 2 / (_pooled(share, known, count, seen) * scale) for share, count in large
    )
    return chi_squared_tail(statistic, len(large) - 1) if len(large) > 1 else 1.0


def _pooled(share: float, reference_rows: float, count: int, seen: int) -> float:
    """The share of a bin in both samples together; of an exact reference its own."""
    return (share * reference_rows + count) / (reference_rows + seen) if reference_rows else share


def share_by_chance(share: float, reference_rows: int | None, count: int, rows: int) -> float:
    """The p-value, one-sided, of a count at least so large, if the reference had this share of the same event.

    Fisher's exact test; the binomial one if the reference is exact.
    """
    if not count:
        return 1.0
    if reference_rows is None:
        return _binomial_tail(share, count, rows)
    before = round(share * reference_rows)
    return _tail(
        lambda k: (
            _log_choose(rows, k)
            + _log_choose(reference_rows, before + count - k)
            - _log_choose(rows + reference_rows, before + count)
        ),
        count,
        min(rows, before + count),
        (before + count) * rows / (rows + reference_rows),
    )


def change_by_chance(share: float, reference_rows: int | None, count: int, rows: int) -> float:
    """The p-value, two-sided, of a share that differs so much: twice the smaller tail."""
    lost = share_by_chance(1 - share, reference_rows, rows - count, rows)
    return min(1.0, 2 * min(share_by_chance(share, reference_rows, count, rows), lost))


def outside_by_chance(reference_rows: int | None, count: int, rows: int) -> float:
    """The p-value of so many values outside the range of a reference of so many values, whatever the distribution.

    The share of a continuous population that lies outside the extremes of n of its values has a Beta(2, n - 1)
    distribution, so the count is beta-binomial (Gumbel and von Schelling, 1950). Equal values only make it smaller.
    """
    if not count:
        return 1.0
    if reference_rows is None:
        return 0.0  # a range that a person wrote is meant
    if reference_rows < 2:
        return 1.0
    a, b = 2.0, reference_rows - 1.0
    return _tail(
        lambda k: _log_choose(rows, k) + _log_beta(k + a, rows - k + b) - _log_beta(a, b),
        count,
        rows,
        rows * a / (a + b),
    )


def _binomial_tail(share: float, count: int, rows: int) -> float:
    if share <= 0 or share >= 1:
        return 0.0 if share <= 0 else 1.0
    log, log_rest = math.log(share), math.log1p(-share)
    return _tail(lambda k: _log_choose(rows, k) + k * log + (rows - k) * log_rest, count, rows, rows * share)


def _tail(log_probability: Callable[[int], float], start: int, stop: int, mean: float) -> float:
    """The sum of probabilities from ``start`` to ``stop``; 1 if it begins below the mean: nobody asks there."""
    if start <= mean:
        return 1.0
    total = 0.0
    for k in range(start, stop + 1):
        term = math.exp(log_probability(k))
        total += term
        if term <= total * _NEGLIGIBLE:
            break
    return min(total, 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979), in the order given.

    Those at most alpha are the tests that count, and the chance that any of them is false is at most alpha, however
    the tests depend on one another.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    found = [1.0] * len(p_values)
    largest = 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[i]))
        found[i] = largest
    return found


def jensen_shannon(expected: Sequence[float], actual: Sequence[float]) -> float:
    """The Jensen-Shannon distance of two distributions over the same bins: 0 if they are equal, 1 if nothing overlaps.

    The square root of the divergence with logarithms to base 2 (Endres and Schindelin, 2003).
    """
    divergence = 0.0
    for e, a in zip(expected, actual, strict=True):
        middle = (e + a) / 2
        divergence += sum(share / 2 * math.log2(share / middle) for share in (e, a) if share > 0)
    return math.sqrt(max(divergence, 0.0))
