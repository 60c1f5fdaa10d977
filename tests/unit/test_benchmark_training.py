from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.training import FEATURES, Measured, Trained, judge, measure, report

TUTORIAL = Trained(seconds=10.0, rounds=100, size=2048, record_microseconds=80.0, rows_seconds=0.5, log_loss=0.5)


def measured(seconds: float) -> Measured:
    """By turns: the median counts."""
    turns = [seconds / 2, seconds, 3 * seconds]
    default = [replace(TUTORIAL, seconds=one, size=4096, record_microseconds=120.0) for one in turns]
    return {"default": default, "tutorial": [TUTORIAL] * 3}


@pytest.mark.parametrize(
    ("rows", "seconds", "met"), [(1_000_000, 20.0, True), (1_000_000, 20.1, False), (50_000, 90.0, None)]
)
def test_training_on_the_largest_table_takes_at_most_twice_as_long(rows: int, seconds: float, met: bool | None) -> None:
    times, *others = judge(rows, measured(seconds))
    assert times.met is met
    assert times.value == f"{seconds / 10:.2f}x its time"
    assert [(one.value, one.met) for one in others] == [("2.00x", None), ("1.50x", None), ("1.00x", None)]


def test_the_report_has_a_line_for_each_table_and_set() -> None:
    _, *lines, _ = report({1_000: measured(2.0), 50_000: measured(8.0)})
    assert [line.split()[:4] for line in lines] == [
        ["1,000", "default", "0.5000", "2.00"],
        ["1,000", "tutorial", "0.5000", "10.00"],
        ["50,000", "default", "0.5000", "8.00"],
        ["50,000", "tutorial", "0.5000", "10.00"],
    ]


@pytest.mark.longer
def test_models_are_trained_as_their_jobs_do_it() -> None:
    found = measure(300, 1)
    for (trained,) in found.values():
        assert 0 < trained.log_loss < 0.7
        assert trained.rounds > 0
        assert trained.size > FEATURES
    assert found["default"][0].rounds > found["tutorial"][0].rounds
