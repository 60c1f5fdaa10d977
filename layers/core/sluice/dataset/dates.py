"""How columns write dates: the formats, what a date of each looks like, and what a text in one of them means.

A cell becomes a date in two ways that must agree: here for a single record, and in ``tabular.dates`` for the chunks of
a file. Both go by the patterns of this module, which stay within what Python's re and Rust's regex (Polars) read alike.
"""

import datetime
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

type DateFormat = Literal[
    "iso",
    "year_first",
    "day_first",
    "month_first",
    "day_name",
    "name_day",
    "year_name_day",
    "ctime",
    "digits_year_first",
    "digits_day_first",
    "digits_month_first",
    "year_month",
    "month_year",
    "name_year",
    "year_name",
    "year_quarter",
    "quarter_year",
    "year_week",
]
"""How a column's files write dates; :data:`DATE_EXAMPLES` has a date of each."""

DATE_EXAMPLES: Final[dict[DateFormat, str]] = {
    "iso": "2026-11-23",
    "year_first": "2026/11/23",
    "day_first": "23.11.2026",
    "month_first": "11/23/2026",
    "day_name": "23 Nov 2026",
    "name_day": "Nov 23, 2026",
    "year_name_day": "2026-Nov-23",
    "ctime": "Mon Nov 23 14:30:00 2026",
    "digits_year_first": "20261123",
    "digits_day_first": "23112026",
    "digits_month_first": "11232026",
    "year_month": "2026-11",
    "month_year": "11/2026",
    "name_year": "Nov 2026",
    "year_name": "2026 Nov",
    "year_quarter": "2026Q4",
    "quarter_year": "Q4 2026",
    "year_week": "2026-W48",
}
_SHORT_EXAMPLES: Final[dict[DateFormat, str]] = {
    "year_first": "26/11/23",
    "day_first": "23.11.26",
    "month_first": "11/23/26",
    "day_name": "23-Nov-26",
    "name_day": "Nov 23, 26",
    "year_name_day": "26-Nov-23",
    "name_year": "Nov-26",
    "year_name": "26-Nov",
    "year_quarter": "26Q4",
    "quarter_year": "Q4 26",
}

SHORT_FORMATS: Final = tuple(_SHORT_EXAMPLES)
"""The formats whose years may have two digits."""

PERIODS: Final[frozenset[DateFormat]] = frozenset(
    {"year_month", "month_year", "name_year", "year_name", "year_quarter", "quarter_year", "year_week"}
)
"""The formats of months, quarters and weeks: such a date stands for the first day of them."""

NUMBER_LIKE: Final[frozenset[DateFormat]] = frozenset(
    {"digits_year_first", "digits_day_first", "digits_month_first", "month_year"}
)
"""The formats whose dates may look like plain numbers."""

EPOCH: Final = datetime.date(1970, 1, 1)
"""Days are counted from it."""

MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_YEAR: Final = "(?P<year>[12][0-9]{3})"
_SHORT_YEAR: Final = "['’]?(?P<year>[0-9]{2})"
# In digits alone, so that two orders seldom fit one text: the month and day that end 20261123 are no year.
_NEAR_YEAR: Final = "(?P<year>(?:1[89]|2[01])[0-9]{2})"
_MONTH: Final = "(?P<month>0?[1-9]|1[0-2])"
_TWO_DIGIT_MONTH: Final = "(?P<month>0[1-9]|1[0-2])"
_DAY: Final = "(?P<day>0?[1-9]|[12][0-9]|3[01])"
_TWO_DIGIT_DAY: Final = "(?P<day>0[1-9]|[12][0-9]|3[01])"
_NAME: Final = (
    "(?P<name>(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?))\.?"
)
_WEEKDAY: Final = (
    "(?:(?i:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)day),? )?"
)
_ORDINAL: Final = "(?i:st|nd|rd|th)?"
_QUARTER: Final = "(?P<quarter>(?i:Q[1-4]|[1-4]Q))"
_CLOCK: Final = (
    "(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])"
    r"(?::(?P<second>[0-5][0-9](?:\.[0-9]+)?))?(?P<half> ?(?i:[ap]m))?"
)
_ZONE: Final = "@zone@"  # in a pattern: where the offset from UTC stands
_TIME: Final = f"(?:(?:T|,? |:){_CLOCK}{_ZONE})?"
_ZEROS: Final = r"(?:\.0*)?"  # whole numbers of a column that has blanks, as pandas writes them

_PATTERNS: Final[dict[DateFormat, str]] = {
    "iso": f"(?P<year>[12][0-9]{{3}})-{_TWO_DIGIT_MONTH}-{_TWO_DIGIT_DAY}"
    "(?:[T ](?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])"
    rf"(?::(?P<second>[0-5][0-9](?:\.[0-9]+)?))?{_ZONE})?(?P<half>)",
    "year_first": f"@year@[/.-]{_MONTH}[/.-]{_DAY}{_TIME}",
    "day_first": f"{_DAY}[/.-]{_MONTH}[/.-]@year@{_TIME}",
    "month_first": f"{_MONTH}[/-]{_DAY}[/-]@year@{_TIME}",
    "day_name": rf"{_WEEKDAY}{_DAY}{_ORDINAL}(?:\. ?|[ /-])?{_NAME}(?:, ?|[ /-])?@year@{_TIME}",
    "name_day": rf"{_WEEKDAY}{_NAME}[ -]{_DAY}{_ORDINAL}(?:, ?|[ -])@year@{_TIME}",
    "year_name_day": f"@year@[ /-]?{_NAME}[ /-]?{_DAY}{_TIME}",
    "ctime": f"{_WEEKDAY}{_NAME} {{1,2}}{_DAY} {_CLOCK}{_ZONE} @year@",
    "digits_year_first": f"{_NEAR_YEAR}{_TWO_DIGIT_MONTH}{_TWO_DIGIT_DAY}"
    f"(?:T?(?P<hour>[01][0-9]|2[0-3])(?P<minute>[0-5][0-9])(?P<second>[0-5][0-9])?)?{_ZEROS}Z?(?P<half>)",
    # A 0 before the first figure is lost where a number was written.
    "digits_day_first": f"{_DAY}{_TWO_DIGIT_MONTH}{_NEAR_YEAR}{_ZEROS}",
    "digits_month_first": f"{_MONTH}{_TWO_DIGIT_DAY}{_NEAR_YEAR}{_ZEROS}",
    "year_month": f"{_YEAR}[/Mm-]{_MONTH}",
    "month_year": f"{_MONTH}[/.-]{_NEAR_YEAR}",
    "name_year": f"{_NAME}(?:, ?|[ /-])?@year@",
    "year_name": f"@year@[ /-]?{_NAME}",
    "year_quarter": f"@year@[ /-]?{_QUARTER}",
    "quarter_year": f"{_QUARTER}[ /-]?@year@",
    "year_week": f"{_YEAR}-?[Ww](?P<week>0[1-9]|[1-4][0-9]|5[0-3])(?:-?(?P<weekday>[1-7]))?",
}

_ANY_ZONE: Final = r"(?: ?(?:Z|(?:UTC|GMT)?[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z]{3,4})(?: \([A-Za-z ]+\))?)?"
_COMMENT: Final = r"(?: \([A-Za-z ]+\))?"
_UTC: Final = rf"(?: ?(?:Z|(?:UTC|GMT)?[+-]00(?::?00)?|UTC|GMT){_COMMENT})?"

POSIX_YEAR: Final = 1969
"""POSIX reads years of two digits as 1969 to 2068 (strptime, ``%y``)."""


_MIN_GAP: Final = 5
"""Years that a column lacks in a row: fewer do not tell where its hundred years begin."""


@dataclass(frozen=True)
class DateForm:
    """How a column writes its dates.

    ``zone``: of its times: blank for UTC or none, otherwise an offset (``+02:00``) or an abbreviation (``CET``).
    ``first_year``: its years have two digits, and are those of the hundred years from it on.
    """

    format: DateFormat = "iso"
    zone: str = ""
    first_year: int | None = None

    @property
    def pattern(self) -> str:
        """What a date of the form looks like. The time of day may be left out."""
        return date_pattern(self.format, zone=self.zone, short=self.first_year is not None)

    @property
    def is_short(self) -> bool:
        return self.first_year is not None

    @property
    def example(self) -> str:
        """A date of the form, for messages."""
        date = _SHORT_EXAMPLES[self.format] if self.is_short else DATE_EXAMPLES[self.format]
        if not self.zone:
            return date
        blank = "" if self.format == "iso" else " "
        if self.format == "ctime":
            return date.replace(" 2026", f" {self.zone} 2026")
        return f"{date}{'T' if self.format == 'iso' else ' '}14:30:00{blank}{self.zone}"

    def full_year(self, year: int) -> int:
        if self.first_year is None:
            return year
        return self.first_year + (year + 100 - self.first_year % 100) % 100


ISO: Final = DateForm()


def date_pattern(form: DateFormat, *, zone: str | None = None, short: bool = False) -> str:
    """What a date of a format looks like.

    Args:
        form: the format.
        zone: of its times, as :class:`DateForm` has it; None for any.
        short: its years have two digits.
    """
    pattern = _PATTERNS[form].replace("@year@", _SHORT_YEAR if short else _YEAR)
    return pattern.replace(_ZONE, _ANY_ZONE if zone is None else _zone_pattern(zone))


def _zone_pattern(zone: str) -> str:
    if not zone:
        return _UTC
    if zone[0] not in "+-":
        return f" ?{zone}{_COMMENT}"
    hours, _, minutes = zone.partition(":")
    rest = "(?::?00)?" if minutes == "00" else f":?{minutes}"
    return rf" ?(?:UTC|GMT)?[{hours[0]}]{hours[1:]}{rest}{_COMMENT}"


def zone_of(text: str) -> str:
    """The zone of a time by what stands behind it, in one spelling (see :class:`DateForm`)."""
    found = re.fullmatch(r"(?:UTC|GMT)?([+-][0-9]{2}):?([0-9]{2})?", text)
    if found is None:
        return "" if text in {"", "Z", "UTC", "GMT"} else text
    zone = f"{found[1]}:{found[2] or '00'}"
    return "" if zone in {"+00:00", "-00:00"} else zone


def first_year_of(years: Iterable[int]) -> int:
    """From which year on years of two digits are counted, so that those of a column keep their order.

    That is POSIX's year, unless the column has years on both sides of it: then the hundred years begin in the middle of
    the longest stretch that has none, so that births from 1940 to 2015 do not fall apart.

    Args:
        years: of two digits, those that the column has.
    """
    known = sorted(set(years))
    if not known:
        return POSIX_YEAR
    gaps = [(after - before, before) for before, after in zip(known, [*known[1:], known[0] + 100], strict=True)]
    length, before = max(gaps)
    posix = POSIX_YEAR % 100
    if length < _MIN_GAP or before < posix <= before + length or before < posix + 100 <= before + length:
        return POSIX_YEAR
    # The last year before the gap is the latest one, and POSIX tells its century.
    latest = DateForm(first_year=POSIX_YEAR).full_year(before)
    return latest + (length + 1) // 2 - 100


@functools.cache
def _compiled(form: DateForm) -> re.Pattern[str]:
    return re.compile(form.pattern)


def read_date(text: str, form: DateForm) -> tuple[datetime.date, int | None] | None:
    """The day (the first one of a month, a quarter or a week), and the hour where a time is given; None if the text is
    no date of that form."""
    found = _compiled(form).fullmatch(text)
    if found is None:
        return None
    parts = found.groupdict()
    try:
        day = _day(parts, form)
    except ValueError:
        return None
    hour = int(parts["hour"]) if parts.get("hour") else None
    half = (parts.get("half") or "").strip().lower()
    if hour is not None and half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return day, hour


def _day(parts: dict[str, str | None], form: DateForm) -> datetime.date:
    year = form.full_year(int(parts["year"] or 0))
    if week := parts.get("week"):
        return datetime.date.fromisocalendar(year, int(week), int(parts["weekday"] or 1))
    if quarter := parts.get("quarter"):
        month = 3 * int(quarter.strip("Qq")) - 2
    elif name := parts.get("name"):
        month = MONTH_NAMES.index(name[:3].lower()) + 1
    else:
        month = int(parts["month"] or 0)
    return datetime.date(year, month, int(parts.get("day") or 1))
