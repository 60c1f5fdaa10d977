"""What is remembered of a table's rows to tell indexes and identifiers from quantities, in bounded memory.

Two samples, since neither alone sees everything. Rows that are chosen by their own hash show a column of few different
values as it is. Of a column of many values hardly two of such rows have the same one: there values are chosen by the
hash of the value, so that a value comes with its rows or not at all (distinct sampling; Gibbons, 2001).

Columns that a person ruled out are sampled by value, too: rows of one identifier may be known by the other columns. Of
them the text of a cell is hashed, as nothing says how it is to be read.

What a sample holds follows from the rows that it was given and not from their order: samples of parts of a table merge
to that of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from tabular.columns import Kind
from tabular.identifier_names import CODE, SURE
from tabular.question import Question

MAX_ROWS: Final = 1 << 15
"""Rows of a sample."""

_MAX_CELLS: Final = 1 << 21
"""Of all samples by value together, and of the sample of rows."""

MAX_SAMPLED_COLUMNS: Final = 128
"""Columns of a table whose values are sampled. A wider table has fewer rows, which the sample of rows shows."""

MAX_DROPPED_COLUMNS: Final = 16
"""Columns under ``drop``, and the ``key``, whose values are sampled: those first whose name says identifier."""

MAX_UNSURE_COLUMNS: Final = 4
"""Of them, those whose name does not surely say identifier."""

MAX_ATTRIBUTES: Final = 64
"""Used columns that a row of a dropped column's sample has."""

MAX_ROWS_PER_VALUE: Final = 64
"""Those of the lowest hashes are kept: one very common value must not take the room of all others."""

_LOW_BITS: Final = (1 << 26) - 1
"""Of a row's hash. Its high bits say which part the row is in, the low ones do not depend on them."""

_FIRST_LIMIT: Final = (1 << 64) // 64 - 1
"""Values with a hash up to this one are sampled: one in 64. Tables of fewer rows are in the sample of rows."""

ALL_VALUES: Final = (1 << 64) - 1

_MIN_WAITING_ROWS: Final = 4096


class RowSample:
    """Different rows, of those with the lowest hashes: all as long as there are up to ``max_rows``.

    A row is ``u``, the hash of its content, and any other columns.
    """

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._kept: pl.DataFrame | None = None
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self.limit = _LOW_BITS

    @property
    def is_whole(self) -> bool:
        """Whether no row was left out."""
        self._settle()
        return self.limit == _LOW_BITS

    @staticmethod
    def below(limit: int) -> pl.Expr:
        return (pl.col("u") & _LOW_BITS) <= limit

    def add(self, rows: pl.DataFrame) -> None:
        self._waiting.append(rows)
        self._waiting_rows += rows.height
        if self._waiting_rows > max(_MIN_WAITING_ROWS, self._max_rows // 2):
            self._settle()

    def merge(self, other: RowSample) -> None:
        other._settle()
        self.limit = min(self.limit, other.limit)
        if other._kept is not None:
            self.add(other._kept)

    def _settle(self) -> None:
        if not self._waiting:
            return
        kept = pl.concat([*([] if self._kept is None else [self._kept]), *self._waiting])
        kept = kept.filter(self.below(self.limit)).unique("u")
        while kept.height > self._max_rows and self.limit:
            self.limit //= 2
            kept = kept.filter(self.below(self.limit))
        self._kept, self._waiting, self._waiting_rows = kept, [], 0

    def table(self) -> pl.DataFrame | None:
        """The rows, in the order of their hashes; None if there are none."""
        self._settle()
        return None if self._kept is None else self._kept.sort("u")


class ValueSample:
    """Different rows of the values whose hash is lowest: of a value all of its rows, or those with the lowest hashes.

    A row is ``value`` (a number, or the hash of a text), ``u``, the hash of its content, and any other columns.
    """

    def __init__(self, max_rows: int, limit: int = _FIRST_LIMIT) -> None:
        self._max_rows = max_rows
        self._kept: pl.DataFrame | None = None
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._full: pl.DataFrame | None = None
        self.limit = limit

    @property
    def share(self) -> float:
        """Of all values."""
        return (self.limit + 1) / (1 << 64)

    @staticmethod
    def below(limit: int) -> pl.Expr:
        return pl.col("value").hash() <= limit

    def add(self, rows: pl.DataFrame) -> None:
        if not rows.height:
            return
        self._waiting.append(rows)
        self._waiting_rows += rows.height
        if self._waiting_rows > max(_MIN_WAITING_ROWS, self._max_rows):
            self._settle()

    def merge(self, other: ValueSample) -> None:
        other._settle()
        self.limit = min(self.limit, other.limit)
        if other._kept is not None:
            self.add(other._kept)

    def _settle(self) -> None:
        if not self._waiting:
            return
        rows = pl.concat([*([] if self._kept is None else [self._kept]), *self._waiting])
        kept = _first_rows(rows.filter(self.below(self.limit)))
        while kept.height > self._max_rows and self.limit:
            self.limit //= 2
            kept = kept.filter(self.below(self.limit))
        self._kept, self._waiting, self._waiting_rows = kept, [], 0
        self._full = None

    def full(self) -> pl.DataFrame:
        """Of values that have as many rows as are kept: ``last``, the low bits of the last one. No row beyond it gets
        into the sample. Rows that were added last may not be in it yet."""
        if self._full is None:
            rows = pl.DataFrame(schema={"value": pl.UInt64, "u": pl.UInt64}) if self._kept is None else self._kept
            last = rows.group_by("value").agg(pl.len().alias("n"), (pl.col("u") & _LOW_BITS).max().alias("last"))
            self._full = last.filter(pl.col("n") == MAX_ROWS_PER_VALUE).drop("n")
        return self._full

    def table(self) -> pl.DataFrame | None:
        """The rows, in the order of values and hashes; None if there are none."""
        self._settle()
        return None if self._kept is None else self._kept.sort("value", "u")


def _first_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Different rows, of each value those of the lowest hashes: by the bits that do not say which part a row is in."""
    lowest = rows.unique(["value", "u"]).sort(pl.col("u") & _LOW_BITS, "u")
    return lowest.group_by("value", maintain_order=True).head(MAX_ROWS_PER_VALUE)


@dataclass(frozen=True)
class Limits:
    """Up to which hashes rows are sampled, and the values of each column that may still be an identifier."""

    rows: int
    values: Mapping[int, int]
    dropped: Mapping[int, tuple[int, pl.DataFrame]]


@dataclass(frozen=True)
class Looked:
    """What one chunk has for the samples."""

    rows: pl.DataFrame
    values: Mapping[int, pl.DataFrame]
    dropped: Mapping[int, pl.DataFrame]


class Identities:
    """The samples of a table: rows of all columns that a model may learn from, values of each, and of those of dropped
    columns that may be identifiers.

    All parts are in them, since the parts are known last. Texts are kept by their hash. If the target is a number, rows
    have it as ``y``, and the days of dates. Columns of fractions are left out as soon as one is seen, but for the
    sample of rows. Rows of a dropped column's sample have its plain ``number``, whether it is ``coded``, and v3, the
    value of used column 3.
    """

    def __init__(self, question: Question) -> None:
        self._q = question
        self._read = [i for i in question.used if question.readings[i].kind in (Kind.NUMBER, Kind.TEXT)]
        self._target = [pl.col(f"x{i}").alias("y") for i in question.target_value]
        # Of classes, what dates say is told by a sample of its own (``leaks``).
        of_numbers = question.used if question.target_value else []
        self._dates = [self._attribute(i) for i in of_numbers if question.readings[i].kind is Kind.DATE]
        open_ = self._read[:MAX_SAMPLED_COLUMNS]
        self.rows = RowSample(max(1, min(MAX_ROWS, _MAX_CELLS // max(len(question.used), 1))))
        self.values = {i: ValueSample(min(MAX_ROWS, _MAX_CELLS // len(open_))) for i in open_}
        self._fractions: set[int] = set()
        self._attributes = [self._attribute(i) for i in question.used[:MAX_ATTRIBUTES]]
        dropped = _likely_dropped(question)
        max_rows = min(MAX_ROWS, _MAX_CELLS // max(len(dropped) * (len(self._attributes) + 1), 1))
        self.dropped = {i: ValueSample(max_rows, ALL_VALUES) for i in dropped}

    def _attribute(self, position: int) -> pl.Expr:
        is_date = self._q.readings[position].kind is Kind.DATE
        return (pl.col(f"x{position}").to_physical() if is_date else self._q.identity(position)).alias(f"v{position}")

    def limits(self) -> Limits:
        values = {i: sample.limit for i, sample in self.values.items() if i not in self._fractions}
        return Limits(self.rows.limit, values, {i: (sample.limit, sample.full()) for i, sample in self.dropped.items()})

    def leave_out(self, position: int) -> None:
        """A column is found to have fractions."""
        self._fractions.add(position)
        self.values.pop(position, None)

    def look(self, rows: pl.DataFrame, hashes: pl.Series, limits: Limits) -> Looked:
        """What ``add`` is to learn of rows. Changes nothing.

        Args:
            rows: as ``Question.frame`` makes them.
            hashes: of their content, of all columns.
            limits: as they were when the rows were read.
        """
        known = rows.with_columns(hashes.alias("u"))
        sampled = (
            known.lazy()
            .filter(RowSample.below(limits.rows))
            .select(
                "u", "label", *self._target, *(self._q.identity(i).alias(f"v{i}") for i in self._read), *self._dates
            )
        )
        values = [
            known.lazy()
            .select(self._q.identity(i).alias("value"), "u", "label", *self._target)
            .filter(pl.col("value").is_not_null() & ValueSample.below(limit))
            for i, limit in limits.values.items()
        ]
        dropped = [self._look_at_dropped(known, i, *cuts) for i, cuts in limits.dropped.items()]
        first, *others = pl.collect_all([sampled, *values, *dropped])
        of_values, of_dropped = others[: len(values)], others[len(values) :]
        return Looked(
            first,
            dict(zip(limits.values, of_values, strict=True)),
            dict(zip(limits.dropped, of_dropped, strict=True)),
        )

    def _look_at_dropped(self, known: pl.DataFrame, position: int, limit: int, full: pl.DataFrame) -> pl.LazyFrame:
        hashes = known[f"c{position}"].hash()
        chosen = pl.DataFrame({"value": hashes, "u": known["u"]}).with_row_index("row").filter(ValueSample.below(limit))
        if full.height:  # of few values nearly all rows are more than the sample keeps
            known_last = chosen.join(full, on="value", how="left", maintain_order="left")
            chosen = known_last.filter(pl.col("last").is_null() | ((pl.col("u") & _LOW_BITS) <= pl.col("last")))
        return (
            known.lazy()
            .select(pl.all().gather(chosen["row"]))
            .with_columns(chosen["value"])
            .filter(~self._q.is_missing(position))
            .select(
                "value",
                "u",
                "label",
                *self._target,
                self._q.number_of(position, "plain", None).alias("number"),
                pl.col(f"c{position}").str.contains(CODE).alias("coded"),
                *self._attributes,
            )
        )

    def add(self, looked: Looked) -> None:
        self.rows.add(looked.rows)
        for i, found in looked.values.items():
            if i in self.values:
                self.values[i].add(found)
        for i, found in looked.dropped.items():
            self.dropped[i].add(found)

    def merge(self, other: Identities) -> None:
        self.rows.merge(other.rows)
        for i in other._fractions:
            self.leave_out(i)
        for i, sample in self.values.items():
            if i in other.values:
                sample.merge(other.values[i])
        for i, sample in self.dropped.items():
            sample.merge(other.dropped[i])

    def others(self, position: int, max_columns: int) -> Sequence[str]:
        """Columns v0, v1, ... of the sample of rows beside a column."""
        return [f"v{i}" for i in self._read if i != position][:max_columns]

    def name(self, column: str) -> str:
        """The name in the file of column v0, v1, ..."""
        return self._q.names[int(column.removeprefix("v"))]


def _likely_dropped(question: Question) -> list[int]:
    """The dropped columns, and the key, that may be identifiers by their names or by how the first rows read them."""
    config = question.config
    if not question.is_random:
        return []
    likely = [
        i
        for i, name in enumerate(question.names)
        if name in config.ruled_out and i != question.target and not config.leaks.allows(name)
        if question.says_identifier(i) == SURE or question.readings[i].may_be_code
    ]
    sure = [i for i in likely if question.says_identifier(i) == SURE]
    others = sorted(set(likely) - {*sure}, key=lambda i: (-question.says_identifier(i), i))
    return [*sure, *others[:MAX_UNSURE_COLUMNS]][:MAX_DROPPED_COLUMNS]
