"""Counts what the log of predictions holds, as far as ``sluice.monitoring.question`` asks, in bounded memory.

The log is one JSON object a line. Polars reads a batch of lines by a schema that makes each cell a text, whether it
came as a number, a text or a boolean, and the cell is then read as the recipe reads a file's. Where that would read a
number otherwise than the recipe does (a column whose texts write `1.234` for 1234, a number that as a text means: no
value), the batch is read a second time, for its numbers alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl

from sluice.dataset.numbers import is_number_like
from sluice.dataset.recipe import FALSE_WORDS, TRUE_WORDS, WHITESPACE, BooleanColumn, NumberColumn
from sluice.monitoring.question import ColumnQuestion, Question, SeenColumn, SeenTraffic
from tabular.notation import fits, number

type _Counts = dict[str, Any]

_WORDS: Final = sorted(TRUE_WORDS | FALSE_WORDS)


def count_traffic(question: Question, batches: Iterable[bytes]) -> SeenTraffic:
    """The counts of a log.

    Args:
        question: what to count.
        batches: whole lines of the log, some megabytes at a time. One is in memory at a time, several times its size.
    """
    reader = _Reader(question)
    total = _Total(question)
    for lines in batches:
        if lines.strip():
            reader.count(lines, total)
    return total.seen()


class _Total:
    """What was counted so far."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self.rows = self.others = self.unread = 0
        self.counts: _Counts = {}
        self.labels: dict[str, int] = {}

    def add(self, counts: _Counts) -> None:
        for name, value in counts.items():
            if value is None:
                continue
            kept = self.counts.get(name)
            if name.startswith("least "):
                self.counts[name] = value if kept is None else min(kept, value)
            elif name.startswith("most "):
                self.counts[name] = value if kept is None else max(kept, value)
            else:
                self.counts[name] = value + (kept or 0)

    def add_labels(self, counts: Mapping[str, int]) -> None:
        for label, rows in counts.items():
            self.labels[label] = self.labels.get(label, 0) + rows

    def seen(self) -> SeenTraffic:
        score = self._question.score
        return SeenTraffic(
            rows=self.rows,
            columns=tuple(self._column(i, asked) for i, asked in enumerate(self._question.columns)),
            scores=self._bins("score", len(score.edges), self._count("scored")) if score else (),
            labels=dict(sorted(self.labels.items())),
            others=self.others,
            unread=self.unread,
        )

    def _column(self, i: int, asked: ColumnQuestion) -> SeenColumn:
        present = self._count(f"present {i}")
        filled = self._count(f"filled {i}") if asked.kind in ("number", "boolean") else present
        if asked.kind == "number":
            bins = self._bins(str(i), len(asked.edges), filled) if asked.edges else ()
        elif asked.kind == "boolean":
            true = self._count(f"true {i}")
            bins = (filled - true, true) if asked.shares else ()
        else:
            common = [self._count(f"level {i} {n}") for n in range(len(asked.levels))]
            bins = (*common, filled - sum(common)) if asked.shares else ()
        return SeenColumn(
            filled=filled,
            missing=self.rows - present,
            bins=bins,
            unseen=filled - self._count(f"known {i}") if asked.known is not None else 0,
            outside=self._count(f"outside {i}"),
            minimum=self.counts.get(f"least {i}"),
            maximum=self.counts.get(f"most {i}"),
            unread=present - filled,
        )

    def _count(self, name: str) -> int:
        return int(self.counts.get(name, 0))

    def _bins(self, name: str, edges: int, total: int) -> tuple[int, ...]:
        below = [self._count(f"below {name} {n}") for n in range(edges)]
        return tuple(upper - lower for lower, upper in zip((0, *below), (*below, total), strict=True))


class _Reader:
    """The batches of a log as counts. In a batch, ``c3`` is the text of the question's column 3, null if it means: no
    value; ``x3`` its number or truth value, null if the text is none; ``score`` what the evaluation took the bins of.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._tokens = ["", *question.missing]
        names = [asked.name for asked in question.columns]
        self._schema: dict[str, Any] = {
            "model_version": pl.String,
            "record": pl.Struct(dict.fromkeys(names, pl.String)),
            "label": pl.String,
            "probability": pl.Float64,
            "prediction": pl.Float64,
            "probabilities": pl.Struct(dict.fromkeys(question.classes or ("",), pl.Float64)),
        }
        self._numbers = {"record": pl.Struct(dict.fromkeys(names, pl.Float64))}
        odd = any(is_number_like(token, "plain", None) for token in question.missing)
        self._twice = {i for i, asked in enumerate(question.columns) if _is_read_twice(asked, odd=odd)}
        self._made = [made for i, asked in enumerate(question.columns) for made in self._value(i, asked)]
        self._counts = [*self._of_columns(), *self._of_scores()]
        self._levels = {
            i: sorted(asked.known) for i, asked in enumerate(question.columns) if asked.known and asked.kind == "text"
        }

    def count(self, lines: bytes, total: _Total) -> None:
        read = self._read(lines)
        ours = read.filter(pl.col("model_version") == self._question.model_version)
        broken = int(read["record"].is_null().sum())
        total.unread += lines.count(b"\n") + (not lines.endswith(b"\n")) - read.height + broken
        total.rows += ours.height
        total.others += read.height - broken - ours.height
        frame = ours.with_columns(self._made)
        total.add(frame.select(self._counts).row(0, named=True))
        for i, levels in self._levels.items():
            known = frame[f"c{i}"].drop_nulls()
            counts = dict(known.filter(known.is_in(levels)).value_counts().iter_rows())
            common = self._question.columns[i].levels
            total.add({f"known {i}": sum(counts.values())})
            total.add({f"level {i} {n}": counts.get(level, 0) for n, level in enumerate(common)})
        total.add_labels(dict(ours["label"].drop_nulls().value_counts().iter_rows()))

    def _read(self, lines: bytes) -> pl.DataFrame:
        """The predictions of a batch. Lines that are no JSON objects are left out."""
        try:
            return self._parsed(lines)
        except pl.exceptions.PolarsError:
            return self._parsed(b"".join(line for line in lines.splitlines(keepends=True) if _is_object(line)))

    def _parsed(self, lines: bytes) -> pl.DataFrame:
        if not lines.strip():
            return pl.DataFrame(schema=self._schema)
        # A cell of another type than its field, such as a text as probability, is null.
        read = pl.read_ndjson(lines, schema=self._schema, ignore_errors=True)
        if not self._twice:
            return read
        numbers = pl.read_ndjson(lines, schema=self._numbers, ignore_errors=True)["record"].struct.unnest()
        return read.with_columns(numbers[:, i].alias(f"n{i}") for i in sorted(self._twice))

    def _value(self, i: int, asked: ColumnQuestion) -> list[pl.Expr]:
        """``c`` and ``x`` of a column."""
        text = pl.col("record").struct.field(asked.name).str.strip_chars(WHITESPACE)
        cell: pl.Expr = pl.when(~text.is_in(self._tokens)).then(text)
        match asked.column:
            case NumberColumn() as column:
                value = fits(number(cell, column.notation, column.form))
                if i in self._twice:
                    sent = pl.col(f"n{i}")
                    value = pl.coalesce(fits(sent), value)
                    cell = pl.when(sent.is_not_null()).then(text).otherwise(cell)
                return [cell.alias(f"c{i}"), value.alias(f"x{i}")]
            case BooleanColumn():
                word = cell.str.to_lowercase()
                truth = pl.when(word.is_in(_WORDS)).then(word.is_in(sorted(TRUE_WORDS)))
                return [cell.alias(f"c{i}"), truth.alias(f"x{i}")]
            case _:
                return [cell.alias(f"c{i}")]

    def _of_columns(self) -> list[pl.Expr]:
        made = []
        for i, asked in enumerate(self._question.columns):
            cell, value = pl.col(f"c{i}"), pl.col(f"x{i}")
            made.append(cell.is_not_null().sum().alias(f"present {i}"))
            if asked.kind not in ("number", "boolean"):
                continue
            made.append(value.is_not_null().sum().alias(f"filled {i}"))
            if asked.kind == "boolean":
                made.append(value.sum().alias(f"true {i}"))
                continue
            made += [value.min().alias(f"least {i}"), value.max().alias(f"most {i}")]
            made += [(value <= edge).sum().alias(f"below {i} {n}") for n, edge in enumerate(asked.edges)]
            beyond = [value < bound for bound in (asked.minimum,) if bound is not None]
            beyond += [value > bound for bound in (asked.maximum,) if bound is not None]
            if beyond:
                made.append(pl.any_horizontal(beyond).sum().alias(f"outside {i}"))
        return made

    def _of_scores(self) -> list[pl.Expr]:
        asked, classes = self._question.score, self._question.classes
        if asked is None:
            return [pl.len().alias("rows")]
        if self._question.task == "regression":
            score = pl.col("prediction")
        elif len(classes) > 2:
            score = pl.max_horizontal(pl.col("probabilities").struct.field(name) for name in classes)
        else:
            score = pl.col("probability")
        below = [(score <= edge).sum().alias(f"below score {n}") for n, edge in enumerate(asked.edges)]
        return [score.is_not_null().sum().alias("scored"), *below]


def _is_read_twice(asked: ColumnQuestion, *, odd: bool) -> bool:
    """Whether the text of a JSON number may be read otherwise than the number. ``odd``: a number means: no value."""
    column = asked.column
    return isinstance(column, NumberColumn) and (odd or column.notation != "plain" or column.form is not None)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
