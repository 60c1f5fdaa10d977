"""What a case of the corpus is, and ways to write one down.

Every case starts from one table without fault, so that what it shows is its own nastiness. That table has the label
first and in 0 and 1, as SageMaker's container wants it: what the container does with a file then tells of the
nastiness, too, and not of a label that stands elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

NAMES: Final = ("label", "age", "city", "note", "score")
HEADER: Final = ",".join(NAMES)
ROWS: Final = 120

type Line = int
type Column = str
type Place = tuple[Line, str, Column]
"""Line, rule and column of one line of rejected_rows.csv."""


@dataclass(frozen=True)
class Said:
    """A rule that is broken, and where the sentence on it must say so; None if it names no such place."""

    rule: str
    line: int | None = None
    column: str | None = None


@dataclass(frozen=True)
class Case:
    """One file and what is to be said of it.

    Attributes:
        name: of the case, unique; the file is called after it.
        kind: of nastiness; cases of one kind share a row in the documentation, and the first of them stands for it.
        note: what is nasty about it, in a line.
        content: the file, or what makes it where that is large or slow.
        refusals: what refuses the file, in the report's order; empty if it is accepted.
        rejected_rows: line, rule and column ("" for none) of each line of rejected_rows.csv.
        warnings: what is said beside that, in any order.
        config: of the dataset.
        default_target: of the stack.
        suffix: of the file's name.
        rows: rows that the file has for a person; None if that is 120.
        encoding: how the report must call it; None if it has no dialect to report.
        header_line: the line of the header; None if it is not asked for.
        delimiter: how the report must call it; None if it is not asked for.
        kinds: the kind of some columns as the report gives it.
        uses: what happens to some columns, as the report gives it.
        moves: how the contract that the file makes says that some columns move on.
        extremes: the least and the greatest number that some columns have in the training files.
        classes: the labels by class number; None if they are not asked for.
        look_at: line and column of a cell that shows best what other readers make of the file.
        max_bytes: the cap on the text's bytes; None for the usual one.
        max_rows: the cap on the rows; None for the usual one.
    """

    name: str
    kind: str
    note: str
    content: bytes | Callable[[], bytes]
    refusals: tuple[Said, ...] = ()
    rejected_rows: tuple[Place, ...] = ()
    warnings: tuple[Said, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    default_target: str | None = None
    suffix: str = ".csv"
    rows: int | None = None
    encoding: str | None = None
    header_line: int | None = None
    delimiter: str | None = None
    kinds: Mapping[Column, str] = field(default_factory=dict)
    uses: Mapping[Column, str] = field(default_factory=dict)
    moves: Mapping[Column, str | None] = field(default_factory=dict)
    extremes: Mapping[Column, tuple[float, float]] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    look_at: tuple[Line, Column] | None = None
    max_bytes: int | None = None
    max_rows: int | None = None

    @property
    def file_name(self) -> str:
        return self.name + self.suffix

    @property
    def data(self) -> bytes:
        return self.content() if callable(self.content) else self.content

    @property
    def verdict(self) -> Literal["accepted", "rejected"]:
        return "rejected" if self.refusals else "accepted"

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that refuse the file, as the report lists them."""
        return tuple(dict.fromkeys(said.rule for said in self.refusals))

    @property
    def all_rules(self) -> frozenset[str]:
        """Ids of all rules that are to be named, in whatever way."""
        aside = {rule for _, rule, _ in self.rejected_rows}
        return frozenset({*self.rules, *aside, *(said.rule for said in self.warnings)})


def cells(count: int = ROWS) -> list[list[str]]:
    """Rows without fault: a label of 0 or 1, a whole number, a category, a category with blanks, a number."""
    return [
        [
            str(int(i * i % 7 in (1, 2))),
            str(20 + i * 7 % 50),
            ("Oslo", "Rome", "Bern")[i % 3],
            ("", "x", "z")[i * 2 % 5 % 3],
            f"{i * 0.37:.2f}",
        ]
        for i in range(count)
    ]


def lines(count: int = ROWS) -> list[str]:
    return [",".join(row) for row in cells(count)]


def text(rows: Sequence[str] | None = None, header: str = HEADER, end: str = "\n") -> str:
    """A table of such lines; by default the one without fault."""
    return "".join(line + end for line in [header, *(lines() if rows is None else rows)])


def table(rows: Sequence[str] | None = None, header: str = HEADER, end: str = "\n") -> bytes:
    return text(rows, header, end).encode()


def with_lines(changed: Mapping[Line, str], count: int = ROWS) -> bytes:
    """The table, but for what stands on some of its lines. The header is line 1."""
    rows = lines(count)
    for line, row in changed.items():
        rows[line - 2] = row
    return table(rows)


def with_cells(changed: Mapping[tuple[Line, Column], str], count: int = ROWS) -> bytes:
    """The table, but for some of its cells, each written into the file as it stands here."""
    rows = cells(count)
    for (line, column), cell in changed.items():
        rows[line - 2][NAMES.index(column)] = cell
    return table([",".join(row) for row in rows])


def with_column(cell: Callable[[int], str], name: str = "x", count: int = ROWS, delimiter: str = ",") -> bytes:
    """The table with one more column, its cells by their row's number from 0; quoted where they must be."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator="\n")
    writer.writerow([*NAMES, name])
    writer.writerows([*row, cell(i)] for i, row in enumerate(cells(count)))
    return written.getvalue().encode()


def with_labels(label: Callable[[int], str], count: int = ROWS) -> bytes:
    """The table with other labels, by their row's number from 0."""
    return table([",".join([label(i), *row[1:]]) for i, row in enumerate(cells(count))])


def first_class(i: int) -> bool:
    """Whether the row of that number has the label 1."""
    return i * i % 7 in (1, 2)


def others(delimiter: str, end: str = "\n") -> str:
    """The table with another delimiter."""
    return text(end=end).replace(",", delimiter)


def on_lines(numbers: Iterable[Line], rule: str, column: Column = "") -> tuple[Place, ...]:
    """The same fault on some lines."""
    return tuple((line, rule, column) for line in numbers)
