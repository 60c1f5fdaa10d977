"""The header of a CSV file, read cheaply and before anything is sent, to catch a misspelled column.

That alone: the pipeline says what is wrong with the rows, with line and column.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from pathlib import Path
from typing import Final

_HEAD_BYTES: Final = 1 << 20
_DELIMITERS: Final = ",;\t|"
_ZIP: Final = b"PK\x03\x04"
"""First bytes of zip files, Excel workbooks among them."""
_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_INVISIBLE: Final = re.compile("[\u200b\u2060\ufeff]")
"""As the pipeline: in a name they only hide that two names differ."""
_NAMES_SEPARATOR: Final = re.compile("sep=", re.IGNORECASE)
"""Excel's line that names the separator. What then is the header, the pipeline says."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_header(path: Path) -> list[str] | None:
    """The column names in the first line, by the delimiter that gives the most of them.

    Neither a byte order mark nor blanks round a name are part of it. A file in gzip is read as what is in it.

    Returns:
        None if the first line does not look like a header (an empty or binary file, a workbook, a title line, numbers):
        the pipeline says better what is wrong there.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_GZIP):
        head = _unpacked(head)
    if head.startswith(_ZIP) or (b"\0" in head and not head.startswith(_UTF16)):
        return None
    text = _decode(head).lstrip("\r\n")
    if _NAMES_SEPARATOR.match(text):
        return None
    header = max((_first_row(text, delimiter) for delimiter in _DELIMITERS), key=len)
    return header if len(header) > 1 and not any(_is_number(name) for name in header) else None


def _unpacked(head: bytes) -> bytes:
    """The beginning of what a gzip file holds; nothing if it is damaged."""
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return b""


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
    return [_INVISIBLE.sub("", name).strip() for name in row]
