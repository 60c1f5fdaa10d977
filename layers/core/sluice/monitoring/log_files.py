"""Which files of the log of predictions are read, and the days of a window. Pure."""

from __future__ import annotations

import datetime
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_FILES: Final = 100_000
"""That are read for one report: a file a request takes a request to S3. Of more, a fixed sample is read."""

_DAYS_AGO: Final = re.compile(r"([1-9][0-9]{0,2})d")


@dataclass(frozen=True)
class LogFile:
    key: str
    size: int


def chosen(files: Sequence[LogFile], max_files: int = MAX_FILES) -> Sequence[LogFile]:
    """All of them, or so many by their keys' checksums: the same ones whenever the report is made again."""
    if len(files) <= max_files:
        return files
    return sorted(sorted(files, key=lambda file: (zlib.crc32(file.key.encode()), file.key))[:max_files], key=_key)


def _key(file: LogFile) -> str:
    return file.key


def days_between(since: datetime.date, until: datetime.date) -> list[datetime.date]:
    """Both included."""
    return [since + datetime.timedelta(days=i) for i in range((until - since).days + 1)]


def first_day(text: str, today: datetime.date) -> datetime.date:
    """The day that a person means by ``2026-11-23`` or by ``7d``, the last seven days with today.

    Raises:
        ValueError: it is neither, or lies in the future. The message says what is expected.
    """
    ago = _DAYS_AGO.fullmatch(text)
    try:
        day = today - datetime.timedelta(days=int(ago[1]) - 1) if ago else datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day; write one such as 2026-11-23, or 7d for the last seven days") from None
    if day > today:
        raise ValueError(f"{day} lies in the future; today is {today} (UTC)")
    return day
