from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sluice.runs.aws.ledger import Deployed, is_after
from tests.messages import GOOD

SEQUENCERS = st.text("0123456789ABCDEFabcdef", min_size=1, max_size=24)


@given(SEQUENCERS, SEQUENCERS)
def test_sequencers_are_ordered_as_numbers_whatever_their_length(one: str, other: str) -> None:
    assert is_after(one, other) == (int(one, 16) > int(other, 16))


def test_a_sequencer_says_nothing_about_another_key_or_where_one_is_not_known() -> None:
    later = "ZZ"  # as text after any moment
    for of_object in ({"key": "another", "sequencer": "00"}, {"key": GOOD.run.key, "sequencer": ""}):
        assert Deployed("000000000001", "c", later, **of_object).is_newer_than(GOOD.run)
        assert not Deployed("000000000001", "c", "", **of_object).is_newer_than(GOOD.run)
