"""What is left of a file of the log without the lines of one key, and for how long. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, get_args

from sluice.dataset.config import KeepDays
from sluice.prediction.key import as_key
from sluice.prediction.log import LogError

_KEEP_DAYS: Final[tuple[int, ...]] = get_args(KeepDays.__value__)


class Left(NamedTuple):
    """The lines that stay, as they were written, and how many do not."""

    text: str
    removed: int


def without_key(text: str, key: str, column: str | None) -> Left:
    """A file of the log without the lines of a key.

    Args:
        text: the file's lines.
        key: as text.
        column: the dataset's key column, which a record holds itself if it was kept before the column was named.

    Raises:
        LogError: a line is none of the log's.
    """
    kept, removed = [], 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if line.strip() and _is_of(_parsed(line, number), key, column):
            removed += 1
        else:
            kept.append(line)
    return Left("".join(kept), removed)


def _parsed(line: str, number: int) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("record"), dict):
        raise LogError(f"line {number} is no prediction")
    return found


def _is_of(line: Mapping[str, Any], key: str, column: str | None) -> bool:
    return line.get("key") == key or (column is not None and as_key(line["record"].get(column)) == key)


def days_to_keep(days: int, age: int) -> int:
    """For how many days an object is kept that replaces another one, of the numbers that the bucket has a rule for.

    S3 counts from the replacement on. What is left is rounded down, so that nothing stays longer than was said; if
    less than the least number is left, that one is taken.

    Args:
        days: that the replaced object was to be kept.
        age: of it, in days.
    """
    return max((kept for kept in _KEEP_DAYS if kept <= days - age), default=min(_KEEP_DAYS))
