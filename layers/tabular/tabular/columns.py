"""What kind of values each column holds, and what a person should know of them.

A column's kind is read off all of its rows: nearly all numbers is a number column, whose other cells are mistakes of
their rows. Levels, constants and identifiers are learned later, on the training part alone (``fit``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

from sluice.dataset.dates import ISO, NUMBER_LIKE, DateForm
from sluice.dataset.numbers import Duration, Notation, Quantity, is_number_like
from sluice.dataset.recipe import BOOLEAN_PAIRS, FLOAT32_MAX
from tabular.dates import dates_as_numbers, read_dates
from tabular.findings import Finding, Rule
from tabular.forms import unread_text
from tabular.notation import KIND_SHARE, best_numbers, is_code
from tabular.spellings import spelling_warning

_MIXED_SHARE: Final = 0.5
_FLOAT32_WHOLE: Final = 1 << 24

_MIN_BANDS: Final = 3
"""Ranges that a column must have: two are the two sides of one limit, and lose nothing as categories."""
_REPEATED_SHARE: Final = 0.9
"""Of the values that differ: with more of them, what looks like a range may be a number with a hyphen."""


class Kind(StrEnum):
    EMPTY = "empty"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True)
class Reading:
    """How a column's cells are taken while the file is gone through: as numbers, dates or text.

    ``asked``: all forms of its cells are counted, so that another reading may turn out to fit better.
    """

    kind: Kind
    notation: Notation = "plain"
    form: Quantity | Duration | None = None
    date: DateForm = ISO
    asked: bool = False

    @property
    def may_be_code(self) -> bool:
        """Whether the cells may be plain numbers or texts, as those of an identifier are."""
        is_plain = self.kind is Kind.NUMBER and self.notation == "plain" and self.form is None
        return is_plain or self.kind is Kind.TEXT


def reading_of(forms: Mapping[str, int], delimiter: bytes, *, asked: bool, codes: bool = True) -> Reading:
    """The reading that fits the forms of a column's cells (see ``forms.count_forms``).

    ``codes``: digits may be codes, which are text; otherwise they are numbers.
    """
    dates = read_dates(forms)
    if dates and dates.form.format in NUMBER_LIKE:  # such dates are plain numbers or codes, too
        return Reading(Kind.DATE, date=dates.form, asked=asked)
    if codes and is_code(forms):
        return Reading(Kind.TEXT, asked=asked)
    filled = forms["filled"]
    numbers = best_numbers(forms, delimiter)
    if numbers.count and numbers.count + forms["special"] >= KIND_SHARE * filled:
        return Reading(Kind.NUMBER, notation=numbers.notation, form=numbers.form, asked=asked)
    if dates:
        return Reading(Kind.DATE, date=dates.form, asked=asked)
    return Reading(Kind.TEXT, asked=asked)


def is_pair(levels: Sequence[str]) -> bool:
    """Whether the levels are two words for no and yes, whatever their case."""
    words = sorted({level.lower() for level in levels})
    return len(words) == 2 and (words[0], words[1]) in BOOLEAN_PAIRS


@dataclass(frozen=True)
class Profile:
    """Facts of one column over the rows that were not rejected.

    ``least`` and ``greatest`` of dates are days since 1970-01-01.
    ``whole``: every number is; ``integer``: and a double holds it exactly. ``constant``: there is one value only,
    blanks apart. ``levels`` are the different texts of a text column: ``cell``, ``rows``, ``train`` (rows of the
    training part), commonest in training first. If they are not ``exact``, these are the commonest, and ``distinct``
    is an estimate. ``merged``: all spellings of a level are one.
    """

    position: int
    name: str
    rows: int
    filled: int
    kind: Kind
    notation: Notation = "plain"
    form: Quantity | Duration | None = None
    date: DateForm = ISO
    forms: Mapping[str, int] | None = None
    doubt: str | None = None
    least: float | None = None
    greatest: float | None = None
    whole: bool = False
    timed: bool = False
    constant: bool = False
    distinct: float = 0
    all_different: bool = False
    counts_rows: bool = False
    levels: pl.DataFrame | None = None
    exact: bool = True
    merged: bool = False

    @property
    def missing(self) -> int:
        return self.rows - self.filled

    @property
    def largest(self) -> float:
        return max(abs(self.least or 0), abs(self.greatest or 0))

    @property
    def integer(self) -> bool:
        return self.whole and self.largest < 1e15


def header_looks_like_data(
    names: Sequence[str], readings: Sequence[Reading], held: Sequence[bool | None], missing: Sequence[str]
) -> bool:
    """Whether the first row reads as one more row of the table: numbers over numbers, words that the columns hold.

    Args:
        names: the first row's cells.
        readings: of the columns below them.
        held: whether the column holds the name as a value; None for numbers and for columns of too many values.
        missing: cells that mean: no value.
    """
    numbers = [(name, reading) for name, reading in zip(names, readings, strict=True) if reading.kind is Kind.NUMBER]
    if not all(is_number_like(name, reading.notation, reading.form) or name in missing for name, reading in numbers):
        return False
    words = [answer for answer in held if answer is not None]
    if not words:
        return any(name not in missing for name, _ in numbers)
    return 2 * sum(words) >= len(words)


def _is_mixed(name: str, forms: Mapping[str, int]) -> bool:
    """Whether many, but not nearly all, of a text column's values are numbers, and nothing else is said of them."""
    many = forms["plain"] >= _MIXED_SHARE * forms["filled"]
    return many and not is_code(forms) and not list(unread_text(name, forms))


_DOUBTS: Final = {
    Kind.DATE: Rule.DATE_FORMAT,
    Kind.NUMBER: Rule.NUMBER_NOTATION,
    Kind.TEXT: Rule.LEADING_ZEROS,
}
"""The rule of what is said of a column whose reading is in doubt."""


def column_warnings(profiles: Sequence[Profile]) -> list[Finding]:
    """What a person should know of columns that are used as they are."""
    findings: list[Finding] = []
    for p in profiles:
        if p.kind is Kind.TEXT and p.forms and _is_mixed(p.name, p.forms):
            share = p.forms["plain"] / p.forms["filled"]
            what = f"{share:.0%} of its values are numbers and the rest are not, so all are read as categories"
            findings.append(Finding(rule=Rule.MIXED_COLUMN, column=p.name, what=what))
        if p.doubt is not None:
            findings.append(Finding(rule=_DOUBTS[p.kind], column=p.name, what=p.doubt))
        if p.kind is Kind.TEXT and p.levels is not None and (said := spelling_warning(p.name, p.levels)):
            findings.append(said)
        if p.kind is Kind.NUMBER and p.forms and (dates := dates_as_numbers(p.forms)):
            findings.append(Finding(rule=Rule.DATE_AS_NUMBER, column=p.name, what=dates))
        if p.kind is Kind.NUMBER and p.whole and _FLOAT32_WHOLE < p.largest <= FLOAT32_MAX:
            what = f"its whole numbers go up to {p.largest:,.0f}, and training rounds them to 24 binary digits"
            findings.append(Finding(rule=Rule.INEXACT_INTEGERS, column=p.name, what=what))
    return findings


def text_warnings(profiles: Sequence[Profile]) -> list[Finding]:
    """What a person should know of columns that mean numbers or dates but are taken as text, also where left out."""
    return [
        finding
        for p in profiles
        if p.kind is Kind.TEXT and p.forms
        for finding in unread_text(p.name, p.forms, repeats=_MIN_BANDS <= p.distinct <= _REPEATED_SHARE * p.filled)
    ]
