"""Features of rows by the value of an identifier that they share, for the comparison of known and new values.

Training files have no identifier. If rows of one value share their label, the evaluation asks what a model loses on
values that it has not seen (``scoring.group_gap``), and needs rows that it can keep together. Values are chosen by
their hash, so that a value comes with its rows; no value is written, only its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from sluice import layout
from tabular.identities import ALL_VALUES, ValueSample
from tabular.question import Question
from tabular.report import GroupSampleReport

MAX_SAMPLES: Final = len(layout.GROUP_SAMPLES)
"""Identifiers of a table that are compared: those whose rows share most."""

MAX_ROWS: Final = 50_000
"""Of the sample, on which ten models are trained. With fewer values than the table has, they are learned by heart more
easily, and the difference is overstated (docs/decisions.md)."""

MAX_CELLS: Final = 1_000_000
"""Rows times features: a wider table has fewer rows."""


class GroupSample:
    """Different rows of all parts that have a value in one column, of a value at most ``MAX_ROWS_PER_VALUE``.

    Args:
        question: as the rows were read.
        position: of the column.
        features: that a row has.
    """

    def __init__(self, question: Question, position: int, features: int) -> None:
        self._column = question.names[position]
        identity = question.identity(position)
        self._value = pl.when(identity.is_not_null()).then(identity.hash()).alias("value")
        self._sample = ValueSample(max(1, min(MAX_ROWS, MAX_CELLS // features)), ALL_VALUES)

    def look(self, frame: pl.DataFrame, columns: Sequence[pl.Expr]) -> pl.DataFrame:
        """What ``add`` is to learn of a chunk. Changes nothing.

        Args:
            frame: as ``Question.frame`` makes it.
            columns: what is written of a row: its label, then its features.
        """
        return (
            frame.with_columns(self._value)
            .filter(pl.col("value").is_not_null() & ValueSample.below(self._sample.limit))
            .select("value", "u", *columns)
        )

    def add(self, looked: pl.DataFrame) -> None:
        self._sample.add(looked)

    def write(self, path: Path) -> GroupSampleReport | None:
        """Writes a row as its label, the number of its value, its own number, and its features; numbers count from 0,
        in the order of hashes. Without a header, as the training files. None, and no file, if no row has a value."""
        rows = self._sample.table()
        if rows is None:
            return None
        label, *features = (name for name in rows.columns if name not in {"value", "u"})
        numbers = (pl.col(name).rank("dense").cast(pl.Int64) - 1 for name in ("value", "u"))
        rows.select(label, *numbers, *features).write_csv(path, include_header=False, quote_style="never")
        return GroupSampleReport(column=self._column, rows=rows.height, groups=rows["value"].n_unique())


def group_samples(question: Question, positions: Sequence[int], features: int) -> list[GroupSample]:
    """A sample for each of the columns."""
    return [GroupSample(question, position, features) for position in positions]


def write_group_samples(samples: Sequence[GroupSample], out: Path) -> tuple[GroupSampleReport, ...]:
    """Writes a file for each sample with rows, the first of them to the first name."""
    reports: list[GroupSampleReport] = []
    for sample in samples:
        report = sample.write(out / layout.GROUP_SAMPLES[len(reports)])
        reports += [] if report is None else [report]
    return tuple(reports)
