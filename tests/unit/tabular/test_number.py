"""The pattern of numbers: what it takes, and that no text makes it try again and again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dataset.numbers import NUMBER


@given(st.text(alphabet=st.sampled_from("01.+-eE x"), max_size=12))
def test_a_number_is_digits_with_at_most_one_point_and_an_exponent(text: str) -> None:
    mantissa, _, exponent = text.replace("E", "e").partition("e")
    unsigned = mantissa[1:] if mantissa[:1] in ("+", "-") else mantissa
    power = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    figures = unsigned.replace(".", "", 1)
    expected = figures.isdigit() and (power.isdigit() if "e" in text.lower() else True)
    assert bool(re.fullmatch(NUMBER, text)) == expected


@pytest.mark.parametrize("tail", ["x", ".x", "e", ".5e+x"])
def test_a_long_row_of_digits_that_is_no_number_is_seen_in_one_pass(tail: str) -> None:
    """A pattern that may share the digits between two repetitions would take hours here."""
    assert not re.fullmatch(NUMBER, "1" * 1_000_000 + tail)
