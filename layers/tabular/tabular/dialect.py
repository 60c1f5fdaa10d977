"""What kind of text file this is: its encoding, its line ends, its delimiter, its header row."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tabular.findings import Finding, RefusedError, Rule, shown
from tabular.records import DELIMITERS, Fault, read_record

_DELIMITER_NAMES: Final = {b",": "comma", b";": "semicolon", b"\t": "tab", b"|": "vertical bar"}
_BLOCK: Final = 1 << 22
_SAMPLE: Final = 1 << 20
_SAMPLE_RECORDS: Final = 200

_EXCEL_SEPARATOR: Final = re.compile(rb'(?i:"?sep=([,;\t|])"?\r?\n)')
_INVISIBLE: Final = re.compile("[\u200b\u2060\ufeff]")
"""Zero-width space, word joiner and byte order mark: in a name they only hide that two names differ."""

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32 (little endian)"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "UTF-32 (big endian)"),
    (codecs.BOM_UTF16_LE, "UTF-16 (little endian)"),
    (codecs.BOM_UTF16_BE, "UTF-16 (big endian)"),
)

_HABIT: Final = 0.05
"""Where that share of records can be read only by skipping blanks before quotes, they are the writer's habit."""

_FOREIGN: Final = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
)


@dataclass(frozen=True)
class Header:
    """The header row. ``end`` is the byte offset of what follows it, ``next_line`` that line's number.

    ``ending`` is the length of its line end; ``regular`` says that every CSV reader finds the same header.
    """

    cells: tuple[str, ...]
    line: int
    end: int
    next_line: int
    ending: int
    regular: bool


@dataclass(frozen=True)
class Dialect:
    """``skip_blanks``: the file has blanks between a delimiter and an opening quote, which mean nothing."""

    delimiter: bytes
    header: Header
    skip_blanks: bool

    @property
    def width(self) -> int:
        return len(self.header.cells)

    @property
    def delimiter_name(self) -> str:
        return _DELIMITER_NAMES[self.delimiter]


def check_encoding(path: Path) -> None:
    """Raises RefusedError where the file is no UTF-8 text. A UTF-8 byte order mark is fine."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if not start:
        raise RefusedError(Finding(rule=Rule.FILE_EMPTY, what="the file has no bytes"))
    for magic, kind in _FOREIGN:
        if start.startswith(magic):
            raise RefusedError(Finding(rule=Rule.NOT_CSV, what=f"this is {kind}, not CSV text"))
    if wide := _wide_kind(start):
        raise RefusedError(Finding(rule=Rule.ENCODING, line=1, byte_offset=0, what=f"the text is {wide}, not UTF-8"))
    if fault := _undecodable(path):
        raise RefusedError(fault)


def _wide_kind(start: bytes) -> str | None:
    """UTF-32 by its byte order mark; UTF-16 by that, or by every other byte of plain text being NUL."""
    for mark, kind in _MARKS:
        if start.startswith(mark):
            return kind
    half = len(start) // 2
    if half >= 4 and start[1::2].count(0) > 0.7 * half and start[::2].count(0) < 0.1 * half:
        return "UTF-16 (little endian, without byte order mark)"
    if half >= 4 and start[::2].count(0) > 0.7 * half and start[1::2].count(0) < 0.1 * half:
        return "UTF-16 (big endian, without byte order mark)"
    return None


def _undecodable(path: Path) -> Finding | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, line, pending = 0, 1, b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            nul = block.find(b"\0")
            if nul >= 0:
                return Finding(
                    rule=Rule.NUL_BYTE,
                    line=line + block.count(b"\n", 0, nul),
                    byte_offset=offset + nul,
                    what="the file holds a NUL byte",
                )
            if pending or not block.isascii():
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    return _not_utf8(pending + block, error.start, offset - len(pending), line)
                pending = decoder.getstate()[0]
            offset += len(block)
            line += block.count(b"\n")
    if pending:
        return Finding(
            rule=Rule.ENCODING,
            line=line,
            byte_offset=offset - len(pending),
            what="the file ends inside a UTF-8 character",
        )
    return None


def _not_utf8(block: bytes, position: int, offset: int, line: int) -> Finding:
    value = block[position]
    windows = any(byte in block for byte in range(0x80, 0xA0))
    name = "Windows-1252" if windows else "Latin-1 (ISO 8859-1)"
    character = bytes([value]).decode("cp1252" if windows else "latin-1", errors="replace")
    return Finding(
        rule=Rule.ENCODING,
        line=line + block.count(b"\n", 0, position),
        byte_offset=offset + position,
        what=f"byte 0x{value:02X} is not UTF-8; the text looks like {name}, where it is `{character}`",
    )


def detect(path: Path) -> Dialect:
    """The delimiter by which most of the first records have as many cells as the header, and that header.

    Args:
        path: a file in UTF-8.

    Raises:
        RefusedError: there is no header row of two columns or more.
    """
    with path.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    final = len(sample) < _SAMPLE
    start = len(codecs.BOM_UTF8) if sample.startswith(codecs.BOM_UTF8) else 0
    line = 1
    while (stop := sample.find(b"\n", start)) >= 0 and not sample[start:stop].strip():
        start, line = stop + 1, line + 1
    if not sample[start:].strip():
        raise RefusedError(Finding(rule=Rule.FILE_EMPTY, what="the file has nothing but blank lines"))
    if b"\n" not in sample and b"\r" in sample.strip():
        raise RefusedError(
            Finding(
                rule=Rule.STRAY_CARRIAGE_RETURN,
                line=1,
                what="lines end with a carriage return alone, as on a very old Mac",
            )
        )
    candidates: Sequence[bytes] = DELIMITERS
    if named := _EXCEL_SEPARATOR.match(sample, start):
        candidates, start, line = (named.group(1),), named.end(), line + 1
    best, agreement = _best_delimiter(sample, start, candidates, final=final, skip_blanks=False)
    skipping, agreement_skipping = _best_delimiter(sample, start, candidates, final=final, skip_blanks=True)
    skip_blanks = agreement_skipping > agreement + _HABIT
    best = skipping if skip_blanks else best
    record = read_record(sample, start, best, final=final, skip_blanks=skip_blanks)
    if record is None:
        raise RefusedError(Finding(rule=Rule.HEADER_UNREADABLE, line=line, what="the header row does not end"))
    if isinstance(record, Fault):
        raise RefusedError(
            Finding(rule=Rule.HEADER_UNREADABLE, line=line, what=f"the header row cannot be read: {record.what}")
        )
    cells = tuple(_INVISIBLE.sub("", cell.decode()).strip() for cell in record.cells)
    if len(cells) < 2:
        raise RefusedError(
            Finding(rule=Rule.SINGLE_COLUMN, line=line, what=f"there is only one column, `{shown(cells[0])}`")
        )
    next_line = line + sample.count(b"\n", start, record.end)
    regular = line == 1 and not record.odd and not any(end in cell for cell in record.cells for end in (b"\r", b"\n"))
    header = Header(cells, line, record.end, next_line, record.end - record.content_end, regular)
    return Dialect(best, header, skip_blanks)


def _best_delimiter(
    sample: bytes, start: int, candidates: Sequence[bytes], *, final: bool, skip_blanks: bool
) -> tuple[bytes, float]:
    """The delimiter of most agreement, the first among equals, and its share of records."""
    found = {each: _agreement(sample, start, each, final=final, skip_blanks=skip_blanks) for each in candidates}
    best = max(candidates, key=lambda each: found[each])
    return best, found[best][0]


def _agreement(sample: bytes, start: int, delimiter: bytes, *, final: bool, skip_blanks: bool) -> tuple[float, int]:
    """The share of records that are as wide as the first, and its width; (0, 1) where it has one cell only."""
    widths: list[int] = []
    position = start
    while position < len(sample) and len(widths) < _SAMPLE_RECORDS:
        record = read_record(sample, position, delimiter, final=final, skip_blanks=skip_blanks)
        if record is None:
            break
        if isinstance(record, Fault):
            widths.append(0)
            position = sample.find(b"\n", position) + 1 or len(sample)
            continue
        if any(cell.strip() for cell in record.cells):
            widths.append(len(record.cells))
        position = record.end
    if not widths or widths[0] < 2:
        return (0.0, 1)
    return (round(widths.count(widths[0]) / len(widths), 2), widths[0])
