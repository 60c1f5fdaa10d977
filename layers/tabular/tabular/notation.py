"""How a column writes its numbers, and texts that mean a number or a date but are in no notation that is read.

Nothing of a cell is repeated here: warnings describe a notation by a pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sluice.recipe import NUMBER_IN, SEPARATORS, Notation
from tabular.findings import Finding, Rule
from tabular.table import Table, literal

NEEDED_SHARE: Final = 0.01
"""Fewer cells than this share in another notation are mistakes of their rows, in a column of plain numbers."""

_SAMPLE_ROWS: Final = 20_000
_LIKELY_SHARE: Final = 0.5
"""A column of which fewer values in the sample have a form is not asked on all of its rows whether nearly all have."""

_FIGURES: Final = r"[+-]?[0-9][0-9.,' ]*"
_MONEY: Final = r"([$€£¥₹]|EUR|USD|GBP|CHF|JPY|INR|SEK|NOK|DKK|PLN|kr|zł)"
_MONTH: Final = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME: Final = r"([T ,]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?[ap]m)?)?"

_TEXTS: Final[tuple[tuple[Rule, str, str], ...]] = (
    (Rule.NUMBER_AS_TEXT, rf"{_FIGURES}[ \x{{00a0}}]*%", "percentages (`0%`)"),
    (
        Rule.NUMBER_AS_TEXT,
        rf"(?i)[+-]?{_MONEY}[ \x{{00a0}}]*{_FIGURES}|{_FIGURES}[ \x{{00a0}}]*{_MONEY}",
        "amounts of money with their currency (`$0.00`, `0.00 EUR`)",
    ),
    (
        Rule.DATE_AS_TEXT,
        rf"(?i)[0-9]{{1,2}}([/.-])[0-9]{{1,2}}([/.-])([0-9]{{4}}|[0-9]{{2}}){_TIME}",
        "dates with the day or the month first (`dd/mm/yyyy`, `mm/dd/yyyy`)",
    ),
    (Rule.DATE_AS_TEXT, rf"(?i)[12][0-9]{{3}}([/.])[0-9]{{1,2}}([/.])[0-9]{{1,2}}{_TIME}", "dates as `yyyy/mm/dd`"),
    (
        Rule.DATE_AS_TEXT,
        rf"(?i)([0-9]{{1,2}}[ .-]*{_MONTH}|{_MONTH} [0-9]{{1,2}},?)[ -]+([0-9]{{4}}|[0-9]{{2}}){_TIME}",
        "dates with the month in letters (`dd Mon yyyy`)",
    ),
)


def plain(cell: str, notation: Notation) -> str:
    """SQL for a number of a notation as a plain one."""
    before, after = SEPARATORS[notation]
    return f"translate({cell}, {literal(before)}, {literal(after)})" if before else cell


def is_number(cell: str, notation: Notation) -> str:
    """SQL: the cell is a number of that notation."""
    return f"regexp_full_match({cell}, {literal(NUMBER_IN[notation])})"


def _likely(table: Table, positions: Iterable[int], patterns: Sequence[str]) -> list[int]:
    """The columns of which nearly all cells may have one of the forms, as far as a sample of the rows can say."""
    rows = int(table.row("SELECT count(*) FROM cells")[0])
    step = max(rows // _SAMPLE_ROWS, 1)
    counts = table.aggregate(
        {i: [f"count(c{i})", *(_matches(i, pattern) for pattern in patterns)] for i in positions},
        f"cells WHERE rowid % {step} = 0" if step > 1 else "cells",
    )
    return [i for i, (filled, *found) in counts.items() if not filled or max(found) >= _LIKELY_SHARE * filled]


def _matches(position: int, pattern: str) -> str:
    return f"count_if(regexp_full_match(c{position}, {literal(pattern)}))"


@dataclass(frozen=True)
class Reading:
    """The notation of one column, how many of its cells are in it, and what is said where another was as likely."""

    notation: Notation
    numbers: int
    doubt: str | None = None


def readings(
    table: Table, plain_numbers: Mapping[int, int], filled: Mapping[int, int], delimiter: bytes, share: float
) -> dict[int, Reading]:
    """The columns that are to be read in another notation than the plain one.

    Args:
        table: with its cells.
        plain_numbers: cells that are plain numbers, by column; columns where all are need not be asked for.
        filled: cells that are not missing.
        delimiter: of the file. With ``;`` a comma separates decimals where nothing in the column says otherwise.
        share: of the cells that a notation must read.
    """
    others: list[Notation] = ["thousands_comma", "thousands_blank", "decimal_comma"]
    if delimiter == b";":
        others = ["decimal_comma", "thousands_comma", "thousands_blank"]
    asked = _likely(table, plain_numbers, [NUMBER_IN[notation] for notation in others])
    # A point among decimal commas separates thousands; alone (`0.000`) it may mean decimals, beside a comma it cannot.
    pointed = {i: f"{is_number(f'c{i}', 'decimal_comma')} AND contains(c{i}, '.')" for i in asked}
    counts = table.aggregate(
        {
            i: [
                *(_matches(i, NUMBER_IN[notation]) for notation in others),
                f"count_if({pointed[i]} AND {is_number(f'c{i}', 'plain')})",
                f"count_if({pointed[i]} AND NOT {is_number(f'c{i}', 'plain')})",
            ]
            for i in asked
        }
    )
    chosen: dict[int, Reading] = {}
    for i, values in counts.items():
        read = dict(zip(others, (int(value) for value in values), strict=False))
        reread, proof = int(values[-2]), int(values[-1])
        best = max(others, key=lambda notation: read[notation])
        if read[best] < share * filled[i] or read[best] - plain_numbers[i] <= NEEDED_SHARE * filled[i]:
            continue
        chosen[i] = Reading(best, read[best], _doubt(best, read, reread, proof))
    return chosen


def _doubt(best: Notation, read: Mapping[Notation, int], reread: int, proof: int) -> str | None:
    if best != "thousands_blank" and read["decimal_comma"] == read["thousands_comma"]:
        meaning = "decimals" if best == "decimal_comma" else "thousands"
        return f"a comma in its numbers may separate thousands or decimals (`0,000`); it is read as {meaning}"
    if best == "decimal_comma" and reread and not proof:
        return "its numbers have decimal commas, so a point before three digits (`0.000`) is read as thousands"
    return None


def unread_texts(table: Table, filled: Mapping[int, int], names: Sequence[str], share: float) -> Iterator[Finding]:
    """Warnings on text columns whose values mean numbers or dates, but in no notation that is read.

    Args:
        table: with its cells.
        filled: cells that are not missing, of the text columns alone.
        names: of all columns.
        share: of the cells from which on a column is of such texts.
    """
    several = "numbers in more than one notation (`0.5` and `0,5`)"
    kinds = [*_TEXTS, (Rule.NUMBER_AS_TEXT, "|".join(f"({one})" for one in NUMBER_IN.values()), several)]
    counts = table.aggregate(
        {
            i: [_matches(i, pattern) for _, pattern, _ in kinds]
            for i in _likely(table, filled, ["|".join(f"({pattern})" for _, pattern, _ in kinds)])
        }
    )
    for i, values in counts.items():
        for (rule, _, described), count in zip(kinds, values, strict=True):
            if count and count >= share * filled[i]:
                what = f"nearly all its values are {described}, which are not read as such, so it is taken as text"
                yield Finding(rule=rule, column=names[i], what=what)
                break
