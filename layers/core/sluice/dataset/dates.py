"""How columns write dates: the formats, what a date of each looks like, and what a text in one of them means.

The patterns stay within what Python's re and Rust's regex (Polars) read alike.
"""

import datetime
import re
from typing import Final, Literal

type DateFormat = Literal["iso", "year_first", "day_first", "month_first", "day_name", "name_day"]
"""How a column's files write dates: 2026-11-23, 2026/11/23 (or 2026.11.23), 23.11.2026 (or 23/11/2026, 23-11-2026),
11/23/2026 (or 11-23-2026), 23 Nov 2026 (or 23-Nov-2026), Nov 23, 2026."""

_YEAR: Final = "(?P<year>[12][0-9]{3})"
_MONTH: Final = "(?P<month>0?[1-9]|1[0-2])"
_DAY: Final = "(?P<day>0?[1-9]|[12][0-9]|3[01])"
_NAME: Final = (
    "(?P<name>(?i:jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?"
    r"|nov(ember)?|dec(ember)?))\.?"
)
_TIME: Final = r"((T|,? )(?P<hour>[01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(?P<half> ?(?i:[ap]m))?)?"

DATE: Final[dict[DateFormat, str]] = {
    "iso": r"(?P<year>[12][0-9]{3})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])"
    r"([T ](?P<hour>[01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?Z?)?(?P<half>)",
    "year_first": f"{_YEAR}[/.]{_MONTH}[/.]{_DAY}{_TIME}",
    "day_first": f"{_DAY}[/.-]{_MONTH}[/.-]{_YEAR}{_TIME}",
    "month_first": f"{_MONTH}[/-]{_DAY}[/-]{_YEAR}{_TIME}",
    "day_name": rf"{_DAY}[ -]{_NAME}[ -]{_YEAR}{_TIME}",
    "name_day": rf"{_NAME} {_DAY},? {_YEAR}{_TIME}",
}
"""What a date looks like, by format. The time of day may be left out."""

MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

DATE_EXAMPLES: Final[dict[DateFormat, str]] = {
    "iso": "2026-11-23",
    "year_first": "2026/11/23",
    "day_first": "23.11.2026",
    "month_first": "11/23/2026",
    "day_name": "23 Nov 2026",
    "name_day": "Nov 23, 2026",
}


def read_date(text: str, format: DateFormat) -> tuple[datetime.date, int | None] | None:  # noqa: A002 - its name
    """The day, and the hour where a time is given; None if the text is no date of that format."""
    found = re.fullmatch(DATE[format], text)
    if found is None:
        return None
    parts = found.groupdict()
    month = int(parts["month"]) if "month" in parts else MONTH_NAMES.index(parts["name"][:3].lower()) + 1
    try:
        day = datetime.date(int(parts["year"]), month, int(parts["day"]))
    except ValueError:
        return None
    hour = int(parts["hour"]) if parts["hour"] else None
    half = (parts["half"] or "").strip().lower()
    if hour is not None and half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return day, hour
