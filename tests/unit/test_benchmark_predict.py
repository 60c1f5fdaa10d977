from __future__ import annotations

import pytest

from benchmarks.predict import Times, judge


@pytest.mark.parametrize(("predict", "met"), [(25.0, True), (25.1, False)])
def test_what_predict_adds_to_the_endpoint_is_held_to_its_limit(predict: float, met: bool) -> None:
    times = Times(
        predict=[1.0, predict, 99.0],
        kept=[1.0, predict + 12, 99.0],
        endpoint=[1.0, 10.0, 99.0],
        nothing=[8.0, 8.0, 8.0],
    )
    floor, added, by_keeping = judge(times)
    assert (floor.met, by_keeping.met, by_keeping.value) == (None, None, "12.0 ms")
    assert added.met is met
    assert "less endpoint" in added.name
