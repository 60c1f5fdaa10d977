"""The header of a CSV file, read cheaply and before anything is started, to catch a misspelt target column.

Only that: what is wrong with the rows, the pipeline says, with line and column.
"""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path
from typing import Final

_HEAD_BYTES: Final = 1 << 20
_DELIMITERS: Final = ",;\t|"
_PACKED: Final = (b"PK\x03\x04", b"\x1f\x8b")
"""First bytes of zip files, Excel workbooks among them, and of gzip files."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_header(path: Path) -> list[str] | None:
    """The column names in the first line, by the delimiter that gives the most of them.

    A byte order mark is no part of the first name; blanks round a name are none either.

    Returns:
        None where the first line does not look like a header (an empty, packed or binary file, a title line, numbers):
        what is wrong there the pipeline says better.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_PACKED) or (b"\0" in head and not head.startswith(_UTF16)):
        return None
    text = _decode(head)
    header = max((_first_row(text, delimiter) for delimiter in _DELIMITERS), key=len)
    return header if len(header) > 1 and not any(_is_number(name) for name in header) else None


def _is_number(name: str) -> bool:
    try:
        float(name.replace(",", "."))
    except ValueError:
        return False
    return True


def _decode(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head.decode(encoding, errors="replace")
    try:
        # The head may end within a character; what is lost is the last one.
        return codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return head.decode("latin-1")


def _first_row(text: str, delimiter: str) -> list[str]:
    try:
        row = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
    return [name.strip() for name in row]
