"""How a column writes its numbers, found by counting which forms its texts have.

Also texts that mean a number but are in no notation that is read. Nothing of a cell is repeated here:
warnings describe a notation by a pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.numbers import NUMBER_IN, Duration, Notation, Quantity
from sluice.dataset.recipe import FLOAT32_MAX
from tabular.patterns import matches
from tabular.quantities import (
    STARTS,
    Code,
    duration,
    figures_in,
    find_code,
    find_duration,
    find_units,
    plain_figures,
    quantity,
)

KIND_SHARE: Final = 0.9
"""A column of which this share of the values are numbers (dates) is one of numbers (dates); the rest are mistakes."""

NEEDED_SHARE: Final = 0.01
"""Fewer cells than this share in another notation are mistakes of their rows, in a column of plain numbers."""

SPECIAL: Final = "(?i)[+-]?(inf(inity)?|nan)"
_FIGURES: Final = r"[+-]?[0-9][0-9.,' ]*"
_NUMBER: Final = "(" + "|".join(f"({one})" for one in NUMBER_IN.values()) + ")"
_QUOTES: Final = "['’‘`´]"

_SEVERAL: Final = "numbers in more than one notation (`0.5` and `0,5`)"
_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    (rf"{_QUOTES}{_FIGURES}{_QUOTES}?", "numbers with a quote before them (`'0`)"),
    (_NUMBER, _SEVERAL),
)

_OTHERS: Final[tuple[Notation, ...]] = ("thousands_comma", "thousands_blank", "decimal_comma", "indian_comma")

FIGURES: Final = rf"^(?:[-+−–$€£¥₹('’‘`´]?[.,]?\p{{Nd}}|{STARTS})"
"""What begins so may be a number or a date in some notation."""


def number(cell: pl.Expr, notation: Notation, form: Quantity | Duration | None = None) -> pl.Expr:
    """The number that a cell writes in that way, infinite if it is too large for a double; otherwise null.

    For plain numbers the engine's own cast takes what ``NUMBER`` takes, and ``nan`` and ``inf``, which come out as they
    are.
    """
    if isinstance(form, Duration):
        return duration(cell, form.form)
    if form is not None:
        return quantity(cell, form, notation)
    if notation == "plain":
        return cell.cast(pl.Float64, strict=False)
    plain = plain_figures(cell, notation)
    return pl.when(matches(cell, NUMBER_IN[notation])).then(plain).cast(pl.Float64, strict=False)


def fits(value: pl.Expr) -> pl.Expr:
    """The value where it is a number that a 32-bit float holds; otherwise null."""
    return pl.when(value.abs() <= FLOAT32_MAX).then(value)


def number_forms(cell: pl.Expr) -> dict[str, pl.Expr]:
    """Whether a text has a form, by the form's name."""
    return notation_forms(cell) | {f"number {i}": matches(cell, pattern) for i, (pattern, _) in enumerate(_TEXTS)}


def notation_forms(cell: pl.Expr) -> dict[str, pl.Expr]:
    """Whether a text is a number in a notation, by the notation's name."""
    plain, decimal = (matches(cell, NUMBER_IN[notation]) for notation in ("plain", "decimal_comma"))
    # A point among decimal commas separates thousands; alone (`0.000`) it may mean decimals, beside a comma it cannot.
    pointed = decimal & cell.str.contains(".", literal=True)
    forms: dict[str, pl.Expr] = {"plain": plain}
    forms |= {notation: matches(cell, NUMBER_IN[notation]) for notation in _OTHERS}
    return forms | {"pointed_plain": pointed & plain, "pointed_only": pointed & ~plain}


@dataclass(frozen=True)
class Numbers:
    """In which way a column writes numbers, how many cells are in it, and what is said of other readings."""

    notation: Notation
    count: int
    doubt: str | None = None
    form: Quantity | Duration | None = None


def read_numbers(forms: Mapping[str, int], delimiter: bytes) -> Numbers:
    """The notation that fits a column's cells; with ``;`` between cells a comma separates decimals in case of doubt."""
    others = sorted(_OTHERS, key=lambda one: one != "decimal_comma") if delimiter == b";" else _OTHERS
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
    if best in {"thousands_comma", "decimal_comma"} and forms["decimal_comma"] == forms["thousands_comma"]:
        meaning = "decimals" if best == "decimal_comma" else "thousands"
        return f"a comma in its numbers may separate thousands or decimals (`0,000`); it is read as {meaning}"
    if best == "decimal_comma" and forms["pointed_plain"] and not forms["pointed_only"]:
        return "its numbers have decimal commas, so a point before three digits (`0.000`) is read as thousands"
    return None


def read_quantity(forms: Mapping[str, int], delimiter: bytes) -> Numbers | None:
    """The way in which a column's cells write quantities or durations; None if they do not, or not all in one."""
    filled = forms["filled"]
    needed, telling = KIND_SHARE * filled, NEEDED_SHARE * filled
    if found := find_duration(forms, needed, telling):
        return Numbers("plain", forms[f"duration {found.form}"], _duration_doubt(found, forms), found)
    units = find_units(forms, needed)
    if units is None or forms["figures padded"] > telling:
        return None
    numbers = read_numbers(figures_in(forms), delimiter)
    count = min(units.count, numbers.count)
    return None if count < needed else Numbers(numbers.notation, count, units.doubt or numbers.doubt, units.form)


def _duration_doubt(found: Duration, forms: Mapping[str, int]) -> str | None:
    if found.form == "clock" and forms["duration without seconds"] > NEEDED_SHARE * forms["filled"]:
        return "its durations (`00:00`) may be minutes and seconds; they are read as hours and minutes"
    return None


def best_numbers(forms: Mapping[str, int], delimiter: bytes) -> Numbers:
    """The way in which most of a column's cells write numbers; with nothing around their figures in case of doubt."""
    numbers, quantities = read_numbers(forms, delimiter), read_quantity(forms, delimiter)
    if quantities is not None and quantities.count - numbers.count > NEEDED_SHARE * forms["filled"]:
        return quantities
    return numbers


def is_code(forms: Mapping[str, int]) -> bool:
    """Whether a column's cells are digits that count nothing."""
    return bool(forms["filled"]) and _code(forms) is not None


def code_doubt(forms: Mapping[str, int]) -> str | None:
    """What is said of a column of codes that may be a quantity all the same."""
    code = _code(forms) if forms["filled"] else None
    return code.doubt if code else None


def _code(forms: Mapping[str, int]) -> Code | None:
    return find_code(forms, KIND_SHARE * forms["filled"], NEEDED_SHARE * forms["filled"])


def unread_number(forms: Mapping[str, int]) -> str | None:
    """What the cells of a text column look like that mean numbers, but in no notation that is read."""
    filled = forms["filled"]
    needed = KIND_SHARE * filled
    said = next((said for i, (_, said) in enumerate(_TEXTS) if 0 < forms[f"number {i}"] >= needed), None)
    if said is None and forms["figures padded"] <= NEEDED_SHARE * filled and find_units(forms, needed):
        return _SEVERAL
    return said
