"""What kind of values each column holds, and which of its cells do not fit.

A column's kind is read off all of its rows: nearly all numbers is a number column, whose other cells are mistakes of
their rows. Levels, constants and identifiers are learnt later, on the training part alone (``fit``).
"""

# ruff: noqa: S608 - statements are built from column numbers, escaped literals and this package's constants

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sluice.recipe import BOOLEAN_PAIRS, DATE, FLOAT32_MAX, INTEGER, NUMBER, NUMBER_IN, Notation
from tabular.findings import Finding, Rule
from tabular.notation import is_number, plain, readings, unread_texts
from tabular.table import Table, literal

KIND_SHARE: Final = 0.9
"""A column of which this share of the values are numbers (dates) is one of numbers (dates); the rest are mistakes."""

_MIXED_SHARE: Final = 0.5
_FEW_LEVELS: Final = 1000
_WHOLE: Final = r"[+-]?[0-9]+"
_SPECIAL: Final = r"(?i)[+-]?(inf(inity)?|nan)"
_FLOAT32_WHOLE: Final = 1 << 24


class Kind(StrEnum):
    EMPTY = "empty"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True)
class Profile:
    """Facts of one column over all well-formed rows. ``distinct`` is an estimate, within a few per cent.

    ``whole``: every number is; ``integer``: and has at most 15 digits, so that a double holds it. ``doubt`` says where
    its numbers could be read in another notation as well.
    """

    position: int
    name: str
    rows: int
    filled: int
    numbers: int
    distinct: int
    kind: Kind = Kind.TEXT
    integer: bool = False
    whole: bool = False
    timed: bool = False
    largest: float = 0.0
    notation: Notation = "plain"
    doubt: str | None = None

    @property
    def missing(self) -> int:
        return self.rows - self.filled

    @property
    def plain(self) -> str:
        """SQL for a cell of a number column in plain notation."""
        return plain(f"c{self.position}", self.notation)


def profile(table: Table, names: Sequence[str], delimiter: bytes = b",") -> list[Profile]:
    """The profile of every column, in the file's order. The delimiter says what a comma in numbers may mean."""
    facts = table.aggregate(
        {i: ["count(*)", f"count(c{i})", _count(i, NUMBER), f"approx_count_distinct(c{i})"] for i in range(len(names))}
    )
    profiles = []
    for i, values in facts.items():
        rows, filled, numbers, distinct = (int(value or 0) for value in values)
        profiles.append(Profile(i, names[i], rows, filled, numbers, distinct))
    return _with_kinds(table, _with_notations(table, profiles, delimiter))


def _with_notations(table: Table, profiles: Sequence[Profile], delimiter: bytes) -> list[Profile]:
    unlike = [p for p in profiles if p.numbers < p.filled]
    found = readings(
        table,
        {p.position: p.numbers for p in unlike},
        {p.position: p.filled for p in unlike},
        delimiter,
        KIND_SHARE,
    )
    return [
        replace(p, numbers=reading.numbers, notation=reading.notation, doubt=reading.doubt)
        if (reading := found.get(p.position))
        else p
        for p in profiles
    ]


def _count(position: int, pattern: str) -> str:
    return f"count_if(regexp_full_match(c{position}, {literal(pattern)}))"


def _with_kinds(table: Table, profiles: Sequence[Profile]) -> list[Profile]:
    unlike = [p.position for p in profiles if p.numbers < p.filled]
    special = table.aggregate({i: [_count(i, _SPECIAL)] for i in unlike})
    numeric = {
        p.position
        for p in profiles
        if p.numbers and p.numbers + int(special.get(p.position, (0,))[0]) >= KIND_SHARE * p.filled
    }
    text = [p.position for p in profiles if p.filled and p.position not in numeric]
    number_facts = table.aggregate({p.position: _number_facts(p) for p in profiles if p.position in numeric})
    text_facts = table.aggregate(
        {
            i: [
                f"count_if({is_date(i)})",
                f"bool_or(regexp_full_match(c{i}, {literal(DATE)}) AND length(c{i}) > 10)",
                f"min(lower(c{i}))",
                f"max(lower(c{i}))",
                f"approx_count_distinct(lower(c{i}))",
            ]
            for i in text
        }
    )
    kinds: list[Profile] = []
    for p in profiles:
        if not p.filled:
            kinds.append(replace(p, kind=Kind.EMPTY))
        elif p.position in numeric:
            integer, whole, largest = number_facts[p.position]
            number = replace(p, kind=Kind.NUMBER, integer=bool(integer), whole=bool(whole), largest=float(largest))
            kinds.append(number)
        else:
            kinds.append(_text_kind(table, p, text_facts[p.position]))
    return kinds


def _number_facts(p: Profile) -> list[str]:
    """SQL for whether all numbers are whole of up to 15 digits, whether they are whole, and the largest one's size."""
    among = f"FILTER ({is_number(f'c{p.position}', p.notation)})"
    integer, whole = (f"regexp_full_match({p.plain}, {literal(pattern)})" for pattern in (INTEGER, _WHOLE))
    return [
        f"coalesce(bool_and({integer}) {among}, false)",
        f"coalesce(bool_and({whole}) {among}, false)",
        f"coalesce(max(abs(TRY_CAST({p.plain} AS DOUBLE))) {among}, 0)",
    ]


def _text_kind(table: Table, p: Profile, facts: tuple[Any, ...]) -> Profile:
    dates, timed, least, most, words = facts
    if dates >= KIND_SHARE * p.filled:
        return replace(p, kind=Kind.DATE, timed=bool(timed))
    if words <= 4 and (least, most) in BOOLEAN_PAIRS:
        exact = table.row(f"SELECT count(DISTINCT lower(c{p.position})) FROM cells")[0]
        if exact == 2:
            return replace(p, kind=Kind.BOOLEAN)
    return p


def is_date(position: int) -> str:
    """SQL: the cell is an ISO date that the calendar has."""
    cell = f"c{position}"
    return f"regexp_full_match({cell}, {literal(DATE)}) AND TRY_CAST(left({cell}, 10) AS DATE) IS NOT NULL"


def mark_misfits(table: Table, profiles: Sequence[Profile]) -> None:
    """Notes the cells that are not of their column's kind."""
    for p in profiles:
        cell = f"c{p.position}"
        if p.kind is Kind.NUMBER:
            number = is_number(cell, p.notation)
            special = f"regexp_full_match({cell}, {literal(_SPECIAL)})"
            if p.numbers < p.filled:
                table.mark_bad(p.position, Rule.INFINITE_NUMBER, special)
                table.mark_bad(p.position, Rule.NOT_A_NUMBER, f"NOT {number} AND NOT {special}")
            if p.largest > FLOAT32_MAX:
                too_large = f"{number} AND abs(TRY_CAST({p.plain} AS DOUBLE)) > {FLOAT32_MAX}"
                table.mark_bad(p.position, Rule.NUMBER_TOO_LARGE, too_large)
        elif p.kind is Kind.DATE:
            table.mark_bad(p.position, Rule.NOT_A_DATE, f"{cell} IS NOT NULL AND NOT ({is_date(p.position)})")


def header_looks_like_data(table: Table, profiles: Sequence[Profile], missing: Sequence[str]) -> bool:
    """Whether the first row reads as one more row of the table: numbers over numbers, words that the columns hold."""
    numbers = [p for p in profiles if p.kind is Kind.NUMBER]
    if not all(re.fullmatch(NUMBER_IN[p.notation], p.name) or p.name in missing for p in numbers):
        return False
    words = [p for p in profiles if p.kind in (Kind.TEXT, Kind.BOOLEAN, Kind.DATE) and p.distinct <= _FEW_LEVELS]
    if not words:
        return bool(numbers)
    held = {p.position: [f"coalesce(bool_or(c{p.position} = {literal(p.name)}), false)"] for p in words}
    found = table.aggregate(held)
    return 2 * sum(bool(value[0]) for value in found.values()) >= len(words)


def column_warnings(profiles: Sequence[Profile]) -> list[Finding]:
    """What a person should know of columns that are used as they are."""
    findings: list[Finding] = []
    for p in profiles:
        if p.kind is Kind.TEXT and p.numbers >= _MIXED_SHARE * p.filled:
            share = p.numbers / p.filled
            what = f"{share:.0%} of its values are numbers and the rest are not, so all are taken as categories"
            findings.append(Finding(rule=Rule.MIXED_COLUMN, column=p.name, what=what))
        if p.doubt is not None and p.kind is Kind.NUMBER:
            findings.append(Finding(rule=Rule.NUMBER_NOTATION, column=p.name, what=p.doubt))
        if p.kind is Kind.NUMBER and p.whole and _FLOAT32_WHOLE < p.largest <= FLOAT32_MAX:
            what = f"its whole numbers go up to {p.largest:,.0f}, and training rounds them to 24 binary digits"
            findings.append(Finding(rule=Rule.INEXACT_INTEGERS, column=p.name, what=what))
    return findings


def text_warnings(table: Table, profiles: Sequence[Profile], names: Sequence[str]) -> list[Finding]:
    """What a person should know of columns that mean numbers or dates but are taken as text, also where left out."""
    texts = {p.position: p.filled for p in profiles if p.kind is Kind.TEXT}
    return list(unread_texts(table, texts, names, KIND_SHARE))
