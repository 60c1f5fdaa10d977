"""First pass over a file: how many rows it has, which cannot be read, and whether DuckDB can read it as it lies."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tabular.dialect import Dialect
from tabular.findings import Finding, RefusedError, Rule
from tabular.records import Batch, BlankLine, Event, Malformed, Record, Scanner


@dataclass
class Survey:
    """Counts of one file.

    ``regular`` says that every CSV reader reads the file alike as it lies, ``multi_line`` that a cell holds a line end.
    ``doubtful_rows`` are well-formed, but span lines that look like rows; the first of them spans ``doubtful_lines``.
    """

    well_formed_rows: int = 0
    malformed_rows: int = 0
    blank_lines: int = 0
    first_blank_line: int = 0
    first_row_line: int | None = None
    regular: bool = True
    multi_line: bool = False
    doubtful_rows: int = 0
    doubtful_lines: tuple[int, int] = (0, 0)

    @property
    def received(self) -> int:
        return self.well_formed_rows + self.malformed_rows


def events(path: Path, dialect: Dialect) -> Iterator[Event]:
    """The records below the header, in the file's order."""
    header = dialect.header
    with path.open("rb") as stream:
        scanner = Scanner(
            stream,
            delimiter=dialect.delimiter,
            width=dialect.width,
            offset=header.end,
            line=header.next_line,
            skip_blanks=dialect.skip_blanks,
        )
        yield from scanner.events()


def survey(path: Path, dialect: Dialect) -> Survey:
    """Counts the records below the header. Raises RefusedError where there are none."""
    found = Survey(regular=dialect.header.regular)
    endings = {dialect.header.ending}
    for event in events(path, dialect):
        match event:
            case Batch():
                found.well_formed_rows += len(event.rows)
                endings.add(event.ending)
            case Record():
                found.well_formed_rows += 1
                found.regular = found.regular and not event.odd
                found.multi_line = found.multi_line or b"\n" in event.raw or b"\r" in event.raw
                endings.add(event.ending)
                if event.doubtful:
                    found.doubtful_rows += 1
                    if found.doubtful_rows == 1:
                        found.doubtful_lines = (event.line, event.line + event.raw.count(b"\n"))
            case Malformed():
                found.malformed_rows += 1
                found.regular = False
            case BlankLine():
                found.blank_lines += 1
                found.first_blank_line = found.first_blank_line or event.line
                found.regular = False
    if found.received == 0:
        raise RefusedError(Finding(rule=Rule.NO_ROWS, what="there is a header but no rows"))
    if len(endings - {0}) > 1:
        found.regular = False
    return found


def write_regular(path: Path, dialect: Dialect, copy: Path) -> None:
    """Writes the well-formed records alone, so that every CSV reader reads the same in them.

    They get a plain header: DuckDB takes the first line end that it meets, be it inside a cell, for that of all lines.
    """
    delimiter = dialect.delimiter
    with copy.open("wb") as out:
        out.write(delimiter.join(b"c%d" % i for i in range(dialect.width)) + b"\n")
        for event in events(path, dialect):
            match event:
                case Batch():
                    out.write(b"\n".join(event.rows) + b"\n")
                case Record() if event.odd:
                    out.write(_requoted(event.cells, delimiter))
                case Record():
                    out.write(event.raw + b"\n")


def _requoted(cells: list[bytes], delimiter: bytes) -> bytes:
    line = io.StringIO()
    writer = csv.writer(line, delimiter=delimiter.decode(), lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow([cell.decode() for cell in cells])
    return line.getvalue().encode()
