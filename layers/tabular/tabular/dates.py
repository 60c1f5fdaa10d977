"""How a column writes its dates, found by counting which forms its texts have.

Also texts that mean a date but are in no format that is read. Nothing of a cell is repeated here: warnings describe a
format by a pattern.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import polars as pl

from sluice.dataset.dates import (
    MONTH_NAMES,
    NUMBER_LIKE,
    SHORT_FORMATS,
    DateForm,
    DateFormat,
    date_pattern,
    first_year_of,
    zone_of,
)
from tabular.notation import KIND_SHARE, NEEDED_SHARE
from tabular.patterns import matches, of_groups

_CONTRADICTED_SHARE: Final = 0.1
"""Of the dates that only one order of day and month fits, the share of the other order that makes both doubtful."""

_ALL_DAYS: Final = 31
_MIN_DAY_SPREAD: Final = 0.8
"""Of the different days that a column of that many dates has if all days are alike likely."""

_MAX_YEAR_SPREAD: Final = 0.6
"""Of the same: numbers that are so few are not taken for days."""

_MIN_DAYS_TO_YEARS: Final = 1.4
"""How many times as many different numbers as a part that may be the year a part has that is taken for the day."""

_FORMATS: Final[tuple[DateFormat, ...]] = get_args(DateFormat.__value__)

_ORDERS: Final[tuple[tuple[DateFormat, DateFormat], ...]] = (
    ("day_first", "month_first"),
    ("digits_day_first", "digits_month_first"),
)
"""Formats of which one text may have both."""

_SHORT_ORDERS: Final[tuple[tuple[DateFormat, DateFormat], ...]] = (
    ("day_first", "month_first"),
    ("day_first", "year_first"),
    ("month_first", "year_first"),
    ("day_name", "year_name_day"),
)
_YEAR_AHEAD: Final = frozenset({"year_first", "year_name_day", "year_name", "year_quarter"})

_DATE_LIKE: Final = r"^['’]?(?:[0-9].|\p{L}+[ ,.'’/0-9-]|[Qq][1-4]).+$"
"""What begins so may be a date. Other texts are not looked at further."""

NUMBER_LIKE_DATE: Final = (
    r"(?:1[89]|2[01])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{4}|[0-9]{6})?(?:\.0*)?"
    r"|[0-3]?[0-9]{3}(?:1[89]|2[01])[0-9]{2}(?:\.0*)?|(?:0?[1-9]|1[0-2])\.(?:1[89]|2[01])[0-9]{2}"
)
"""Plain numbers that may be dates."""

_MONTH: Final = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_FOREIGN: Final = (
    r"(jan|ene|gen|feb|fév|fev|mar|mär|maa|mrt|apr|avr|abr|mai|mei|mag|may|maj|jun|jui|giu|jul|lug|aug|août|aou|ago|sep|set"
    r"|okt|oct|ott|out|nov|dez|dec|déc|dic)\p{L}{0,8}\.?"
)
"""Months of other languages: German, French, Spanish, Italian, Portuguese, Dutch."""

_TIME: Final = r"([T ,]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?[ap]m)?( ?(Z|[+-][0-9:]{2,6}|[A-Z]{3,4}))?)?"

_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    (
        rf"(?i)[0-9]{{1,2}}([/.-])[0-9]{{1,2}}([/.-])([0-9]{{4}}|[0-9]{{2}}){_TIME}",
        "dates that do not show whether the day or the month comes first (`dd/mm/yyyy`, `mm/dd/yyyy`), or whether a "
        "number of two digits is the year (`yy/mm/dd`), or that mix such orders",
    ),
    (
        rf"(?i){_MONTH}[ .,/-]*['’]?[0-9]{{2}}",
        "months with a number that may be the day or the year (`Mon-dd`, `Mon-yy`)",
    ),
    (rf"(?i)[0-9]{{1,2}}\.?[ .,/-]*{_MONTH}", "dates without a year (`dd-Mon`), or years of two digits (`yy-Mon`)"),
    (
        rf"(?i)[0-9]{{1,2}}\.?[ .,/-]*{_MONTH}[ .,/-]*[0-9]{{2}}{_TIME}",
        "dates whose day and year (`dd-Mon-yy`, `yy-Mon-dd`) cannot be told apart",
    ),
    (r"(0[1-9]|1[0-2])[/][0-9]{2}", "months with a number that may be the day or the year (`mm/dd`, `mm/yy`)"),
    (r"[12][0-9]{3}[/-][0-9]{2}", "pairs of years or months of a year (`yyyy-yy`, `yyyy-mm`)"),
    (
        rf"(?i)(\p{{L}}+,? )?[0-9]{{1,2}}\.?[ -](de )?{_FOREIGN},?[ -](de )?[12][0-9]{{3}}{_TIME}",
        "dates with the month in letters that are no English name",
    ),
    (rf"(?i){_FOREIGN}[ -](de )?[12][0-9]{{3}}", "months in letters that are no English name"),
)


@dataclass(frozen=True)
class _Family:
    """Formats and texts that have something in common: no other text can be one of them."""

    sign: str
    formats: tuple[DateFormat, ...] = ()
    texts: tuple[int, ...] = ()


_FAMILIES: Final = (
    _Family(
        "(?i)jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",
        ("day_name", "name_day", "year_name_day", "ctime", "name_year", "year_name"),
        (1, 2, 3),
    ),
    _Family("^['’]?[0-9]{1,4}[/.-][0-9]{1,2}[/.-]['’]?[0-9]", ("iso", "year_first", "day_first", "month_first"), (0,)),
    _Family("^[0-9]{1,4}[/.Mm-][0-9]{1,4}$", ("year_month", "month_year"), (4, 5)),
    _Family("^[0-9]{7}", ("digits_year_first", "digits_day_first", "digits_month_first")),
    _Family("[Qq]", ("year_quarter", "quarter_year")),
    _Family("[Ww]", ("year_week",)),
    _Family(r"(?i)\p{L}[.,]{0,2}[ -](?:de )?[12][0-9]{3}", texts=(6, 7)),
)
_TEXT_OF_DIGITS: Final = (
    "dates in digits that do not show whether the day or the month comes first (`ddmmyyyy`, `mmddyyyy`)"
)
_PATTERN_OF: Final[dict[DateFormat, str]] = {
    "iso": "yyyy-mm-dd",
    "year_first": "yyyy/mm/dd",
    "day_first": "dd/mm/yyyy",
    "month_first": "mm/dd/yyyy",
    "day_name": "dd-Mon-yyyy",
    "name_day": "Mon dd, yyyy",
    "year_name_day": "yyyy-Mon-dd",
    "ctime": "Day Mon dd 00:00:00 yyyy",
    "digits_year_first": "yyyymmdd",
    "digits_day_first": "ddmmyyyy",
    "digits_month_first": "mmddyyyy",
    "year_month": "yyyy-mm",
    "month_year": "mm.yyyy",
    "name_year": "Mon-yyyy",
    "year_name": "yyyy-Mon",
    "year_quarter": "yyyyQ0",
    "quarter_year": "Q0 yyyy",
    "year_week": "yyyy-W00",
}
_ORDER_OF: Final[dict[DateFormat, str]] = {
    "day_first": "the day",
    "digits_day_first": "the day",
    "month_first": "the month",
    "digits_month_first": "the month",
}
_NAMED_MONTHS: Final = frozenset({"name_year", "year_name"})
_TEXT_OF_ZONES: Final = "dates with times of more than one offset from UTC (times that are all in UTC are read)"


def day(cell: pl.Expr, form: DateForm) -> pl.Expr:
    """The date that a cell of that form writes; null if it writes none that the calendar has."""
    return _day(cell, form, form.pattern)


def _day(cell: pl.Expr, form: DateForm, pattern: str) -> pl.Expr:
    if form.format == "iso":
        return pl.when(matches(cell, pattern)).then(cell.str.head(10)).str.to_date("%Y-%m-%d", strict=False)
    return of_groups(cell, pattern, _day_of_groups(form, pattern))


def _day_of_groups(form: DateForm, pattern: str) -> pl.Expr:
    year = pl.field("year").cast(pl.Int32, strict=False)
    if form.first_year is not None:
        year = form.first_year + (year + (100 - form.first_year % 100)) % 100
    if "(?P<week>" in pattern:
        text = pl.format("{}-W{}-{}", year, pl.field("week"), _or_first(pl.field("weekday")))
        return text.str.to_date("%G-W%V-%u", strict=False)
    day_of_month = _or_first(pl.field("day")) if "(?P<day>" in pattern else pl.lit("1")
    date = pl.format("{}-{}-{}", year, _month_number(pattern), day_of_month)
    if "(?P<hour>" in pattern:
        hours, half = pl.field("hour").cast(pl.Int8, strict=False), pl.field("half")
        date = pl.when(half.is_null() | (half == "") | hours.is_between(1, 12)).then(date)
    return date.str.to_date("%Y-%m-%d", strict=False)


def _or_first(number: pl.Expr) -> pl.Expr:
    return pl.when(number == "").then(pl.lit("1")).otherwise(number.fill_null("1"))


def _month_number(pattern: str) -> pl.Expr:
    if "(?P<month>" in pattern:
        return pl.field("month")
    if "(?P<quarter>" in pattern:
        number = pl.field("quarter").str.extract("([1-4])").cast(pl.Int32)
        return 3 * number - 2
    numbers = [str(i) for i in range(1, 13)]
    names = pl.field("name").str.head(3).str.to_lowercase()
    return names.replace_strict(list(MONTH_NAMES), numbers, default=None)


def hour(cell: pl.Expr, form: DateForm) -> pl.Expr:
    """The hour of the day that a cell with a date of that form gives; null if it gives none."""
    if form.format == "iso":
        return cell.str.slice(11, 2).cast(pl.Int8, strict=False)
    if "(?P<hour>" not in form.pattern:
        return pl.lit(None, pl.Int8)
    return of_groups(cell, form.pattern, _hour_of_groups())


def _hour_of_groups() -> pl.Expr:
    hours = pl.field("hour").cast(pl.Int8, strict=False)
    written = pl.field("half").str.strip_chars().str.to_lowercase()
    return pl.when(written == "pm").then(hours % 12 + 12).when(written == "am").then(hours % 12).otherwise(hours)


def seconds_of_day(cell: pl.Expr, form: DateForm) -> pl.Expr:
    """The seconds since midnight that a cell with a date of that form gives; 0 if it gives no time."""
    if "(?P<hour>" not in form.pattern:
        return pl.lit(0.0)
    clock = {3600: _hour_of_groups(), 60: pl.field("minute"), 1: pl.field("second")}
    parts = (part.cast(pl.Float64, strict=False).fill_null(0) * size for size, part in clock.items())
    return of_groups(cell, form.pattern, pl.sum_horizontal(parts))


# Counting.


def count_dates(cells: pl.DataFrame) -> dict[int, Counter[str]]:
    """How many cells of each column have which form of a date.

    Args:
        cells: the number of a column, ``column``, different texts of it that are not missing, ``cell``, and how often
            each stands, ``rows``.
    """
    like = cells.filter(pl.col("cell").str.contains(_DATE_LIKE))
    if not like.height:
        return {}
    told = _told_dates(like)
    names = [name for name in told.columns if name not in like.columns]
    if not names:
        return {}
    found = told.group_by("column").agg((pl.col(name) * pl.col("rows")).sum() for name in names)
    counts = {row.pop("column"): Counter({name: int(n) for name, n in row.items()}) for row in found.to_dicts()}
    _count_texts(_any_of(told, _FORMATS), _zone_text(), _ZONE, counts)
    of_two_digits = _any_of(told, map(_short, SHORT_FORMATS))
    first = _core().str.extract(r"^(?:[A-Za-z]+,? )?['’]?([0-9]{1,2})(?:[^0-9]|$)")
    _count_texts(of_two_digits, first, _FIRST, counts)
    _count_texts(of_two_digits, _core().str.extract(r"(?:^|[^0-9])([0-9]{2})$"), _LAST, counts)
    return counts


def _told_dates(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells and, by the name of a form that one of them may have, whether a cell has it."""
    cell = pl.col("cell")
    signed = cells.select(cell.str.contains(family.sign).alias(str(i)) for i, family in enumerate(_FAMILIES))
    forms: dict[str, DateForm] = {}
    alike: dict[str, pl.Expr] = {}
    for family, has_sign in zip(_FAMILIES, signed.iter_columns(), strict=True):
        if has_sign.any():
            own = pl.when(has_sign).then(cell)
            found: dict[str, DateForm] = {form: DateForm(form) for form in family.formats}
            found |= {_short(form): DateForm(form, first_year=2000) for form in family.formats if form in SHORT_FORMATS}
            forms |= found
            alike |= {name: matches(own, _with_any_zone(form)) for name, form in found.items()}
            alike |= {f"date {i}": matches(own, _TEXTS[i][0]) for i in family.texts}
            if "year_month" in found:
                alike["season"] = _is_season(own)
    told = cells.with_columns(**alike)
    # What looks like a date may be none, as 30 February.
    told = told.with_columns(
        _day(pl.when(name).then(cell), form, _with_any_zone(form)).is_not_null().alias(name)
        for name, form in forms.items()
        if told[name].any()
    )
    either = [(str, order) for order in _ORDERS] + [(_short, order) for order in _SHORT_ORDERS]
    return told.with_columns(
        pl.any_horizontal(known).alias(name_of(_either(*order)))
        for name_of, order in either
        if (known := [name_of(form) for form in order if name_of(form) in forms])
    )


def _with_any_zone(form: DateForm) -> str:
    """The pattern of a form, with times of any zone."""
    return date_pattern(form.format, short=form.is_short)


def _any_of(told: pl.DataFrame, forms: Iterable[str]) -> pl.DataFrame:
    """The cells that have one of the forms."""
    known = [form for form in forms if form in told.columns]
    return told.filter(pl.any_horizontal(known)) if known else told.clear()


_ZONE, _FIRST, _LAST = "zone", "first", "last"


def _short(form: str) -> str:
    return f"{form} of two digits"


def _either(a: DateFormat, b: DateFormat) -> str:
    return f"{a} or {b}"


def _is_season(cell: pl.Expr) -> pl.Expr:
    """Two years of which the second follows the first: 2010-11."""
    first = cell.str.extract(r"^[12][0-9]([0-9]{2})[/-][0-9]{2}$").cast(pl.Int32)
    second = cell.str.extract(r"^[12][0-9]{3}[/-]([0-9]{2})$").cast(pl.Int32)
    return ((first + 1) % 100 == second).fill_null(value=False)


def _core() -> pl.Expr:
    """A date without its time."""
    return pl.col("cell").str.replace(r"[T, :]+[0-9]{1,2}:[0-9]{2}.*$", "")


def _zone_text() -> pl.Expr:
    """What stands behind the time of a date, blank if nothing does; null if the date has no time."""
    zone = pl.col("cell").str.extract(
        r"[0-9]:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?: ?[AaPp][Mm])?"
        r"(?: ?((?:UTC|GMT)?[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z]{3,4}|Z))?(?: \([A-Za-z ]+\))?(?: [0-9]{4})?$"
    )
    return pl.when(pl.col("cell").str.contains("[0-9]:[0-9]")).then(zone.fill_null(""))


def _count_texts(cells: pl.DataFrame, text: pl.Expr, name: str, counts: Mapping[int, Counter[str]]) -> None:
    """Adds how often each text stands in a column."""
    if not cells.height:
        return
    texts = cells.select("column", "rows", text.alias("text")).drop_nulls()
    for column, one, rows in texts.group_by("column", "text").agg(pl.col("rows").sum()).iter_rows():
        counts[column][f"{name} {zone_of(one) if name == _ZONE else int(one)}"] += rows


# Reading.


@dataclass(frozen=True)
class Dates:
    """The form of a column's dates, how many cells have it, and what is said of other readings."""

    form: DateForm
    count: int
    doubt: str | None = None


def read_dates(forms: Mapping[str, int]) -> Dates | None:
    """The form that fits a column's cells; None if none does, or if it cannot be told."""
    best = max(_FORMATS, key=lambda form: forms[form])
    best_short = max(SHORT_FORMATS, key=lambda form: forms[_short(form)])
    if forms[best] >= forms[_short(best_short)]:
        return _of_four_digits(best, forms) if _is_enough(forms[best], forms) else None
    return _of_two_digits(forms) if _is_enough(forms[_short(best_short)], forms) else None


def _is_enough(count: int, forms: Mapping[str, int]) -> bool:
    return 0 < count >= KIND_SHARE * forms["filled"]


def _of_four_digits(best: DateFormat, forms: Mapping[str, int]) -> Dates | None:
    zone = _zone(forms)
    if zone is None or (best == "year_month" and _is_enough(forms["season"], forms)):
        return None
    is_number = best in NUMBER_LIKE and _is_enough(forms["plain"], forms)
    if is_number and forms[best] < (1 - NEEDED_SHARE) * forms["filled"]:
        return None
    doubt = f"its numbers are read as dates in digits (`{_PATTERN_OF[best]}`)" if is_number else None
    for order in _ORDERS:
        if best in order and forms[order[0]] and forms[order[1]]:
            other = order[1 - order.index(best)]
            told = _told(forms, best, other, _either(*order))
            if told <= 0:
                return None
            doubt = (
                f"its dates are read with {_ORDER_OF[best]} first (`{_PATTERN_OF[best]}`), because {told:,} of them "
                "can only be read so"
            )
    return Dates(DateForm(best, zone), forms[best], doubt)


def _told(forms: Mapping[str, int], form: str, other: str, either: str) -> int:
    """How many cells can only be read in the form; 0 if too many can only be read in the other one."""
    only, only_other = forms[either] - forms[other], forms[either] - forms[form]
    return only if only_other < _CONTRADICTED_SHARE * only else 0


def _zone(forms: Mapping[str, int]) -> str | None:
    """The zone of a column's times; None if they have several."""
    zones = _numbers_of(_ZONE, forms)
    if not zones:
        return ""
    best = max(zones, key=lambda zone: zones[zone])
    return best if sum(zones.values()) - zones[best] <= NEEDED_SHARE * sum(zones.values()) else None


def _numbers_of(name: str, forms: Mapping[str, int]) -> dict[str, int]:
    prefix = f"{name} "
    return {key.removeprefix(prefix): count for key, count in forms.items() if key.startswith(prefix) and count}


def _of_two_digits(forms: Mapping[str, int]) -> Dates | None:
    fitting = [form for form in SHORT_FORMATS if _is_enough(forms[_short(form)], forms)]
    first, last = (sorted(map(int, _numbers_of(name, forms))) for name in (_FIRST, _LAST))
    found = next((form for form in fitting if all(_is_told(forms, form, other) for other in fitting)), None)
    years = first if found in _YEAR_AHEAD else last
    zone = _zone(forms)
    if found is None or zone is None or (found in _NAMED_MONTHS and not _are_years(years, found, forms)):
        return None
    form = DateForm(found, zone, first_year_of(years))
    read = [form.full_year(year) for year in years]
    what = f"the years of its dates have two digits (`{_PATTERN_OF[found].replace('yyyy', 'yy')}`), and are read as "
    return Dates(form, forms[_short(found)], f"{what}{min(read)} to {max(read)}")


def _are_years(numbers: Sequence[int], form: DateFormat, forms: Mapping[str, int]) -> bool:
    """Whether numbers of two digits beside the name of a month are no days of it: some days do not exist, or there are
    few different ones and they stand behind the name, where spreadsheets write years."""
    if any(not 1 <= number <= _ALL_DAYS for number in numbers):
        return True
    return form == "name_year" and len(numbers) <= _MAX_YEAR_SPREAD * _expected_days(forms[_short(form)])


def _expected_days(dates: int) -> float:
    """How many different days of the month so many dates have if all days are alike likely."""
    return _ALL_DAYS * (1 - math.pow(1 - 1 / _ALL_DAYS, dates))


def _is_told(forms: Mapping[str, int], form: DateFormat, other: DateFormat) -> bool:
    """Whether dates with years of two digits are in one form rather than in another that fits them, too."""
    orders = [order for order in _SHORT_ORDERS if {form, other} == {*order}]
    if not orders:
        return True
    either = _short(_either(*orders[0]))
    only, only_other = forms[either] - forms[_short(other)], forms[either] - forms[_short(form)]
    if (form in _YEAR_AHEAD) == (other in _YEAR_AHEAD):
        return _told(forms, _short(form), _short(other), either) > 0
    # Days are valid as years, so that a few mistakes could decide; how many different numbers there are tells more.
    if max(only, only_other) > NEEDED_SHARE * forms["filled"]:
        return only_other < _CONTRADICTED_SHARE * only
    first, last = (len(_numbers_of(name, forms)) for name in (_FIRST, _LAST))
    days, years = (last, first) if form in _YEAR_AHEAD else (first, last)
    return days >= _MIN_DAY_SPREAD * _expected_days(forms[_short(form)]) and days >= _MIN_DAYS_TO_YEARS * years


def are_dates_in_digits(forms: Mapping[str, int]) -> bool:
    """Whether nearly all cells are dates in digits alone with the day or the month first."""
    return _is_enough(forms[_either(*_ORDERS[1])], forms)


def unread_date(forms: Mapping[str, int]) -> str | None:
    """What the cells of a text column look like that mean dates, but in no format that is read."""
    if _zone(forms) is None and any(
        _is_enough(forms[name], forms) for name in [*_FORMATS, *map(_short, SHORT_FORMATS)]
    ):
        return _TEXT_OF_ZONES
    if are_dates_in_digits(forms):
        return _TEXT_OF_DIGITS
    return next((said for i, (_, said) in enumerate(_TEXTS) if _is_enough(forms[f"date {i}"], forms)), None)


def dates_as_numbers(forms: Mapping[str, int]) -> str | None:
    """What is said of a column of numbers that are dates in digits, nearly all; None if they are not."""
    best = max(sorted(NUMBER_LIKE), key=lambda form: forms[form])
    if not _is_enough(forms[best], forms):
        return None
    if best != "digits_year_first" and are_dates_in_digits(forms):
        order = _ORDERS[1]
        if not any(_told(forms, form, other, _either(*order)) for form, other in (order, order[::-1])):
            return f"nearly all its values are {_TEXT_OF_DIGITS}, so it is read as a number, whose order is not theirs"
    others = forms["filled"] - forms[best]
    what = f"{others:,} of its {forms['filled']:,} values are not, so it is read as a number"
    return f"nearly all its values are dates in digits (`{_PATTERN_OF[best]}`), but {what}"
