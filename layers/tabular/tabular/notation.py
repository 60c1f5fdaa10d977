"""How a column writes its numbers and dates, found by counting which forms its texts have.

Also texts that mean a number or a date but are in no notation that is read. Nothing of a cell is repeated here:
warnings describe a notation by a pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.recipe import DATE, FLOAT32_MAX, MONTH_NAMES, NUMBER_IN, SEPARATORS, DateFormat, Notation
from tabular.findings import Finding, Rule

KIND_SHARE: Final = 0.9
"""A column of which this share of the values are numbers (dates) is one of numbers (dates); the rest are mistakes."""

NEEDED_SHARE: Final = 0.01
"""Fewer cells than this share in another notation are mistakes of their rows, in a column of plain numbers."""

_CONTRADICTED_SHARE: Final = 0.1
"""Of the dates that only one order of day and month fits, the share of the other order that makes both doubtful."""

SPECIAL: Final = "(?i)[+-]?(inf(inity)?|nan)"
_FIGURES: Final = r"[+-]?[0-9][0-9.,' ]*"
_NUMBER: Final = "(" + "|".join(f"({one})" for one in NUMBER_IN.values()) + ")"
_QUOTES: Final = "['’‘`´]"
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
    (Rule.NUMBER_AS_TEXT, r"[+-]?[0-9]{1,2}(,[0-9]{2})*,[0-9]{3}(\.[0-9]+)?", "numbers grouped as `00,00,000`"),
    (Rule.NUMBER_AS_TEXT, rf"{_QUOTES}{_FIGURES}{_QUOTES}?", "numbers with a quote before them (`'0`)"),
    (
        Rule.NUMBER_AS_TEXT,
        _NUMBER,
        "numbers in more than one notation (`0.5` and `0,5`)",
    ),
    (Rule.NUMBER_AS_TEXT, rf"\({_NUMBER}\)|{_NUMBER}", "numbers with negative ones in brackets (`(0.00)`)"),
    (Rule.NUMBER_AS_TEXT, rf"[−–]?{_NUMBER}", "numbers with a typographic minus (`−0`)"),
    (Rule.NUMBER_AS_TEXT, r"[+-]?[\p{Nd}.,]*[\p{Nd}--[0-9]][\p{Nd}.,]*", "numbers in digits other than 0 to 9"),
    (Rule.DATE_AS_TEXT, rf"{DATE['iso']}([+-][0-9]{{2}}:?[0-9]{{2}})?", "dates with a time zone (`00:00+00:00`)"),
    (Rule.DATE_AS_TEXT, r"[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}" + _TIME, "dates as `yyyy-m-d`"),
    (
        Rule.DATE_AS_TEXT,
        rf"(?i)[0-9]{{1,2}}([/.-])[0-9]{{1,2}}([/.-])([0-9]{{4}}|[0-9]{{2}}){_TIME}",
        "dates that do not show whether the day or the month comes first (`dd/mm/yyyy`, `mm/dd/yyyy`), or that "
        "mix the two, or have years of two digits",
    ),
    (Rule.DATE_AS_TEXT, rf"(?i)[12][0-9]{{3}}([/.])[0-9]{{1,2}}([/.])[0-9]{{1,2}}{_TIME}", "dates as `yyyy/mm/dd`"),
    (
        Rule.DATE_AS_TEXT,
        rf"(?i)([0-9]{{1,2}}[ .-]*{_MONTH}|{_MONTH} [0-9]{{1,2}},?)[ -]+([0-9]{{4}}|[0-9]{{2}}){_TIME}",
        "dates with the month in letters (`dd Mon yyyy`)",
    ),
)

_OTHERS: Final[tuple[Notation, ...]] = ("thousands_comma", "thousands_blank", "decimal_comma")
_FORMATS: Final[tuple[DateFormat, ...]] = ("iso", "year_first", "day_first", "month_first", "day_name", "name_day")

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


def day(cell: pl.Expr, form: DateFormat) -> pl.Expr:
    """The date that a cell of that format writes; null if it writes none that the calendar has."""
    if form == "iso":
        return pl.when(matches(cell, DATE["iso"])).then(cell.str.head(10)).str.to_date("%Y-%m-%d", strict=False)
    found = cell.str.extract_groups(f"^(?:{DATE[form]})$")
    month = found.struct.field("month") if "(?P<month>" in DATE[form] else _month_number(found.struct.field("name"))
    text = pl.concat_str(found.struct.field("year"), month, found.struct.field("day"), separator="-")
    hour, half = found.struct.field("hour").cast(pl.Int8, strict=False), found.struct.field("half")
    clock = half.is_null() | (half == "") | hour.is_between(1, 12)
    return pl.when(clock).then(text).str.to_date("%Y-%m-%d", strict=False)


def hour(cell: pl.Expr, form: DateFormat) -> pl.Expr:
    """The hour of the day that a cell with a date of that format gives; null if it gives none."""
    if form == "iso":
        return cell.str.slice(11, 2).cast(pl.Int8, strict=False)
    found = cell.str.extract_groups(f"^(?:{DATE[form]})$")
    hours, half = found.struct.field("hour").cast(pl.Int8, strict=False), found.struct.field("half")
    written = half.str.strip_chars().str.to_lowercase()
    return pl.when(written == "pm").then(hours % 12 + 12).when(written == "am").then(hours % 12).otherwise(hours)


def _month_number(name: pl.Expr) -> pl.Expr:
    numbers = [str(i) for i in range(1, 13)]
    return name.str.head(3).str.to_lowercase().replace_strict(list(MONTH_NAMES), numbers, default=None)


def count_forms(cells: pl.DataFrame) -> dict[int, Counter[str]]:
    """How many cells of each column have which form.

    Args:
        cells: the number of a column, ``column``, different texts of it that are not missing, ``cell``, and how often
            each stands, ``rows``.
    """
    cell, rows = pl.col("cell"), pl.col("rows")
    plain, decimal = (matches(cell, NUMBER_IN[notation]) for notation in ("plain", "decimal_comma"))
    # A point among decimal commas separates thousands; alone (`0.000`) it may mean decimals, beside a comma it cannot.
    pointed = decimal & cell.str.contains(".", literal=True)
    forms: dict[str, pl.Expr] = {"filled": pl.lit(True), "plain": plain, "special": matches(cell, SPECIAL)}
    forms |= {notation: matches(cell, NUMBER_IN[notation]) for notation in _OTHERS}
    forms |= {"pointed_plain": pointed & plain, "pointed_only": pointed & ~plain}
    forms |= {form: day(cell, form).is_not_null() for form in _FORMATS}
    either = day(cell, "day_first").is_not_null() | day(cell, "month_first").is_not_null()
    forms |= {"day_or_month_first": either}
    forms |= {f"text {i}": matches(cell, pattern) for i, (_, pattern, _) in enumerate(_TEXTS)}
    found = cells.group_by("column").agg(**{name: (form * rows).sum() for name, form in forms.items()})
    return {row.pop("column"): Counter({name: int(count) for name, count in row.items()}) for row in found.to_dicts()}


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


def read_dates(forms: Mapping[str, int]) -> tuple[DateFormat, str | None] | None:
    """The format that fits a column's cells, with what is said of the order of day and month; None if none does."""
    best = max(_FORMATS, key=lambda form: forms[form])
    if not forms[best] or forms[best] < KIND_SHARE * forms["filled"]:
        return None
    if best not in {"day_first", "month_first"} or not forms["month_first"]:
        return best, None
    only_day = forms["day_or_month_first"] - forms["month_first"]
    only_month = forms["day_or_month_first"] - forms["day_first"]
    if min(only_day, only_month) >= _CONTRADICTED_SHARE * max(only_day, only_month):
        return None
    order = "the day first (`dd/mm/yyyy`)" if best == "day_first" else "the month first (`mm/dd/yyyy`)"
    return best, f"its dates are read with {order}, because {max(only_day, only_month):,} of them can only be read so"


def unread_text(name: str, forms: Mapping[str, int]) -> Iterator[Finding]:
    """A warning where the cells of a text column mean numbers or dates, but in no notation that is read."""
    for i, (rule, _, described) in enumerate(_TEXTS):
        count = forms[f"text {i}"]
        if count and count >= KIND_SHARE * forms["filled"]:
            what = f"nearly all its values are {described}, which are not read as such, so it is read as text"
            yield Finding(rule=rule, column=name, what=what)
            return
