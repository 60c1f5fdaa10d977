"""How a column writes its numbers, found by counting which forms its texts have.

Also texts that mean a number but are in no notation that is read. Nothing of a cell is repeated here:
warnings describe a notation by a pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.recipe import FLOAT32_MAX, NUMBER_IN, SEPARATORS, Notation

KIND_SHARE: Final = 0.9
"""A column of which this share of the values are numbers (dates) is one of numbers (dates); the rest are mistakes."""

NEEDED_SHARE: Final = 0.01
"""Fewer cells than this share in another notation are mistakes of their rows, in a column of plain numbers."""

SPECIAL: Final = "(?i)[+-]?(inf(inity)?|nan)"
_FIGURES: Final = r"[+-]?[0-9][0-9.,' ]*"
_NUMBER: Final = "(" + "|".join(f"({one})" for one in NUMBER_IN.values()) + ")"
_QUOTES: Final = "['’‘`´]"
_MONEY: Final = r"([$€£¥₹]|EUR|USD|GBP|CHF|JPY|INR|SEK|NOK|DKK|PLN|kr|zł)"

_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    (rf"{_FIGURES}[ \x{{00a0}}]*%", "percentages (`0%`)"),
    (
        rf"(?i)[+-]?{_MONEY}[ \x{{00a0}}]*{_FIGURES}|{_FIGURES}[ \x{{00a0}}]*{_MONEY}",
        "amounts of money with their currency (`$0.00`, `0.00 EUR`)",
    ),
    (r"[+-]?[0-9]{1,2}(,[0-9]{2})*,[0-9]{3}(\.[0-9]+)?", "numbers grouped as `00,00,000`"),
    (rf"{_QUOTES}{_FIGURES}{_QUOTES}?", "numbers with a quote before them (`'0`)"),
    (
        _NUMBER,
        "numbers in more than one notation (`0.5` and `0,5`)",
    ),
    (rf"\({_NUMBER}\)|{_NUMBER}", "numbers with negative ones in brackets (`(0.00)`)"),
    (rf"[−–]?{_NUMBER}", "numbers with a typographic minus (`−0`)"),
    (r"[+-]?[\p{Nd}.,]*[\p{Nd}--[0-9]][\p{Nd}.,]*", "numbers in digits other than 0 to 9"),
)

_OTHERS: Final[tuple[Notation, ...]] = ("thousands_comma", "thousands_blank", "decimal_comma")

FIGURES: Final = r"^[-+−–$€£¥₹('’‘`´]?[.,]?\p{Nd}"
"""What begins so may be a number or a date in some notation."""


def matches(cell: pl.Expr, pattern: str) -> pl.Expr:
    """Whether the whole cell has the form."""
    return cell.str.contains(f"^(?:{pattern})$")


def number(cell: pl.Expr, notation: Notation) -> pl.Expr:
    """The number that a cell of that notation writes, infinite if it is too large for a double; otherwise null.

    For plain numbers the engine's own cast takes what ``NUMBER`` takes, and ``nan`` and ``inf``, which come out as they
    are.
    """
    if notation == "plain":
        return cell.cast(pl.Float64, strict=False)
    before, after = SEPARATORS[notation]
    plain = cell
    for i, mark in reversed(list(enumerate(before))):  # what goes first, or what becomes a point would go with it
        plain = plain.str.replace_all(mark, after[i : i + 1], literal=True)
    return pl.when(matches(cell, NUMBER_IN[notation])).then(plain).cast(pl.Float64, strict=False)


def fits(value: pl.Expr) -> pl.Expr:
    """The value where it is a number that a 32-bit float holds; otherwise null."""
    return pl.when(value.abs() <= FLOAT32_MAX).then(value)


def number_forms() -> dict[str, pl.Expr]:
    """Whether a text in the column ``cell`` has a form, by the form's name."""
    cell = pl.col("cell")
    plain, decimal = (matches(cell, NUMBER_IN[notation]) for notation in ("plain", "decimal_comma"))
    # A point among decimal commas separates thousands; alone (`0.000`) it may mean decimals, beside a comma it cannot.
    pointed = decimal & cell.str.contains(".", literal=True)
    forms: dict[str, pl.Expr] = {"plain": plain, "special": matches(cell, SPECIAL)}
    forms |= {notation: matches(cell, NUMBER_IN[notation]) for notation in _OTHERS}
    forms |= {"pointed_plain": pointed & plain, "pointed_only": pointed & ~plain}
    return forms | {f"number {i}": matches(cell, pattern) for i, (pattern, _) in enumerate(_TEXTS)}


@dataclass(frozen=True)
class Numbers:
    """In which notation a column's numbers are, how many cells are in it, and what is said of other readings."""

    notation: Notation
    count: int
    doubt: str | None = None


def read_numbers(forms: Mapping[str, int], delimiter: bytes) -> Numbers:
    """The notation that fits a column's cells; with ``;`` between cells a comma separates decimals in case of doubt."""
    others: list[Notation] = list(_OTHERS)
    if delimiter == b";":
        others = ["decimal_comma", "thousands_comma", "thousands_blank"]
    best = max(others, key=lambda notation: forms[notation])
    filled, plain = forms["filled"], forms["plain"]
    if forms[best] < KIND_SHARE * filled or forms[best] - plain <= NEEDED_SHARE * filled:
        grouped = delimiter == b";" and forms["pointed_plain"] and forms["decimal_comma"] == plain
        doubt = (
            "a point before three digits in its numbers (`0.000`) may separate thousands; it is read as a decimal point"
        )
        return Numbers("plain", plain, doubt if grouped else None)
    return Numbers(best, forms[best], _number_doubt(best, forms))


def _number_doubt(best: Notation, forms: Mapping[str, int]) -> str | None:
    if best != "thousands_blank" and forms["decimal_comma"] == forms["thousands_comma"]:
        meaning = "decimals" if best == "decimal_comma" else "thousands"
        return f"a comma in its numbers may separate thousands or decimals (`0,000`); it is read as {meaning}"
    if best == "decimal_comma" and forms["pointed_plain"] and not forms["pointed_only"]:
        return "its numbers have decimal commas, so a point before three digits (`0.000`) is read as thousands"
    return None


def unread_number(forms: Mapping[str, int]) -> str | None:
    """What the cells of a text column look like that mean numbers, but in no notation that is read."""
    return next(
        (said for i, (_, said) in enumerate(_TEXTS) if 0 < forms[f"number {i}"] >= KIND_SHARE * forms["filled"]), None
    )
