"""How a column writes its dates, found by counting which forms its texts have.

Also texts that mean a date but are in no format that is read. Nothing of a cell is repeated here: warnings describe a
format by a pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from sluice.dataset.dates import DATE, MONTH_NAMES, DateFormat
from tabular.notation import KIND_SHARE, matches

_CONTRADICTED_SHARE: Final = 0.1
"""Of the dates that only one order of day and month fits, the share of the other order that makes both doubtful."""

_MONTH: Final = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME: Final = r"([T ,]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?[ap]m)?)?"

_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    (rf"{DATE['iso']}([+-][0-9]{{2}}:?[0-9]{{2}})?", "dates with a time zone (`00:00+00:00`)"),
    (r"[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}" + _TIME, "dates as `yyyy-m-d`"),
    (
        rf"(?i)[0-9]{{1,2}}([/.-])[0-9]{{1,2}}([/.-])([0-9]{{4}}|[0-9]{{2}}){_TIME}",
        "dates that do not show whether the day or the month comes first (`dd/mm/yyyy`, `mm/dd/yyyy`), or that "
        "mix the two, or have years of two digits",
    ),
    (rf"(?i)[12][0-9]{{3}}([/.])[0-9]{{1,2}}([/.])[0-9]{{1,2}}{_TIME}", "dates as `yyyy/mm/dd`"),
    (
        rf"(?i)([0-9]{{1,2}}[ .-]*{_MONTH}|{_MONTH} [0-9]{{1,2}},?)[ -]+([0-9]{{4}}|[0-9]{{2}}){_TIME}",
        "dates with the month in letters (`dd Mon yyyy`)",
    ),
)

_FORMATS: Final[tuple[DateFormat, ...]] = ("iso", "year_first", "day_first", "month_first", "day_name", "name_day")


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


def date_forms() -> dict[str, pl.Expr]:
    """Whether a text in the column ``cell`` has a form, by the form's name."""
    cell = pl.col("cell")
    forms: dict[str, pl.Expr] = {form: day(cell, form).is_not_null() for form in _FORMATS}
    forms["day_or_month_first"] = forms["day_first"] | forms["month_first"]
    return forms | {f"date {i}": matches(cell, pattern) for i, (pattern, _) in enumerate(_TEXTS)}


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


def unread_date(forms: Mapping[str, int]) -> str | None:
    """What the cells of a text column look like that mean dates, but in no format that is read."""
    return next(
        (said for i, (_, said) in enumerate(_TEXTS) if 0 < forms[f"date {i}"] >= KIND_SHARE * forms["filled"]), None
    )
