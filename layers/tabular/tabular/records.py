"""The records of a CSV file, exactly as RFC 4180 has them, with the physical line and byte offset of each.

Engines parse fast, but they pad short rows silently, count records where a person counts lines, and differ on
misplaced quotes. So the structure of the file is settled here, and the engine sees only records on which no two readers
differ. Plain stretches of lines, which is nearly all of nearly every file, are taken a block at a time.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import polars as pl

from tabular.findings import Rule

DELIMITERS: Final = (b",", b";", b"\t", b"|")
MAX_RECORD_BYTES: Final = 1 << 20
MAX_CELL_BYTES: Final = 1 << 16
NO_TEXT_STARTS: Final = (b"x\x01", b"x^", b"x\xda", "\ufeff".encode())
"""How a stretch of text may begin that the engine takes for a zlib stream, or for a byte order mark and leaves out. The
other marks that it knows are no UTF-8."""

_BLOCK: Final = 1 << 23
_STRETCH: Final = 1 << 17
"""Bytes that are taken for uniform together."""

_MAX_BYTES_LINE_BY_LINE: Final = 1 << 13
"""A stretch that is not uniform is halved until it has no more; then its lines are looked at one by one."""

_QUOTED_CELL: Final = re.compile(rb'"((?:[^"]++|"")*+)"')
_UNQUOTED_ENDS: Final = {delimiter: re.compile(rb"[\r\n" + re.escape(delimiter) + rb"]") for delimiter in DELIMITERS}
_BLANK: Final = b" \t\r\v\f"
_BLANKS_AND_QUOTE: Final = re.compile(rb'[ \t]+(?=")')

_ALIKE_SHARE: Final = 0.9
_SURE_AGREEMENT: Final = 20
"""Delimiters that stand as in rows, on the lines in a quoted cell. Fewer may be chance: prose has a comma a line."""


@dataclass(frozen=True)
class Batch:
    """Consecutive well-formed records of one physical line each.

    ``raw`` is their text with the line ends (the file's last may lack its own). If they are not ``sure``, some may
    be ragged: the delimiters of all lines together are as many as they should be.
    """

    line: int
    offset: int
    raw: bytes
    rows: int
    sure: bool = True


@dataclass(frozen=True)
class Record:
    """A well-formed record that spans lines, or that CSV readers may read differently as it stands.

    ``doubtful`` says that the lines which it spans look like rows.
    """

    line: int
    offset: int
    raw: bytes
    cells: list[bytes]
    doubtful: bool


@dataclass(frozen=True)
class Malformed:
    """What cannot be read as a record of the header's width. ``column`` counts from 0."""

    line: int
    offset: int
    raw: bytes
    rule: Rule
    what: str
    column: int | None


@dataclass(frozen=True)
class BlankLine:
    line: int
    offset: int


@dataclass(frozen=True)
class RepeatedLine:
    """A line that is the header again, or one of the lines above it."""

    line: int
    offset: int


type Event = Batch | Record | Malformed | BlankLine | RepeatedLine


@dataclass(frozen=True)
class Parsed:
    """A record inside a buffer: ``end`` is the position after its line end."""

    cells: list[bytes]
    content_end: int
    end: int
    odd: bool


@dataclass(frozen=True)
class Fault:
    """Why no record can be read: ``position`` is where reading stopped, ``start`` where the cell at fault begins."""

    rule: Rule
    what: str
    column: int
    position: int
    start: int


def read_record(
    buffer: bytes, start: int, delimiter: bytes, *, final: bool, skip_blanks: bool = False
) -> Parsed | Fault | None:
    """Reads the record that begins at ``start``; None if it needs bytes after the buffer (and it is not final).

    With ``skip_blanks``, blanks before an opening quote are passed over, as Python's ``skipinitialspace`` does.
    """
    if (plain := _read_plain_record(buffer, start, delimiter)) is not None:
        return plain
    cells: list[bytes] = []
    odd = False
    at = start
    while True:
        blanks = _BLANKS_AND_QUOTE.match(buffer, at) if skip_blanks and delimiter != b"\t" else None
        if blanks:
            at, odd = blanks.end(), True
        start_of_cell = at
        cell = _read_cell(buffer, at, delimiter, len(cells))
        if isinstance(cell, Fault):
            incomplete = cell.position == len(buffer) and not final and len(buffer) - start <= MAX_RECORD_BYTES
            return None if incomplete else cell
        text, at, quote_inside = cell
        cells.append(text)
        odd = odd or quote_inside
        if not buffer.startswith(delimiter, at):
            break
        at += len(delimiter)
    if at == len(buffer):
        return Parsed(cells, at, at, odd) if final else None
    for ending in (b"\n", b"\r\n"):
        if buffer.startswith(ending, at):
            return Parsed(cells, at, at + len(ending), odd)
    if buffer.startswith(b"\r", at):
        what = "a carriage return stands inside an unquoted cell"
        return Fault(Rule.STRAY_CARRIAGE_RETURN, what, len(cells) - 1, at, start_of_cell)
    return Fault(Rule.STRAY_QUOTE, "text follows the closing quote of a cell", len(cells) - 1, at, start_of_cell)


def _read_plain_record(buffer: bytes, start: int, delimiter: bytes) -> Parsed | None:
    """The record of a whole line without quotes or stray carriage returns, which is split at its delimiters; None if
    there is no such line."""
    stop = buffer.find(b"\n", start)
    if stop < 0:
        return None
    line = buffer[start:stop].removesuffix(b"\r")
    if b'"' in line or b"\r" in line:
        return None
    return Parsed(line.split(delimiter), start + len(line), stop + 1, odd=False)


def _read_cell(buffer: bytes, at: int, delimiter: bytes, column: int) -> tuple[bytes, int, bool] | Fault:
    """The text of one cell, the position after it, and whether it has quotes inside without being quoted."""
    if buffer.startswith(b'"', at):
        quoted = _QUOTED_CELL.match(buffer, at)
        if quoted is None:
            return Fault(Rule.UNCLOSED_QUOTE, "a quoted cell is not closed", column, len(buffer), at)
        return quoted.group(1).replace(b'""', b'"'), quoted.end(), False
    end = _UNQUOTED_ENDS[delimiter].search(buffer, at)
    stop = end.start() if end else len(buffer)
    cell = buffer[at:stop]
    if b'"' in cell and cell.lstrip(_BLANK).startswith(b'"'):
        return Fault(Rule.STRAY_QUOTE, "a blank stands before the opening quote of a cell", column, at, at)
    return cell, stop, b'"' in cell


def _is_mixed(block: bytes) -> bool:
    """Whether not all lines of a block with carriage returns end with CRLF."""
    return not block.count(b"\r") == block.count(b"\n") == block.count(b"\r\n")


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


class _Lines:
    """The lines of a block: where each starts, and which are no records that all readers agree on."""

    def __init__(self, sizes: pl.Series, exceptions: list[int], size: int) -> None:
        self.count = len(sizes)
        ends = sizes.cum_sum()
        self._exceptions = exceptions
        # Few are asked for if nearly all lines are plain, and all of them if none is.
        self._ends: list[int] | pl.Series = ends.to_list() if 50 * len(self._exceptions) > self.count else ends
        self._size = size

    def start(self, number: int) -> int:
        """Of a line, or of what follows the last, which may have a shorter end than its size says."""
        return 0 if number == 0 else min(int(self._ends[number - 1]), self._size)

    def at(self, position: int) -> int:
        """The number of the line that starts there."""
        if position == self._size:
            return self.count
        if isinstance(self._ends, list):
            return bisect_left(self._ends, position) + 1
        return int(self._ends.search_sorted(position, side="left")) + 1

    def next_exception(self, number: int) -> int:
        """The first line from that number on that is no plain record; the number of all lines if there is none."""
        place = bisect_left(self._exceptions, number)
        return self._exceptions[place] if place < len(self._exceptions) else self.count


class Scanner:
    """Cuts what follows the header into events. Memory: a few times a block of 8 MiB, or one record if longer.

    The stream must hold UTF-8 text without NUL. ``strict``: every batch is sure, which takes longer. ``end`` is where
    the table ends, if that is not the stream's end. ``repeats`` are lines that are no rows wherever they stand.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        delimiter: bytes,
        width: int,
        offset: int,
        line: int,
        skip_blanks: bool = False,
        strict: bool = False,
        end: int | None = None,
        repeats: frozenset[bytes] = frozenset(),
    ) -> None:
        self._stream = stream
        self._end = end
        self._repeats = frozenset(line.strip(b" ") for line in repeats if line.strip(b" "))
        self._repeated_lines = [text for line in self._repeats for text in (line.decode(), "\ufeff" + line.decode())]
        self._strict = strict
        self._skip_blanks = skip_blanks
        self._delimiter = delimiter
        self._width = width
        self._offset = offset
        self.line = line
        wide = pl.col("line").str.len_bytes() > MAX_CELL_BYTES
        # Outside quotes, a quoted stretch (here \0) must touch a delimiter, a line's end or another stretch ("").
        other = "[^\0" + re.escape(delimiter.decode()) + "]"
        misplaced = other + "\0|\0" + other
        self._misplaced = re.compile(misplaced.encode())
        outside = pl.col("line").str.replace_all('"[^"]*"', "\0")
        self._plain_unquoted = ~wide & self._has_width(pl.col("line"))
        self._plain_quoted = ~wide & self._has_width(outside) & ~outside.str.contains(f'{misplaced}|"')

    def _has_width(self, text: pl.Expr) -> pl.Expr:
        return text.str.count_matches(self._delimiter.decode(), literal=True) == self._width - 1

    def events(self) -> Iterator[Event]:
        size = _BLOCK
        while True:
            self._stream.seek(self._offset)
            buffer = self._stream.read(size if self._end is None else max(min(size, self._end - self._offset), 0))
            final = len(buffer) < size
            if not buffer:
                return
            end = len(buffer) if final else buffer.rfind(b"\n") + 1
            if end == 0 and len(buffer) > MAX_RECORD_BYTES:
                yield from self._skip_long_line(buffer)
                continue
            used = (yield from self._block(buffer, end, final)) if end else 0
            # If nothing was used up, a record goes on behind the buffer.
            size = _BLOCK if used else 2 * size

    def _skip_long_line(self, buffer: bytes) -> Iterator[Event]:
        """Reports a line that is longer than any record may be."""
        length = len(buffer)
        while block := self._stream.read(_BLOCK):
            stop = block.find(b"\n") + 1
            length += stop or len(block)
            if stop:
                break
        raw, what = buffer[:MAX_RECORD_BYTES], f"the line has more than {MAX_RECORD_BYTES:,} bytes"
        yield self._malformed(raw, Rule.RECORD_TOO_LONG, what, None)
        self._offset += length
        self.line += 1

    def _block(self, buffer: bytes, size: int, final: bool) -> Generator[Event, None, int]:
        """Events of whole lines, which are the buffer's first ``size`` bytes; returns how many bytes are used up: less
        where a record goes on."""
        if self._strict or buffer.find(b'"', 0, size) >= 0 or (b"\r" in buffer and _is_mixed(buffer[:size])):
            return (yield from self._line_by_line(buffer[:size], final))
        at = 0
        while at < size:
            end = buffer.rfind(b"\n", at, at + _STRETCH) + 1 or buffer.find(b"\n", at) + 1 or size
            yield from self._stretch(buffer, at, end, final)
            at = end
        return at

    def _stretch(self, buffer: bytes, at: int, end: int, final: bool) -> Iterator[Event]:
        """Events of lines without quotes. Few of them are looked at one by one if one among many is no record."""
        rows = buffer.count(b"\n", at, end)
        if self._seems_uniform(buffer, at, end, rows) and not self._may_repeat(buffer, at, end):
            yield self._batch(buffer[at:end], rows, sure=False)
        elif end - at > _MAX_BYTES_LINE_BY_LINE and (middle := buffer.rfind(b"\n", at, (at + end) // 2) + 1):
            yield from self._stretch(buffer, at, middle, final)
            yield from self._stretch(buffer, middle, end, final)
        else:
            yield from self._line_by_line(buffer[at:end], final)

    def _seems_uniform(self, block: bytes, at: int, end: int, rows: int) -> bool:
        """Whether nothing in a stretch of lines is long, and it has as many delimiters as its rows should."""
        if not rows or block.count(self._delimiter, at, end) != rows * (self._width - 1):
            return False
        step = MAX_CELL_BYTES // 2  # every longer stretch without a line end spans a whole step
        return all(block.find(b"\n", place, place + step) >= 0 for place in range(at, end - step, step))

    def _may_repeat(self, buffer: bytes, at: int, end: int) -> bool:
        return any(buffer.find(line, at, end) >= 0 for line in self._repeats)

    def _is_repeat(self, line: bytes) -> bool:
        """Whether a line without its end is one that is no row; a file that was joined to another has its own mark."""
        return line.removeprefix(codecs.BOM_UTF8).strip(b" ") in self._repeats

    def _line_by_line(self, block: bytes, final: bool) -> Generator[Event, None, int]:
        lines = self._lines(block)
        number = 0
        while number < lines.count:
            at, last = lines.start(number), lines.next_exception(number)
            if last > number:
                yield self._batch(block[at : lines.start(last)], last - number)
                number = last
                continue
            end = lines.start(number + 1)
            line = block[at:end]
            if len(line) > MAX_CELL_BYTES and self._is_plain(_without_end(line)):  # long as a table is wide
                yield self._batch(line, 1)
                number += 1
                continue
            used = yield from self._exceptional(block, at, end, final)
            if used == 0:
                return at
            number = number + 1 if used == end - at else lines.at(at + used)
        return len(block)

    def _lines(self, block: bytes) -> _Lines:
        returns = b"\r" in block
        if len(block) <= _STRETCH or (returns and _is_mixed(block)):
            lines = block.removesuffix(b"\n").split(b"\n")
            exceptions = [i for i, line in enumerate(lines) if not self._is_plain(_without_end(line))]
            sizes = pl.Series([len(line) + 1 for line in lines], dtype=pl.Int64)
            return _Lines(sizes, exceptions, len(block))
        # Worth its start-up if there are many lines.
        guarded = block.startswith(NO_TEXT_STARTS)
        text = pl.read_lines(b"\n" + block).slice(1) if guarded else pl.read_lines(block)
        plain = self._plain_quoted if b'"' in block else self._plain_unquoted
        if self._may_repeat(block, 0, len(block)):
            plain &= ~pl.col("line").is_in(self._repeated_lines)
        size = pl.col("line").str.len_bytes().cast(pl.Int64) + (2 if returns else 1)
        table = text.select(size=size, plain=plain)
        return _Lines(table["size"], (~table["plain"]).arg_true().to_list(), len(block))

    def _is_plain(self, line: bytes) -> bool:
        """Whether the line is a record by itself, on which every reader agrees."""
        if b"\r" in line or len(line) > MAX_RECORD_BYTES:
            return False
        if self._is_repeat(line):
            return False
        outside = line
        if b'"' in line:
            parts = line.split(b'"')
            if len(parts) % 2 == 0 or max(map(len, parts[1::2])) > MAX_CELL_BYTES:
                return False
            outside = b"\0".join(parts[::2])
            if self._misplaced.search(outside):
                return False
        if len(line) > MAX_CELL_BYTES and max(map(len, outside.split(self._delimiter))) > MAX_CELL_BYTES:
            return False
        return outside.count(self._delimiter) == self._width - 1

    def _exceptional(self, block: bytes, at: int, line_end: int, final: bool) -> Generator[Event, None, int]:
        """The event of a line that is no plain record; returns the bytes used, 0 if more are needed."""
        line = block[at:line_end]
        if not_a_row := self._blank_or_repeated(line):
            yield not_a_row
            return self._advance(line)
        parsed = read_record(block, at, self._delimiter, final=final, skip_blanks=self._skip_blanks)
        if parsed is None:
            if len(block) - at <= MAX_RECORD_BYTES:
                return 0
            parsed = Fault(Rule.UNCLOSED_QUOTE, "a quoted cell is not closed", 0, len(block), at)
        if isinstance(parsed, Fault):
            if parsed.start >= line_end and (end := self._end_of_broken_row(block, line_end, parsed.start)):
                yield self._fault(block[at:end], parsed, at, end)
                return self._advance(block[at:end])
            yield self._fault(line, parsed, at, line_end)
            return self._advance(line)
        raw = block[at : parsed.content_end]
        fits = len(raw) <= MAX_RECORD_BYTES and len(parsed.cells) == self._width
        doubtful = b"\n" in raw and fits and self._textlook_like_rows(raw)
        if b"\n" in raw and (self._surely_swallows_rows(raw) if doubtful else not fits and self._holds_a_row(raw)):
            # Lines below are records by themselves: the quote swallowed them by not being closed.
            column = next((i for i, cell in enumerate(parsed.cells) if b"\n" in cell), 0)
            what = "a quoted cell is not closed on its line"
            yield self._malformed(line.rstrip(b"\r\n"), Rule.UNCLOSED_QUOTE, what, column)
            return self._advance(line)
        if len(raw) > MAX_RECORD_BYTES:
            what = f"the row has more than {MAX_RECORD_BYTES:,} bytes"
            yield self._malformed(raw, Rule.RECORD_TOO_LONG, what, None)
        elif not fits:
            count = len(parsed.cells)
            what = f"the row has {count} {'cell' if count == 1 else 'cells'} where the header has {self._width}"
            yield self._malformed(raw, Rule.RAGGED_ROW, what, None)
        elif max(map(len, parsed.cells)) > MAX_CELL_BYTES:
            column = max(range(self._width), key=lambda i: len(parsed.cells[i]))
            what = f"the cell has {len(parsed.cells[column]):,} bytes; the maximum is {MAX_CELL_BYTES:,}"
            yield self._malformed(raw, Rule.CELL_TOO_LONG, what, column)
        elif self._is_repeat(raw):  # the header spans lines
            yield RepeatedLine(self.line, self._offset)
        else:
            yield Record(self.line, self._offset, raw, parsed.cells, doubtful)
        return self._advance(block[at : parsed.end])

    def _blank_or_repeated(self, line: bytes) -> BlankLine | RepeatedLine | None:
        if not line.strip() and self._delimiter not in line:
            return BlankLine(self.line, self._offset)
        return RepeatedLine(self.line, self._offset) if self._is_repeat(_without_end(line)) else None

    def _end_of_broken_row(self, block: bytes, line_end: int, start: int) -> int:
        """Where a row ends whose cell at ``start`` is at fault, below its first line: the cells before it are closed.

        0 if a line between is a record by itself, so that the first line's quote is to blame after all.
        """
        end = block.find(b"\n", start) + 1 or len(block)
        between = block[line_end:end].removesuffix(b"\n").split(b"\n")
        return 0 if any(self._is_plain(_without_end(line)) for line in between) else end

    def _holds_a_row(self, raw: bytes) -> bool:
        """Whether a line after the first is a record by itself."""
        return any(self._is_plain(_without_end(line)) for line in raw.split(b"\n")[1:])

    def _textlook_like_rows(self, raw: bytes) -> bool:
        """Whether the first line, the last and nearly all between have as many delimiters as a row, quoted or not.

        A table that is quoted inside a cell differs: its first line and its last share theirs with the row's own cells.
        """
        alike = [line.count(self._delimiter) == self._width - 1 for line in raw.split(b"\n") if line.strip()]
        return alike[0] and alike[-1] and sum(alike) >= _ALIKE_SHARE * len(alike)

    def _surely_swallows_rows(self, raw: bytes) -> bool:
        """Whether so many lines are records by themselves that the cell is no text that happens to look so."""
        rows = sum(self._is_plain(_without_end(line)) for line in raw.split(b"\n")[1:-1])
        return rows * (self._width - 1) >= _SURE_AGREEMENT

    def _fault(self, line: bytes, fault: Fault, at: int, line_end: int) -> Malformed:
        rule, what = fault.rule, fault.what
        if fault.position >= line_end and rule is not Rule.UNCLOSED_QUOTE:
            # Reading went wrong below: what is wrong here is that the quote was not closed.
            rule, what = Rule.UNCLOSED_QUOTE, "a quoted cell is not closed on its line"
        return self._malformed(line.rstrip(b"\r\n"), rule, what, fault.column)

    def _malformed(self, raw: bytes, rule: Rule, what: str, column: int | None) -> Malformed:
        return Malformed(self.line, self._offset, raw, rule, what, column)

    def _batch(self, raw: bytes, rows: int, *, sure: bool = True) -> Batch:
        batch = Batch(self.line, self._offset, raw, rows, sure)
        self.line += rows
        self._offset += len(raw)
        return batch

    def _advance(self, text: bytes) -> int:
        self._offset += len(text)
        self.line += text.count(b"\n")
        return len(text)
