from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.burst import Burst, judge

GOOD = Burst(
    uploads=200,
    alone=[2.0, 4.0, 3.0],
    overhead=[1.0, 2.0, 1.5],
    all=300.0,
    transitions=[30, 40, 50],
    outcomes={"deployed": 180, "dataset_rejected": 20},
    wrong=[],
    peak_mib=1000.0,
)


def test_the_share_of_a_run_and_the_price_of_its_transitions_are_told_and_not_judged() -> None:
    share, price, *_ = judge(GOOD)
    assert (share.value, share.met) == ("0.50", None)
    assert (price.value, price.met) == ("40, 0.0010 USD", None)


def test_one_run_that_is_lost_misses_the_limit() -> None:
    right, _ = judge(replace(GOOD, wrong=["7.csv ended as lost"]))[2:]
    assert (right.value, right.met) == ("199 of 200", False)
    assert judge(GOOD)[2].met is True


@pytest.mark.parametrize(("overhead", "met"), [(2.99, True), (3.0, False)])
def test_the_overhead_is_held_to_its_limit(overhead: float, met: bool) -> None:
    *_, last = judge(replace(GOOD, overhead=[0.1, overhead, 9.0]))
    assert last.met is met
