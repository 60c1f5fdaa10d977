"""Ids of predictions. Pure.

An id is 20 characters for the request and four for the record's position in it, such as
``01k6l8il134k2m9q7t5v-0000``. The first ten of the 20 are the time in milliseconds, as in a UUID of version 7
(RFC 9562), so that ids sort by time as texts; the other ten are random. Nothing of the record is in it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
"""Base 32 whose texts sort as the numbers do (RFC 4648, section 7)."""
_DIGIT_BITS: Final = 5
_TIME_DIGITS: Final = 10
_RANDOM_DIGITS: Final = 10


def new_ids(at: datetime, count: int, random_bits: Callable[[int], int] = secrets.randbits) -> list[str]:
    """Ids of the records of one request, in their order.

    Args:
        at: when the request was answered.
        count: of its records, at most 10,000.
    """
    milliseconds = int(at.timestamp() * 1000)
    request = _written(milliseconds, _TIME_DIGITS) + _written(random_bits(_DIGIT_BITS * _RANDOM_DIGITS), _RANDOM_DIGITS)
    return [f"{request}-{position:04d}" for position in range(count)]


def _written(number: int, digits: int) -> str:
    shifts = range(_DIGIT_BITS * (digits - 1), -1, -_DIGIT_BITS)
    return "".join(_DIGITS[number >> shift & (len(_DIGITS) - 1)] for shift in shifts)
