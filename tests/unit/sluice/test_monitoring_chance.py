from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]
from scipy.spatial import distance  # type: ignore[import-untyped]

from sluice.monitoring.chance import (
    adjusted,
    change_by_chance,
    chi_squared_tail,
    distribution_by_chance,
    jensen_shannon,
    outside_by_chance,
    share_by_chance,
)
from tests.search import examples

COUNTS = st.integers(0, 3000)


@settings(max_examples=examples(200), deadline=None)
@given(st.floats(0, 400), st.integers(1, 101))
@example(5e-324, 2)
def test_the_tail_of_chi_squared_is_scipys(statistic: float, freedom: int) -> None:
    assert chi_squared_tail(statistic, freedom) == pytest.approx(
        stats.chi2.sf(statistic, freedom), rel=1e-9, abs=1e-300
    )


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(st.integers(50, 2000), st.integers(50, 2000)), min_size=2, max_size=12))
def test_a_difference_of_two_distributions_has_the_p_value_of_scipys_test(rows: list[tuple[int, int]]) -> None:
    before, after = zip(*rows, strict=True)
    assume(stats.contingency.expected_freq([before, after]).min() > 5.001)
    shares = [count / sum(before) for count in before]
    wanted = stats.chi2_contingency([before, after], correction=False).pvalue
    assert distribution_by_chance(shares, sum(before), after) == pytest.approx(wanted, rel=1e-6, abs=1e-250)


def test_exact_shares_are_tested_as_scipys_goodness_of_fit() -> None:
    wanted = stats.chisquare([40, 70, 90], np.array([0.25, 0.25, 0.5]) * 200).pvalue
    assert distribution_by_chance([0.25, 0.25, 0.5], None, [40, 70, 90]) == pytest.approx(wanted)


def test_bins_that_are_too_small_are_one_bin() -> None:
    wanted = stats.chi2_contingency([[500, 490, 10], [180, 192, 28]], correction=False).pvalue
    shares = [0.5, 0.49, 0.004, 0.003, 0.003]
    assert distribution_by_chance(shares, 1000, [180, 192, 20, 4, 4]) == pytest.approx(wanted)


def test_one_bin_and_no_value_tell_nothing() -> None:
    assert distribution_by_chance([1.0], 500, [300]) == 1
    assert distribution_by_chance([0.5, 0.5], 500, [0, 0]) == 1
    assert distribution_by_chance([0.5, 0.5, 0], 500, [2, 1, 0]) > 0.5


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(2, 3000), st.integers(1, 3000), st.data())
def test_a_share_that_rose_has_the_p_value_of_fishers_exact_test(before: int, rows: int, data: st.DataObject) -> None:
    had, count = data.draw(st.integers(0, before)), data.draw(st.integers(1, rows))
    wanted = stats.fisher_exact([[count, rows - count], [had, before - had]], alternative="greater").pvalue
    found = share_by_chance(had / before, before, count, rows)
    if count > (had + count) * rows / (rows + before):
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-250)
    else:
        assert found == 1  # it did not rise


@pytest.mark.parametrize(("share", "count", "rows"), [(0.01, 9, 300), (0.4, 150, 300), (0.9, 299, 300)])
def test_an_exact_share_is_tested_by_the_binomial(share: float, count: int, rows: int) -> None:
    wanted = stats.binomtest(count, rows, share, alternative="greater").pvalue
    assert share_by_chance(share, None, count, rows) == pytest.approx(wanted)


def test_a_share_that_fell_counts_as_one_that_rose() -> None:
    fell = change_by_chance(0.3, 1000, 40, 300)
    assert fell == pytest.approx(2 * stats.fisher_exact([[40, 260], [300, 700]], alternative="less").pvalue)
    assert change_by_chance(0.3, 1000, 90, 300) == 1


@pytest.mark.parametrize(("before", "count", "rows"), [(1000, 5, 300), (50, 30, 300), (100_000, 40, 1_000_000)])
def test_values_outside_the_range_are_beta_binomial(before: int, count: int, rows: int) -> None:
    wanted = stats.betabinom(rows, 2, before - 1).sf(count - 1)
    expected = count > rows * 2 / (before + 1)
    assert outside_by_chance(before, count, rows) == (pytest.approx(wanted, rel=1e-6) if expected else 1)


def test_values_outside_the_range_of_a_sample_are_as_many_as_the_rule_says() -> None:
    """Of any continuous distribution: here of a skewed one."""
    rng = np.random.default_rng(4)
    before = rng.lognormal(size=(4000, 60))
    later = rng.lognormal(size=(4000, 80))
    outside = (later > before.max(axis=1)[:, None]).sum(axis=1) + (later < before.min(axis=1)[:, None]).sum(axis=1)
    for count in (6, 9, 12):
        share = float((outside >= count).mean())
        assert share == pytest.approx(outside_by_chance(60, count, 80), abs=4 * math.sqrt(share / 4000))


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holms_adjusted_p_values_hold_the_chance_of_any_false_finding(p_values: list[float]) -> None:
    found = adjusted(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = [min(1.0, (len(p_values) - place) * p_values[i]) for place, i in enumerate(order)]
    wanted = np.maximum.accumulate(steps)
    assert [found[i] for i in order] == pytest.approx(list(wanted))


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=12).filter(
        lambda rows: all(map(sum, zip(*rows, strict=True)))
    )
)
def test_the_jensen_shannon_distance_is_scipys(rows: list[tuple[int, int]]) -> None:
    before, after = ([count / sum(counts) for count in counts] for counts in zip(*rows, strict=True))
    wanted = float(distance.jensenshannon(before, after, base=2))
    assert jensen_shannon(before, after) == pytest.approx(0.0 if math.isnan(wanted) else wanted, abs=1e-6)
