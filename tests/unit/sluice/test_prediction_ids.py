from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sluice.prediction.ids import new_ids

AT = datetime(2026, 11, 5, 7, 8, 9, 123000, tzinfo=UTC)


def test_an_id_is_time_chance_and_position() -> None:
    assert new_ids(AT, 2, lambda bits: 2**bits - 1) == ["01k6l8il13vvvvvvvvvv-0000", "01k6l8il13vvvvvvvvvv-0001"]
    assert int("01k6l8il13", 32) == AT.timestamp() * 1000


@given(
    seconds=st.floats(0.001, 1e8),
    early=st.integers(0, 2**50 - 1),
    late=st.integers(0, 2**50 - 1),
)
def test_ids_sort_by_time_whatever_chance_gives(seconds: float, early: int, late: int) -> None:
    later = AT + timedelta(seconds=seconds)
    assert new_ids(AT, 1, lambda _: early)[0] < new_ids(later, 1, lambda _: late)[0]


def test_ids_of_a_request_sort_by_position_and_no_other_has_them() -> None:
    ids = new_ids(AT, 10_000)
    assert ids == sorted(ids)
    assert len({*ids, *new_ids(AT, 10_000)}) == 20_000
