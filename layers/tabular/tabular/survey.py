"""First pass over a file: how many rows it has, which cannot be read, and whether DuckDB can read it as it lies."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tabular.dialect import Dialect
from tabular.findings import Finding, RefusedError, Rule
from tabular.records import Batch, BlankLine, Event, Malformed, Record, Scanner

_MOST_KEPT: Final = 1000


@dataclass
class Survey:
    """Counts of one file. ``malformed`` keeps the first thousand; ``malformed_rows`` counts them all."""

    well_formed_rows: int = 0
    malformed_rows: int = 0
    blank_lines: int = 0
    first_blank_line: int = 0
    first_row_line: int | None = None
    regular: bool = True
    malformed: list[Malformed] = field(default_factory=list)

    @property
    def received(self) -> int:
        return self.well_formed_rows + self.malformed_rows


def events(path: Path, dialect: Dialect) -> Iterator[Event]:
    """The records below the header, in the file's order."""
    header = dialect.header
    with path.open("rb") as stream:
        scanner = Scanner(
            stream, delimiter=dialect.delimiter, width=dialect.width, offset=header.end, line=header.next_line
        )
        yield from scanner.events()


def survey(path: Path, dialect: Dialect) -> Survey:
    """Counts the records below the header. Raises RefusedError where there are none."""
    found = Survey(regular=dialect.header.line == 1 and dialect.header.next_line <= 2)
    endings: set[int] = set()
    for event in events(path, dialect):
        match event:
            case Batch():
                found.well_formed_rows += len(event.rows)
                endings.add(event.ending)
            case Record():
                found.well_formed_rows += 1
                found.regular = found.regular and not event.odd
            case Malformed():
                found.malformed_rows += 1
                found.regular = False
                if len(found.malformed) < _MOST_KEPT:
                    found.malformed.append(event)
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
    """Writes the well-formed records alone, without the header, so that every CSV reader reads the same in them."""
    delimiter = dialect.delimiter
    with copy.open("wb") as out:
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
