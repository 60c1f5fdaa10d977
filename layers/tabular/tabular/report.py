"""What validation says of a table: ``validation.json`` for machines, ``rejected_rows.csv`` for who fixes the file."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from sluice import layout
from sluice.dataset.contract import Breach
from sluice.evaluation.split import HashedSplit
from sluice.messages import RowCounts, TargetNumbers, Task
from sluice.wording import inert
from tabular.dialect import Dialect
from tabular.encoding import Encoding
from tabular.findings import FIX, Finding, Rule
from tabular.records import Malformed

_RAW_CHARACTERS: Final = 2000
_MAX_BYTES: Final = 100_000_000
_REJECTED_HEADER: Final = ("line", "byte_offset", "column", "rule", "what", "raw", "how_to_fix")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DialectReport(_Part):
    """How the file is written."""

    encoding: Encoding = "utf-8"
    compression: Literal["gzip"] | None = None
    delimiter: str
    header_line: int | None = Field(description="None if the file has no header row.")


class ColumnReport(_Part):
    """One column of the file, over the rows that were not rejected."""

    name: str
    kind: str = Field(description="number, boolean, date, text or empty.")
    missing: int = Field(description="Rows without a value.")
    use: str | None = Field(None, description="The recipe's kind, or target; none if the file was rejected.")
    reason: str | None = Field(None, description="Why the column is left out, or would be if the file was rejected.")


class ContractReport(_Part):
    """The dataset's contract, as this file was compared with it, or as it made it."""

    version: int
    made: bool = Field(False, description="This file made this version.")
    reordered: bool = Field(False, description="The columns stand in another order; they are matched by name.")
    breaches: tuple[Breach, ...] = Field((), description="What differs: errors, then warnings.")


class SplitReport(_Part):
    """What decided which part a row is in. The parts are in ``class_counts``."""

    method: Literal["stratified", "random", "group_by", "by_time"] = Field(
        description="`stratified`: each class by itself; `random`: of a target of numbers; `group_by`; `by_time`."
    )
    column: str | None = Field(None, description="The column that the split uses, if it does.")
    seed: int
    hashed: HashedSplit | None = Field(
        None, description="How the part of a row follows from its cells; none if it follows from a time."
    )


class ReportedFinding(Finding):
    """A finding as the report lists it."""

    severity: Literal["error", "warning"] = Field(description="An error refused the file.")


class Problem(_Part):
    """Rows that break one rule in one column, with the first of them."""

    rule: Rule
    column: str | None
    rows: int
    first_line: int
    what: str = Field(description="What is wrong with the first of them.")

    def finding(self) -> Finding:
        return Finding(rule=self.rule, what=self.what, line=self.first_line, column=self.column, rows=self.rows)


class GroupSampleReport(_Part):
    """``group_sample.csv``: rows by the values that they share in a column, which the evaluation compares."""

    column: str = Field(description="The identifier.")
    rows: int = Field(description="Of the sample.")
    groups: int = Field(description="Different values of the column in it.")


class FoldsReport(_Part):
    """``folds.csv``: the rows of a small table, with their features for each fold of a cross-validation."""

    folds: int = Field(description="That the rows are cut into.")
    times: int = Field(description="That they are cut, each time otherwise.")
    rows: int = Field(description="Of the table.")
    units: int = Field(description="What stays together in a fold: different rows, or groups with `group_by`.")


class TableReport(_Part):
    """The verdict on one file, written to validation.json.

    Row counts: ``received`` = ``accepted`` + ``rejected``; blank lines and the header are no rows. The parts are 0
    if the file was rejected.
    """

    schema_version: Literal[1] = 1
    name: str
    verdict: Literal["accepted", "rejected"]
    reasons: tuple[str, ...] = ()
    rules: tuple[str, ...] = Field((), description="Ids of the rules that refused the file.")
    warnings: tuple[str, ...] = ()
    findings: tuple[ReportedFinding, ...] = Field((), description="The reasons and warnings, each in parts.")
    rows: RowCounts = RowCounts()
    target: str | None = None
    classes: tuple[str, ...] = Field((), description="Label text by class number; the last is the positive class.")
    class_counts: dict[str, dict[str, int]] = Field(default_factory=dict, description="Rows by part and by label.")
    features: int = 0
    prior_log_loss: float | None = Field(None, description="Natural log; on the test labels, of the training shares.")
    task: Task = Field("classification", description="`regression`: the target is a number, and has no classes.")
    target_numbers: TargetNumbers | None = Field(None, description="Of the training part, of a target of numbers.")
    dialect: DialectReport | None = None
    columns: tuple[ColumnReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    split: SplitReport | None = Field(None, description="None if the file was rejected.")
    contract: ContractReport | None = None
    group_sample: GroupSampleReport | None = Field(
        None,
        description="Of the identifier whose rows share their label most. None if none was found, or the split is not "
        "random.",
    )
    more_group_samples: tuple[GroupSampleReport, ...] = Field(
        (), description="Of up to two more identifiers, in `group_sample_2.csv` and `group_sample_3.csv`."
    )
    folds: FoldsReport | None = Field(None, description="None if the table is not small, or the split is by time.")


def write_report(report: TableReport, out: Path) -> None:
    (out / layout.VALIDATION_REPORT).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


class RejectedRows:
    """Writes rejected_rows.csv: one line for each fault, in the file's order; memory does not grow.

    A row's text stands with its first fault only, and the file ends at about 100 MB with a line that says so: a file of
    cells that are all wrong would otherwise become one of a hundred times its size. All faults are counted.
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self.restart()

    def restart(self) -> None:
        """Forgets what was added: the file is gone through again."""
        self._stream.seek(0)
        self._stream.truncate()
        self._writer.writerow(_REJECTED_HEADER)
        self._first: dict[tuple[Rule, str | None], tuple[int, str]] = {}
        self._rows: Counter[tuple[Rule, str | None]] = Counter()
        self._offset = -1
        self._left_out = 0

    def close(self) -> None:
        if self._left_out:
            what = f"{self._left_out:,} more faults are not listed: this file would grow too large"
            self._writer.writerow(("", "", "", "", what, "", "Fix these first; validation.json counts all of them."))
        self._stream.close()

    def add(self, line: int, offset: int, column: str | None, rule: Rule, what: str, raw: bytes) -> None:
        if self._stream.tell() >= _MAX_BYTES:
            self._left_out += 1
        else:
            self._write(line, offset, column, rule, what, raw)
        self._first.setdefault((rule, column), (line, what))
        self._rows[rule, column] += 1

    def add_malformed(self, row: Malformed, dialect: Dialect) -> None:
        column = None if row.column is None else dialect.column(row.column)
        self.add(row.line, row.offset, column, row.rule, row.what, row.raw)

    def _write(self, line: int, offset: int, column: str | None, rule: Rule, what: str, raw: bytes) -> None:
        text = ""
        if offset != self._offset:
            text = raw[: 4 * _RAW_CHARACTERS + 4].decode(errors="replace")
            text = text if len(text) <= _RAW_CHARACTERS else text[:_RAW_CHARACTERS] + "…"
        self._offset = offset
        self._writer.writerow((line, offset, inert(column or ""), rule.value, inert(what), inert(text), FIX[rule]))

    def problems(self) -> tuple[Problem, ...]:
        """By rule and column, in the order of their first lines."""
        return tuple(
            Problem(rule=rule, column=column, rows=self._rows[rule, column], first_line=line, what=what)
            for (rule, column), (line, what) in self._first.items()
        )
