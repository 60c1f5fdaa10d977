"""The records of a CSV file, exactly as RFC 4180 has them, with the physical line and byte offset of each.

DuckDB parses fast and tells of many malformed rows, but it counts records where a person counts lines, and its reading
of misplaced quotes varies. So the structure of the file is settled here, and DuckDB sees only records on which no two
readers differ. Plain stretches of lines, which is nearly all of nearly every file, are taken a block at a time.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from tabular.findings import Rule

DELIMITERS: Final = (b",", b";", b"\t", b"|")
MAX_RECORD_BYTES: Final = 1 << 20
_BLOCK: Final = 1 << 22

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

    ``ordinal`` numbers well-formed records from 0; ``ending`` is the length of the line end.
    """

    ordinal: int
    line: int
    offset: int
    rows: list[bytes]
    ending: int


@dataclass(frozen=True)
class Record:
    """A well-formed record that spans lines, or that CSV readers may read differently as it stands (``odd``).

    ``ending`` is the length of its line end; ``doubtful`` says that the lines which it spans look like rows.
    """

    ordinal: int
    line: int
    offset: int
    raw: bytes
    cells: list[bytes]
    ending: int
    odd: bool
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


type Event = Batch | Record | Malformed | BlankLine


@dataclass(frozen=True)
class Parsed:
    """A record inside a buffer: ``end`` is the position after its line end."""

    cells: list[bytes]
    content_end: int
    end: int
    odd: bool


@dataclass(frozen=True)
class Fault:
    """Why no record can be read: ``position`` is where reading stopped."""

    rule: Rule
    what: str
    column: int
    position: int


def read_record(
    buffer: bytes, start: int, delimiter: bytes, *, final: bool, skip_blanks: bool = False
) -> Parsed | Fault | None:
    """Reads the record that begins at ``start``; None where it needs bytes after the buffer (and it is not final).

    With ``skip_blanks``, blanks before an opening quote are passed over, as Python's ``skipinitialspace`` does.
    """
    cells: list[bytes] = []
    odd = False
    at = start
    while True:
        blanks = _BLANKS_AND_QUOTE.match(buffer, at) if skip_blanks and delimiter != b"\t" else None
        if blanks:
            at, odd = blanks.end(), True
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
        return Fault(Rule.STRAY_CARRIAGE_RETURN, what, len(cells) - 1, at)
    return Fault(Rule.STRAY_QUOTE, "text follows the closing quote of a cell", len(cells) - 1, at)


def _read_cell(buffer: bytes, at: int, delimiter: bytes, column: int) -> tuple[bytes, int, bool] | Fault:
    """The text of one cell, the position after it, and whether it has quotes inside without being quoted."""
    if buffer.startswith(b'"', at):
        quoted = _QUOTED_CELL.match(buffer, at)
        if quoted is None:
            return Fault(Rule.UNCLOSED_QUOTE, "a quoted cell is not closed", column, len(buffer))
        return quoted.group(1).replace(b'""', b'"'), quoted.end(), False
    end = _UNQUOTED_ENDS[delimiter].search(buffer, at)
    stop = end.start() if end else len(buffer)
    cell = buffer[at:stop]
    if b'"' in cell and cell.lstrip(_BLANK).startswith(b'"'):
        return Fault(Rule.STRAY_QUOTE, "a blank stands before the opening quote of a cell", column, at)
    return cell, stop, b'"' in cell


class Scanner:
    """Cuts what follows the header into events. Memory: one block of 4 MiB, or one record where that is longer."""

    def __init__(
        self, stream: BinaryIO, *, delimiter: bytes, width: int, offset: int, line: int, skip_blanks: bool = False
    ) -> None:
        self._stream = stream
        self._skip_blanks = skip_blanks
        self._delimiter = delimiter
        self._width = width
        self._offset = offset
        self._line = line
        self._ordinal = 0
        # Outside quotes, a quoted stretch (here \0) must touch a delimiter, a line's end or another stretch ("").
        other = rb"[^\0" + re.escape(delimiter) + rb"]"
        self._misplaced = re.compile(other + rb"\0|\0" + other)

    def events(self) -> Iterator[Event]:
        self._stream.seek(self._offset)
        carry = b""
        while True:
            block = self._stream.read(_BLOCK)
            final = not block
            buffer = carry + block
            if not buffer:
                return
            end = len(buffer) if final else buffer.rfind(b"\n") + 1
            if end == 0:
                if len(buffer) > MAX_RECORD_BYTES:
                    buffer = yield from self._skip_long_line(buffer)
                carry = buffer
                continue
            used = yield from self._block(buffer[:end], final)
            carry = buffer[used:]
            if final:
                return

    def _skip_long_line(self, buffer: bytes) -> Generator[Event, None, bytes]:
        """Reports a line that is longer than any record may be, and returns what follows it."""
        raw, length = buffer[:MAX_RECORD_BYTES], len(buffer)
        rest = b""
        while block := self._stream.read(_BLOCK):
            stop = block.find(b"\n") + 1
            length += stop or len(block)
            if stop:
                rest = block[stop:]
                break
        yield self._malformed(raw, Rule.RECORD_TOO_LONG, f"the line has more than {MAX_RECORD_BYTES:,} bytes", None)
        self._offset += length
        self._line += 1
        return rest

    def _block(self, block: bytes, final: bool) -> Generator[Event, None, int]:
        """Events of whole lines; returns how many bytes are used up (less than all where a record goes on)."""
        lines = self._plain_lines(block)
        if lines is not None:
            rows, ending = lines
            yield self._batch(rows, ending, len(block))
            return len(block)
        return (yield from self._line_by_line(block, final))

    def _plain_lines(self, block: bytes) -> tuple[list[bytes], int] | None:
        """The lines of a block in which nothing is quoted, blank, ragged or mixed in its line ends; else None."""
        if b'"' in block or not block.endswith(b"\n"):
            return None
        ending = b"\n"
        if b"\r" in block:
            ending = b"\r\n"
            if not block.count(b"\r\n") == block.count(b"\n") == block.count(b"\r"):
                return None
        rows = block.split(ending)
        rows.pop()
        delimiter, wanted = self._delimiter, self._width - 1
        if {row.count(delimiter) for row in rows} != {wanted} or max(map(len, rows)) > MAX_RECORD_BYTES:
            return None
        return rows, len(ending)

    def _line_by_line(self, block: bytes, final: bool) -> Generator[Event, None, int]:
        rows: list[bytes] = []
        batch_ending = batch_bytes = 0
        at = 0
        while at < len(block):
            stop = block.find(b"\n", at)
            line_end = len(block) if stop < 0 else stop + 1
            content_end = line_end if stop < 0 else stop
            if stop >= 0 and content_end > at and block[content_end - 1] == 0x0D:
                content_end -= 1
            line, ending = block[at:content_end], line_end - content_end
            if self._is_plain(line):
                if rows and ending != batch_ending:
                    yield self._batch(rows, batch_ending, batch_bytes)
                    rows, batch_bytes = [], 0
                batch_ending = ending
                rows.append(line)
                batch_bytes += line_end - at
                at = line_end
                continue
            if rows:
                yield self._batch(rows, batch_ending, batch_bytes)
                rows, batch_bytes = [], 0
            used = yield from self._exceptional(block, at, line_end, final)
            if used == 0:
                return at
            at += used
        if rows:
            yield self._batch(rows, batch_ending, batch_bytes)
        return at

    def _is_plain(self, line: bytes) -> bool:
        """Whether the line is a record by itself, on which every reader agrees."""
        if len(line) > MAX_RECORD_BYTES:
            return False
        outside = line
        if b'"' in line:
            parts = line.split(b'"')
            if len(parts) % 2 == 0:
                return False
            outside = b"\0".join(parts[::2])
            if self._misplaced.search(outside):
                return False
        return outside.count(self._delimiter) == self._width - 1 and b"\r" not in line

    def _exceptional(self, block: bytes, at: int, line_end: int, final: bool) -> Generator[Event, None, int]:
        """The event of a line that is no plain record; returns the bytes used, 0 where more are needed."""
        line = block[at:line_end]
        if not line.strip() and self._delimiter not in line:
            yield BlankLine(self._line, self._offset)
            return self._advance(line)
        parsed = read_record(block, at, self._delimiter, final=final, skip_blanks=self._skip_blanks)
        if parsed is None:
            if len(block) - at <= MAX_RECORD_BYTES:
                return 0
            parsed = Fault(Rule.UNCLOSED_QUOTE, "a quoted cell is not closed", 0, len(block))
        if isinstance(parsed, Fault):
            yield self._fault(line, parsed, at, line_end)
            return self._advance(line)
        raw = block[at : parsed.content_end]
        fits = len(raw) <= MAX_RECORD_BYTES and len(parsed.cells) == self._width
        doubtful = b"\n" in raw and fits and self._lines_look_like_rows(raw)
        if b"\n" in raw and (self._surely_swallows_rows(raw) if doubtful else not fits and self._holds_a_row(raw)):
            # Lines below are records by themselves: the quote swallowed them by not being closed.
            column = next((i for i, cell in enumerate(parsed.cells) if b"\n" in cell), 0)
            what = "a quoted cell is not closed on its line"
            yield self._malformed(line.rstrip(b"\r\n"), Rule.UNCLOSED_QUOTE, what, column)
            return self._advance(line)
        if len(raw) > MAX_RECORD_BYTES:
            what = f"the row has more than {MAX_RECORD_BYTES:,} bytes"
            yield self._malformed(raw, Rule.RECORD_TOO_LONG, what, None)
        elif fits:
            ending = parsed.end - parsed.content_end
            cells = parsed.cells
            yield Record(self._ordinal, self._line, self._offset, raw, cells, ending, parsed.odd, doubtful)
            self._ordinal += 1
        else:
            count = len(parsed.cells)
            what = f"the row has {count} {'cell' if count == 1 else 'cells'} where the header has {self._width}"
            yield self._malformed(raw, Rule.RAGGED_ROW, what, None)
        return self._advance(block[at : parsed.end])

    def _holds_a_row(self, raw: bytes) -> bool:
        """Whether a line after the first is a record by itself."""
        return any(self._is_plain(line.removesuffix(b"\r")) for line in raw.split(b"\n")[1:])

    def _lines_look_like_rows(self, raw: bytes) -> bool:
        """Whether the first line, the last and nearly all between have as many delimiters as a row, quoted or not.

        A table that is quoted inside a cell differs: its first line and its last share theirs with the row's own cells.
        """
        alike = [line.count(self._delimiter) == self._width - 1 for line in raw.split(b"\n") if line.strip()]
        return alike[0] and alike[-1] and sum(alike) >= _ALIKE_SHARE * len(alike)

    def _surely_swallows_rows(self, raw: bytes) -> bool:
        """Whether so many lines are records by themselves that the cell is no text that happens to look so."""
        rows = sum(self._is_plain(line.removesuffix(b"\r")) for line in raw.split(b"\n")[1:-1])
        return rows * (self._width - 1) >= _SURE_AGREEMENT

    def _fault(self, line: bytes, fault: Fault, at: int, line_end: int) -> Malformed:
        rule, what = fault.rule, fault.what
        if fault.position >= line_end and rule is not Rule.UNCLOSED_QUOTE:
            # Reading went wrong below: what is wrong here is that the quote was not closed.
            rule, what = Rule.UNCLOSED_QUOTE, "a quoted cell is not closed on its line"
        return self._malformed(line.rstrip(b"\r\n"), rule, what, fault.column)

    def _malformed(self, raw: bytes, rule: Rule, what: str, column: int | None) -> Malformed:
        return Malformed(self._line, self._offset, raw, rule, what, column)

    def _batch(self, rows: list[bytes], ending: int, size: int) -> Batch:
        batch = Batch(self._ordinal, self._line, self._offset, rows, ending)
        self._ordinal += len(rows)
        self._line += len(rows)
        self._offset += size
        return batch

    def _advance(self, text: bytes) -> int:
        self._offset += len(text)
        self._line += text.count(b"\n")
        return len(text)
