"""What validation says of a table: ``validation.json`` for machines, ``rejected_rows.csv`` for who mends the file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from sluice.contract import Breach
from sluice.messages import RowCounts
from tabular.dialect import Dialect
from tabular.findings import CELL_FAULTS, MEND, Finding, Rule, shown
from tabular.records import Batch, Fault, Malformed, Record, read_record
from tabular.survey import events
from tabular.table import Table

_RAW_CHARACTERS: Final = 2000
_MOST_BYTES: Final = 100_000_000
_REJECTED_HEADER: Final = ("line", "byte_offset", "column", "rule", "what", "raw", "how_to_mend")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DialectReport(_Part):
    encoding: Literal["utf-8"] = "utf-8"
    delimiter: str
    header_line: int


class ColumnReport(_Part):
    """One column of the file. ``use`` is the recipe's kind or ``target``; None where the file was rejected."""

    name: str
    kind: str
    missing: int
    use: str | None = None
    reason: str | None = None


class ContractReport(_Part):
    """The dataset's contract, as this file was held against it, or as it made it."""

    version: int
    made: bool = Field(False, description="This file made this version.")
    reordered: bool = Field(False, description="The columns stand in another order; they are matched by name.")
    breaches: tuple[Breach, ...] = Field((), description="What differs: errors, then warnings.")


class Problem(_Part):
    """Rows that break one rule in one column, with the first of them."""

    rule: Rule
    column: str | None
    rows: int
    first_line: int
    what: str = Field(description="What is wrong with the first of them.")

    def finding(self) -> Finding:
        return Finding(rule=self.rule, what=self.what, line=self.first_line, column=self.column, rows=self.rows)


class TableReport(_Part):
    """The verdict on one file, written to validation.json.

    Row counts: ``received`` = ``accepted`` + ``rejected``; blank lines and the header are no rows. The parts are 0
    where the file was rejected.
    """

    schema_version: Literal[1] = 1
    name: str
    verdict: Literal["accepted", "rejected"]
    reasons: tuple[str, ...] = ()
    rules: tuple[str, ...] = Field((), description="Ids of the rules that refused the file.")
    warnings: tuple[str, ...] = ()
    rows: RowCounts = RowCounts()
    target: str | None = None
    classes: tuple[str, ...] = Field((), description="Label text by class number; the last is the positive class.")
    class_counts: dict[str, dict[str, int]] = Field(default_factory=dict, description="Rows by part and by label.")
    features: int = 0
    prior_log_loss: float | None = Field(None, description="Natural log; on the test labels, of the training shares.")
    dialect: DialectReport | None = None
    columns: tuple[ColumnReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    contract: ContractReport | None = None


def write_report(report: TableReport, out: Path) -> None:
    (out / "validation.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: such text gets an apostrophe before it (OWASP, CSV Injection)."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) else text


class RejectedRows:
    """Writes rejected_rows.csv: one line for each fault, in the file's order; memory does not grow.

    A row's text stands with its first fault only, and the file ends at about 100 MB with a line that says so: a file of
    cells that are all wrong would otherwise become one of a hundred times its size. All faults are counted.
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._writer.writerow(_REJECTED_HEADER)
        self._problems: dict[tuple[str, str | None], Problem] = {}
        self._offset = -1
        self._left_out = 0

    def close(self) -> None:
        if self._left_out:
            what = f"{self._left_out:,} more faults are not listed: this file would grow too large"
            self._writer.writerow(("", "", "", "", what, "", "Mend these first; validation.json counts all of them."))
        self._stream.close()

    def add(self, line: int, offset: int, column: str | None, rule: Rule, what: str, raw: bytes) -> None:
        if self._stream.tell() >= _MOST_BYTES:
            self._left_out += 1
        else:
            self._write(line, offset, column, rule, what, raw)
        known = self._problems.get((rule, column))
        if known is None:
            known = Problem(rule=rule, column=column, rows=0, first_line=line, what=what)
        self._problems[rule, column] = known.model_copy(update={"rows": known.rows + 1})

    def _write(self, line: int, offset: int, column: str | None, rule: Rule, what: str, raw: bytes) -> None:
        text = ""
        if offset != self._offset:
            text = raw[: 4 * _RAW_CHARACTERS + 4].decode(errors="replace")
            text = text if len(text) <= _RAW_CHARACTERS else text[:_RAW_CHARACTERS] + "…"
        self._offset = offset
        self._writer.writerow((line, offset, safe(column or ""), rule.value, safe(what), safe(text), MEND[rule]))

    def problems(self) -> tuple[Problem, ...]:
        """By rule and column, in the order of their first lines."""
        return tuple(self._problems.values())


def write_rejected_rows(path: Path, dialect: Dialect, table: Table | None, rejected: RejectedRows) -> None:
    """Adds every malformed row, and every row with a bad cell, from one more pass over the file.

    Args:
        path: the file.
        dialect: of the file.
        table: with its bad cells marked; None where the file never came into one.
        rejected: to add to.
    """
    bad = iter(table.stream("SELECT * FROM bad ORDER BY ordinal, position, rule")) if table else iter(())
    names = dialect.header.cells
    pending = next(bad, None)
    for event in events(path, dialect):
        match event:
            case Malformed():
                column = None if event.column is None or event.column >= len(names) else names[event.column]
                rejected.add(event.line, event.offset, column, event.rule, event.what, event.raw)
            case Batch() | Record():
                last = event.ordinal + (len(event.rows) if isinstance(event, Batch) else 1)
                places = _Places(event)
                while pending is not None and pending[0] < last:
                    ordinal, position, rule, cell = pending
                    line, offset, raw = places[ordinal - event.ordinal]
                    said = shown(cell) if cell else _missing_token(raw, position, dialect)
                    what = CELL_FAULTS[Rule(rule)].format(cell=said)
                    rejected.add(line, offset, names[position], Rule(rule), what, raw)
                    pending = next(bad, None)


def _missing_token(raw: bytes, position: int, dialect: Dialect) -> str:
    """What is added of a cell that is missing though something stands in it."""
    record = read_record(raw, 0, dialect.delimiter, final=True, skip_blanks=dialect.skip_blanks)
    text = "" if record is None or isinstance(record, Fault) else record.cells[position].decode().strip()
    return f": `{shown(text)}` counts as no value" if text else ""


class _Places:
    """Line, byte offset and text of the records of one event, by their number in it, asked in rising order."""

    def __init__(self, event: Batch | Record) -> None:
        self._event = event
        self._number = 0
        self._offset = event.offset

    def __getitem__(self, number: int) -> tuple[int, int, bytes]:
        event = self._event
        if isinstance(event, Record):
            return event.line, event.offset, event.raw
        while self._number < number:
            self._offset += len(event.rows[self._number]) + event.ending
            self._number += 1
        return event.line + number, self._offset, event.rows[number]
