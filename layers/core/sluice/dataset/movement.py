"""Numbers that count time or cases: what they count, and how far a file has moved on. Pure.

A year, a month, a time since 1970 and a counter are other numbers in every file. A contract holds them to their unit
and to how far they move, and not to their distribution.
"""

from __future__ import annotations

import datetime
from typing import Final, Literal

from sluice.dataset.dates import EPOCH

type Moves = Literal["calendar", "counter", "cycle"]
"""``calendar``: time that goes on; ``counter``: numbers of cases that go on; ``cycle``: a month, weekday or quarter."""

type Unit = Literal["seconds", "milliseconds", "microseconds", "nanoseconds", "years", "months", "days"]
"""Seconds to nanoseconds since 1970; years such as 2026; months and days as digits such as 202611 and 20261123."""

_PLAUSIBLE: Final = (datetime.date(2000, 1, 1), datetime.date(2040, 1, 1))
"""Times since 1970 are recognised between these days."""

_SECONDS: Final = tuple((day - EPOCH).days * 86_400 for day in _PLAUSIBLE)
_YEAR_OF_SECONDS: Final = 31_556_952
_A_YEAR: Final[dict[Unit, float]] = {
    "seconds": _YEAR_OF_SECONDS,
    "milliseconds": _YEAR_OF_SECONDS * 1e3,
    "microseconds": _YEAR_OF_SECONDS * 1e6,
    "nanoseconds": _YEAR_OF_SECONDS * 1e9,
    "years": 1,
    "months": 100,
    "days": 10_000,
}
_RANGES: Final[dict[Unit, tuple[float, float]]] = {
    "seconds": (_SECONDS[0], _SECONDS[1]),
    "milliseconds": (_SECONDS[0] * 1e3, _SECONDS[1] * 1e3),
    "microseconds": (_SECONDS[0] * 1e6, _SECONDS[1] * 1e6),
    "nanoseconds": (_SECONDS[0] * 1e9, _SECONDS[1] * 1e9),
    "years": (1900, 2100),
    "months": (190_001, 210_012),
    "days": (19_000_101, 21_001_231),
}
EPOCHS: Final[tuple[Unit, ...]] = ("seconds", "milliseconds", "microseconds", "nanoseconds")


def unit_of(least: float, greatest: float) -> Unit | None:
    """What numbers count if they are times; None if they are out of the range of each unit."""
    return next((unit for unit, (low, high) in _RANGES.items() if low <= least and greatest <= high), None)


def year_of(unit: Unit | None) -> float:
    """How much a year is in a unit; 0 if there is none."""
    return _A_YEAR[unit] if unit else 0.0
