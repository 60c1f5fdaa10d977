"""What kind of CSV this is: its delimiter, its habit with quotes, its header row."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tabular.extent import (
    Footer,
    Sampled,
    Titles,
    counts_first,
    footer_below,
    line_shown,
    quoted_rows,
    sampled,
    titles_above,
    trailing_blanks,
)
from tabular.findings import Finding, RefusedError, Rule, shown
from tabular.records import DELIMITERS, Fault, read_record

_DELIMITER_NAMES: Final = {b",": "comma", b";": "semicolon", b"\t": "tab", b"|": "vertical bar"}
MAX_COLUMNS: Final = 5000
_SAMPLE: Final = 1 << 20
_SAMPLE_RECORDS: Final = 200

_EXCEL_SEPARATOR: Final = re.compile(rb'(?i:"?sep=([,;\t|])"?\r?\n)')
_INVISIBLE: Final = re.compile("[\u200b\u2060\ufeff]")
"""Zero-width space, word joiner and byte order mark: in a name they only hide that two names differ."""

_BLANK_BEFORE_QUOTE: Final = re.compile(rb'[ \t]"')

_HABIT: Final = 0.05
"""Where that share of records can be read only by skipping blanks before quotes, they are the writer's habit."""


@dataclass(frozen=True)
class Header:
    """The names of the columns. ``end`` is the byte offset of what follows the header row, ``next_line`` that line's
    number. ``line`` is None if the file has no such row, and the names were made. ``raw`` is the row as it stands,
    without its line end."""

    cells: tuple[str, ...]
    line: int | None
    end: int
    next_line: int
    raw: bytes = b""
    unnamed: frozenset[int] = frozenset()
    """The columns whose name was made, since the header row has none for them."""

    def named(self) -> Header:
        """The same with a name for each column: that which pandas gives, by the column's place."""
        blank = frozenset(i for i, cell in enumerate(self.cells) if not cell)
        return replace(self, cells=tuple(cell or f"Unnamed: {i}" for i, cell in enumerate(self.cells)), unnamed=blank)


@dataclass(frozen=True)
class Dialect:
    """``skip_blanks``: the file has blanks between a delimiter and an opening quote, which mean nothing.

    ``titles`` are the lines above the header, and ``footer`` those below the last row. ``repeats`` are the lines that
    may stand again among the rows and are none: the header, and what stands above it.
    """

    delimiter: bytes
    header: Header
    skip_blanks: bool
    titles: tuple[str, ...] = ()
    first_title: int = 0
    footer: Footer | None = None
    repeats: frozenset[bytes] = field(default=frozenset(), repr=False)

    @property
    def width(self) -> int:
        return len(self.header.cells)

    def column(self, position: int) -> str | None:
        """The name of a column; None if a malformed row has more of them."""
        return self.header.cells[position] if position < self.width else None

    @property
    def delimiter_name(self) -> str:
        return _DELIMITER_NAMES[self.delimiter]


def detect(path: Path, *, headed: bool = True) -> Dialect:
    """The delimiter by which most of the first records have as many cells as the first, and the header.

    Args:
        path: a file in UTF-8.
        headed: its first row is the header. Otherwise the columns are called label, x1, x2, ...: SageMaker's own form
            has the label first.

    Raises:
        RefusedError: there is no first row of two columns or more.
    """
    with path.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    final = len(sample) < _SAMPLE
    start, line = _first_line(sample)
    candidates: Sequence[bytes] = DELIMITERS
    if named := _EXCEL_SEPARATOR.match(sample, start):
        candidates, start, line = (named.group(1),), named.end(), line + 1
    first_line = line
    above = titles_above(sample, start, candidates, final=final) if headed else None
    if above is not None:
        if not above.clear:
            raise RefusedError(_doubtful_title(sample, above, line))
        start, line = above.end, line + sample.count(b"\n", start, above.end)
    delimiter, skip_blanks = _style(sample, start, candidates, final=final)
    record = read_record(sample, start, delimiter, final=final, skip_blanks=skip_blanks)
    if record is None:
        raise RefusedError(_endless_header(sample, start, candidates, line))
    if isinstance(record, Fault):
        raise RefusedError(
            Finding(rule=Rule.HEADER_UNREADABLE, line=line, what=f"the header row cannot be read: {record.what}")
        )
    cells = tuple(_INVISIBLE.sub("", cell.decode()).strip() for cell in record.cells)
    if len(cells) < 2:
        raise RefusedError(_single_column(cells[0], candidates, line))
    below = record.end if headed else start
    rows = sampled(sample, below, delimiter, final=final, skip_blanks=skip_blanks)
    if rows and quoted_rows(rows, delimiter):
        first = rows[0]
        raise RefusedError(_quoted_lines((first.cells or ("",))[0], line + sample.count(b"\n", start, first.start)))
    if not headed:
        header = Header(("label", *(f"x{i}" for i in range(1, len(cells)))), None, start, line)
        footer = footer_below(path, below, delimiter, rows, len(cells))
        return Dialect(delimiter, header, skip_blanks, footer=footer)
    raw = sample[start : record.content_end]
    header = _header(cells, rows, line, record.end, line + sample.count(b"\n", start, record.end), raw)
    titles = [sample[one.start : one.end].rstrip(b"\r\n") for one in above.records] if above else []
    return Dialect(
        delimiter,
        header,
        skip_blanks,
        titles=tuple(title.decode().strip() for title in titles),
        first_title=first_line,
        footer=footer_below(path, below, delimiter, rows, len(header.cells)),
        repeats=frozenset({raw, *titles}),
    )


def _first_line(sample: bytes) -> tuple[int, int]:
    """Where the first line begins that is not blank, and its number.

    Raises:
        RefusedError: there is none, or lines do not end as they should.
    """
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
                what="lines end with a carriage return alone, as on a classic Mac",
            )
        )
    return start, line


def _style(sample: bytes, start: int, candidates: Sequence[bytes], *, final: bool) -> tuple[bytes, bool]:
    """The delimiter, and whether blanks before quotes are skipped."""
    best, agreement = _best_delimiter(sample, start, candidates, final=final, skip_blanks=False)
    if not _BLANK_BEFORE_QUOTE.search(sample, start):
        return best, False  # there is nothing to skip
    skipping, agreement_skipping = _best_delimiter(sample, start, candidates, final=final, skip_blanks=True)
    skip_blanks = agreement_skipping > agreement + _HABIT
    return (skipping if skip_blanks else best), skip_blanks


def _single_column(cell: str, candidates: Sequence[bytes], line: int) -> Finding:
    if any(delimiter.decode() in cell for delimiter in candidates):
        return _quoted_lines(cell, line)
    return Finding(rule=Rule.SINGLE_COLUMN, line=line, what=f"there is only one column, `{shown(cell)}`")


def _header(cells: tuple[str, ...], rows: Sequence[Sampled], line: int, end: int, next_line: int, raw: bytes) -> Header:
    """The header, with blank names for cells that all rows have beyond it."""
    if unnamed := trailing_blanks(rows, len(cells)):
        return Header((*cells, *[""] * unnamed), line, end, next_line, raw)
    if counts_first(rows, len(cells)):
        return Header(("", *cells), line, end, next_line, raw)
    return Header(cells, line, end, next_line, raw)


def _quoted_lines(cell: str, line: int) -> Finding:
    what = f"the whole line stands in quotes, so it is a single cell (`{shown(cell)}`)"
    return Finding(rule=Rule.LINES_QUOTED, line=line, what=what)


def _doubtful_title(sample: bytes, above: Titles, line: int) -> Finding:
    """What stands above a table whose names are not clear."""
    first = above.records[0]
    title = line_shown(sample[first.start : first.end].decode(errors="replace"))
    names = line + sample.count(b"\n", first.start, above.end)
    what = f"it is a title ({title}), and the table begins in line {names}, where no names clearly stand"
    return Finding(rule=Rule.HEADER_BELOW_TITLE, line=line, what=what)


def _endless_header(sample: bytes, start: int, candidates: Sequence[bytes], line: int) -> Finding:
    """Why a header does not end within the sample: so many columns, a line that is no header, or an open quote."""
    if sample.find(b"\n", start) >= 0:
        return Finding(rule=Rule.HEADER_UNREADABLE, line=line, what="the header row does not end")
    columns = max(sample.count(delimiter, start) for delimiter in candidates)
    if columns > MAX_COLUMNS:
        what = f"it has more than {columns:,} columns; the maximum is {MAX_COLUMNS:,}"
        return Finding(rule=Rule.TOO_MANY_COLUMNS, line=line, what=what)
    what = f"the line has more than {_SAMPLE - start:,} bytes"
    return Finding(rule=Rule.RECORD_TOO_LONG, line=line, what=what)


def _best_delimiter(
    sample: bytes, start: int, candidates: Sequence[bytes], *, final: bool, skip_blanks: bool
) -> tuple[bytes, float]:
    """The delimiter of most agreement, the first among equals, and its share of records."""
    found = {each: _agreement(sample, start, each, final=final, skip_blanks=skip_blanks) for each in candidates}
    best = max(candidates, key=lambda each: found[each])
    return best, found[best][0]


def _agreement(sample: bytes, start: int, delimiter: bytes, *, final: bool, skip_blanks: bool) -> tuple[float, int]:
    """The share of records that are as wide as the first, and its width; (0, 1) if it has one cell only."""
    widths: list[int] = []
    position, visited = start, 0
    while position < len(sample) and len(widths) < _SAMPLE_RECORDS and visited < 10 * _SAMPLE_RECORDS:
        visited += 1
        record = read_record(sample, position, delimiter, final=final, skip_blanks=skip_blanks)
        if record is None:
            break
        if isinstance(record, Fault):
            widths.append(0)
            position = sample.find(b"\n", position) + 1 or len(sample)
            continue
        if any(cell.strip() for cell in record.cells):
            widths.append(len(record.cells))
            if widths[0] < 2:
                break
        position = record.end
    if not widths or widths[0] < 2:
        return (0.0, 1)
    return (round(widths.count(widths[0]) / len(widths), 2), widths[0])
