"""One pass over a file that counts all that its judgement rests on.

The pass takes each column in one reading (numbers, dates, text) and the rows in one split, which are guesses from the
file's first rows. What it counts also says whether they hold: :meth:`Census.readings` and :meth:`Census.places` give what
fits the whole file, and where that differs, the pass is made again. Nearly every file needs one pass. Memory is that of a
few chunks and of the bounded counts of ``sketch``.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from sluice.config import DatasetConfig
from tabular.chunks import Chunk, Structure, chunks
from tabular.columns import Kind, Profile, Reading, is_pair, reading_of
from tabular.dialect import Dialect
from tabular.findings import CELL_FAULTS, Finding, RefusedError, Rule, shown
from tabular.notation import (
    FIGURES,
    NEEDED_SHARE,
    SPECIAL,
    count_forms,
    day,
    fits,
    hour,
    matches,
    number,
    read_dates,
    read_numbers,
)
from tabular.records import Fault, Malformed, read_record
from tabular.report import RejectedRows
from tabular.sketch import Distinct, Hashes, Levels
from tabular.split import HASH_BITS, PARTS, Lowest, Places, find_times, hash_expression, usual_cuts

MOST_LEVELS: Final = 50_000
"""Different texts of a column that are counted exactly; a wide table's columns share ``_MOST_LEVELS_IN_ALL``."""

_MOST_LEVELS_IN_ALL: Final = 1_000_000
_FEWEST_LEVELS: Final = 2_000
SAMPLE_ROWS: Final = 20_000
"""Rows that the edges of bins and the times of a split are taken from; what lies between them is counted on all rows."""

_MOST_SPELLINGS: Final = 100
"""Of the words for no and yes: each of their letters may be a capital."""

_SAMPLE_CELLS: Final = 4_000_000
_SIGHTED_ROWS: Final = 5_000
_LIKELY_SHARE: Final = 0.5
"""Of the first rows' cells: the share from which on a form is counted on all of them."""

_MOST_LABELS: Final = 200
"""Different labels up to which the classes are counted apart; far more than can be classes."""


IDENTIFIER_NAME: Final = re.compile(
    r"(?i:(^|[^a-z])(id|uuid|guid|key|index|idx|no|nr|number|row|rownum|rowid)$)|[a-z0-9](ID|Id)$"
)


@dataclass(frozen=True)
class Question:
    """What a pass is to count, and how it reads the file.

    ``edges`` are those of the bins to be counted, by column; ``listed`` the columns whose texts are counted although they
    are numbers or dates; ``sampled``: keep a sample of the numbers.
    """

    dialect: Dialect
    config: DatasetConfig
    target: int
    readings: tuple[Reading, ...]
    places: Places
    edges: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    listed: frozenset[int] = frozenset()
    sampled: bool = False
    most_rows: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return self.dialect.header.cells

    def position(self, name: str | None) -> int | None:
        return None if name is None else self.names.index(name)

    @property
    def group(self) -> int | None:
        return self.position(self.config.split.group_by)

    @property
    def time(self) -> int | None:
        return self.position(self.config.split.by_time)

    @property
    def used(self) -> list[int]:
        """The columns that a model may learn from."""
        ruled_out = {*self.config.drop, self.names[self.target], self.config.split.group_by}
        return [i for i, name in enumerate(self.names) if name not in ruled_out]

    def of_kind(self, *kinds: Kind) -> list[int]:
        return [i for i in self.used if self.readings[i].kind in kinds]

    @property
    def levelled(self) -> list[int]:
        """The columns whose different texts are counted."""
        return [i for i in self.used if self.readings[i].kind is Kind.TEXT or i in self.listed]

    @property
    def hashed(self) -> list[str]:
        """The columns that tell rows apart, in an order that does not depend on the file's.

        What is dropped does not: the same case would stand in training and test data.
        """
        by_name = sorted(range(len(self.names)), key=lambda i: self.names[i])
        return [f"c{i}" for i in by_name if self.names[i] not in self.config.drop] or [f"c{i}" for i in by_name]

    @property
    def tokens(self) -> list[str]:
        return sorted({"", *self.config.missing})

    def is_missing(self, position: int) -> pl.Expr:
        return pl.col(f"c{position}").is_in(self.tokens)

    def value(self, position: int) -> pl.Expr:
        """The number or the date of a cell; null where it is missing or does not fit."""
        cell, reading = pl.col(f"c{position}"), self.readings[position]
        if reading.kind is Kind.NUMBER:
            return fits(number(cell, reading.notation))
        return day(cell, reading.date_format)

    def moment(self) -> pl.Expr | None:
        """The time of a row that the split goes by, as a number that grows with it; null where there is none."""
        if self.time is None:
            return None
        reading = self.readings[self.time]
        if reading.kind is Kind.NUMBER:
            return self.value(self.time).alias("time")
        hours = hour(pl.col(f"c{self.time}"), reading.date_format).fill_null(0)
        return (self.value(self.time).cast(pl.Int32) * 24 + hours).cast(pl.Float64).alias("time")

    def rows(self) -> list[pl.Expr]:
        """Of each row: the label, ``u`` for its part, and the time where the split goes by it."""
        by = self.hashed if self.group is None else [f"c{self.group}"]
        exprs = [pl.col(f"c{self.target}").alias("label"), hash_expression(by, self.config.split.seed).alias("u")]
        moment = self.moment()
        return exprs if moment is None else [*exprs, moment]


def sight(
    first: Chunk | None, dialect: Dialect, missing: Sequence[str]
) -> tuple[tuple[Reading, ...], list[bool | None]]:
    """Readings of the columns by a file's first rows, and whether they hold their own names (see ``columns``)."""
    if first is None or not first.cells.height:
        return (Reading(Kind.TEXT, asked=True),) * dialect.width, [None] * dialect.width
    cells = first.cells.head(_SIGHTED_ROWS)
    tokens = sorted({"", *missing})
    bare = cells.select(
        (fits(number(pl.col(name), "plain")).is_null() & (pl.col(name) != "")).any() | (pl.col(name) == "").all()
        for name in cells.columns
    ).row(0)
    readings: list[Reading] = []
    held: list[bool | None] = []
    for i, (name, unlike) in enumerate(zip(cells.columns, bare, strict=True)):
        reading = Reading(Kind.NUMBER)
        if unlike:
            forms = count_forms(_counted(cells, name, tokens))
            reading = reading_of(forms, dialect.delimiter, asked=False)
            reading = replace(reading, asked=_is_open(reading, forms))
        readings.append(reading)
        words = reading.kind is not Kind.NUMBER and cells[name].n_unique() <= 1000
        held.append(bool((cells[name] == dialect.header.cells[i]).any()) if words else None)
    return tuple(readings), held


def _counted(cells: pl.DataFrame, name: str, tokens: Sequence[str]) -> pl.DataFrame:
    """The different texts of a column that are not missing, and how often each stands."""
    counted = cells.group_by(pl.col(name).alias("cell")).agg(pl.len().cast(pl.Int64).alias("rows"))
    return counted.filter(~pl.col("cell").is_in(tokens))


def _is_open(reading: Reading, forms: Mapping[str, int]) -> bool:
    """Whether later rows may well show that another reading fits better."""
    filled = forms["filled"]
    if not filled:
        return True
    if reading.kind is Kind.NUMBER:
        return reading.notation != "plain" or filled - forms["plain"] > NEEDED_SHARE * filled
    if reading.kind is Kind.DATE:
        return reading.date_format != "iso" or filled - forms["iso"] > NEEDED_SHARE * filled
    return max(count for form, count in forms.items() if form != "filled") >= _LIKELY_SHARE * filled


class _Column:
    """The running counts of one column."""

    def __init__(self, most_levels: int) -> None:
        self.forms: Counter[str] = Counter()
        self.cells = 0
        """That are not missing, of all rows."""
        self.misfits = 0
        self.figures = 0
        self.filled = 0
        """Of the rows that are not set aside, as all that follows."""
        self.facts: dict[str, Any] = {}
        self.levels = Levels(most_levels)
        self.distinct = Distinct()
        self.below: list[int] = []


_MERGE: Final = {
    "least": min,
    "greatest": max,
    "whole": lambda a, b: a and b,
    "timed": lambda a, b: a or b,
    "rising_least": min,
    "rising_most": max,
    "falling_least": min,
    "falling_most": max,
}


class Census:
    """The counts of one pass. ``folder`` takes the hashes of the rows."""

    def __init__(self, question: Question, folder: Path, rejected: RejectedRows) -> None:
        self._q = question
        self._rejected = rejected
        texts = max(len(question.levelled), 1)
        most = max(min(MOST_LEVELS, _MOST_LEVELS_IN_ALL // texts), _FEWEST_LEVELS)
        self._columns = {i: _Column(most) for i in range(len(question.names))}
        self._values = question.of_kind(Kind.NUMBER, Kind.DATE)
        self._counters = question.of_kind(Kind.NUMBER)
        self._untimed = question.of_kind(Kind.DATE)
        self._named = [i for i in question.of_kind(Kind.NUMBER) if IDENTIFIER_NAME.search(question.names[i])]
        self._others = [i for i in range(len(question.names)) if i not in {*question.used, question.target}]
        self._copies = {i: dict[str, tuple[Any, Any, int, int]]() for i in question.used}
        self._lowest = Lowest(question.places.cuts)
        self._sample = pl.DataFrame()
        self._sample_limit = 1 << HASH_BITS
        self._many_labels = False
        self.structure = Structure()
        self.labels = Levels(MOST_LEVELS)
        self.parts: dict[str, list[int]] = {}
        """Rows by label, in each of the parts."""
        self.bad_rows = 0
        self.hashes = Hashes(folder / "hashes")
        self.duplicates = self.hashes if question.group is None else Hashes(folder / "rows")

    @property
    def good_rows(self) -> int:
        return self.structure.rows - self.bad_rows

    @property
    def unread_rows(self) -> int:
        return self.structure.malformed_rows

    def take(self, path: Path) -> None:
        """Goes through the file.

        Raises:
            RefusedError: it has more rows than are taken.
        """
        for chunk in chunks(path, self._q.dialect, self.structure):
            if self._q.most_rows is not None and self.structure.received > self._q.most_rows:
                what = f"the file has more than {self._q.most_rows:,} rows"
                raise RefusedError(Finding(rule=Rule.TOO_MANY_ROWS, what=what))
            self._add(chunk)
        for column in self._columns.values():
            column.levels.table()

    # One chunk.

    def _add(self, chunk: Chunk) -> None:
        q = self._q
        cells = chunk.cells
        typed = cells.select(
            *q.rows(),
            *(q.value(i).alias(f"x{i}") for i in self._values),
            *(hour(pl.col(f"c{i}"), q.readings[i].date_format).is_not_null().alias(f"h{i}") for i in self._untimed),
            *(pl.col(f"c{i}") for i in [*q.levelled, *self._others]),
        ).with_row_index("row")
        faults = self._faults(cells, typed)
        self._report(chunk, faults)
        bad = sorted({row for row, *_ in faults})
        self.bad_rows += len(bad)
        u = typed["u"]
        if bad:
            aside = pl.Series("row", bad, pl.UInt32)
            u = typed.select(pl.when(~pl.col("row").is_in(aside.implode())).then("u").alias("u"))["u"]
            typed = typed.filter(~pl.col("row").is_in(aside.implode()))
        self.hashes.add(u)
        self._count_forms(cells)
        if typed.height:
            self._count(chunk, cells, typed.with_columns(q.places.part().alias("part")), bad)

    def _faults(self, cells: pl.DataFrame, typed: pl.DataFrame) -> list[tuple[int, int, Rule, str]]:
        """Row in the chunk, column, rule and text of each cell that its row cannot be used for; and counts cells."""
        q = self._q
        faults: list[tuple[int, int, Rule, str]] = []
        blanks = cells.select((pl.col(f"c{i}") == "").sum() for i in self._values).row(0)
        for i, blank in zip(self._values, blanks, strict=True):
            column = self._columns[i]
            unlike = typed[f"x{i}"].null_count() - blank
            column.cells += cells.height - blank
            if not unlike:
                continue
            failed = cells.select(pl.col(f"c{i}").alias("cell")).with_row_index("row").filter(typed[f"x{i}"].is_null())
            misfits = failed.filter(~pl.col("cell").is_in(q.tokens))
            column.cells -= unlike - misfits.height
            column.misfits += misfits.height
            faults += [(row, i, rule, cell) for row, cell, rule in self._with_rules(i, misfits)]
        for i, rule in self._needed():
            absent = cells.select(q.is_missing(i).arg_true())
            faults += [(row, i, rule, "") for (row,) in absent.iter_rows()]
        if q.time is not None and q.time not in self._values:
            missing = (
                cells.select(pl.col(f"c{q.time}").alias("cell")).with_row_index("row").filter(typed["time"].is_null())
            )
            misfits = missing.filter(~pl.col("cell").is_in(q.tokens))
            faults += [(row, q.time, rule, cell) for row, cell, rule in self._with_rules(q.time, misfits)]
        return faults

    def _needed(self) -> Iterator[tuple[int, Rule]]:
        """The columns that no row may lack."""
        yield self._q.target, Rule.TARGET_MISSING
        for position in (self._q.group, self._q.time):
            if position is not None:
                yield position, Rule.SPLIT_VALUE_MISSING

    def _with_rules(self, position: int, misfits: pl.DataFrame) -> Iterator[tuple[int, str, Rule]]:
        reading = self._q.readings[position]
        if reading.kind is Kind.DATE:
            yield from ((row, cell, Rule.NOT_A_DATE) for row, cell in misfits.iter_rows())
            return
        cell = pl.col("cell")
        judged = misfits.select(
            "row",
            "cell",
            special=matches(cell, SPECIAL),
            number=number(cell, reading.notation).is_not_null(),
        )
        for row, text, special, is_number in judged.iter_rows():
            rule = Rule.INFINITE_NUMBER if special else Rule.NUMBER_TOO_LARGE if is_number else Rule.NOT_A_NUMBER
            yield row, text, rule

    def _report(self, chunk: Chunk, faults: list[tuple[int, int, Rule, str]]) -> None:
        """Adds the chunk's malformed rows and its bad cells to the rejected rows, in the file's order."""
        names = self._q.names
        malformed = iter(chunk.malformed)
        pending = next(malformed, None)
        faults.sort(key=lambda fault: (fault[0], fault[1], fault[2].value))
        rows = [row for row, *_ in faults]
        for (_, position, rule, cell), (line, offset, raw) in zip(faults, chunk.places(rows), strict=True):
            while pending is not None and pending.line < line:
                self._reject(pending)
                pending = next(malformed, None)
            said = shown(cell) if cell else self._missing_token(raw, position)
            self._rejected.add(line, offset, names[position], rule, CELL_FAULTS[rule].format(cell=said), raw)
        for row in itertools.chain([pending] if pending else [], malformed):
            self._reject(row)

    def _reject(self, row: Malformed) -> None:
        names = self._q.names
        column = None if row.column is None or row.column >= len(names) else names[row.column]
        self._rejected.add(row.line, row.offset, column, row.rule, row.what, row.raw)

    def _missing_token(self, raw: bytes, position: int) -> str:
        """What is added of a cell that is missing though something stands in it."""
        dialect = self._q.dialect
        record = read_record(raw, 0, dialect.delimiter, final=True, skip_blanks=dialect.skip_blanks)
        text = "" if record is None or isinstance(record, Fault) else record.cells[position].decode().strip()
        return f": `{shown(text)}` counts as no value" if text else ""

    def _count_forms(self, cells: pl.DataFrame) -> None:
        for i in self._q.used:
            if self._q.readings[i].asked:
                self._columns[i].forms += count_forms(_counted(cells, f"c{i}", self._q.tokens))

    def _count(self, chunk: Chunk, cells: pl.DataFrame, rows: pl.DataFrame, bad: list[int]) -> None:
        self._count_labels(rows)
        self._count_values(chunk, rows)
        self._count_levels(rows)
        self._look_for_copies(rows)
        self._keep_sample(rows)
        if self.duplicates is not self.hashes:
            own = cells.select(hash_expression(self._q.hashed, self._q.config.split.seed).alias("u")).with_row_index(
                "row"
            )
            self.duplicates.add(own.filter(~pl.col("row").is_in(pl.Series(bad, dtype=pl.UInt32).implode()))["u"])

    def _count_labels(self, rows: pl.DataFrame) -> None:
        counts = rows.group_by("label").agg(
            pl.len().cast(pl.Int64).alias("rows"),
            *((pl.col("part") == part).sum().alias(name) for part, name in enumerate(PARTS)),
        )
        self.labels.add(counts.select(pl.col("label").alias("cell"), "rows", pl.col("train").cast(pl.Int64)))
        if self._many_labels:
            return
        for label, _, *parts in counts.iter_rows():
            known = self.parts.setdefault(label, [0, 0, 0])
            self.parts[label] = [a + b for a, b in zip(known, parts, strict=True)]
        self._many_labels = len(self.parts) > _MOST_LABELS
        if not self._many_labels and self._is_stratified:
            self._lowest.add(rows.select("label", "u"))

    @property
    def _is_stratified(self) -> bool:
        return self._q.group is None and self._q.time is None

    def _count_values(self, chunk: Chunk, rows: pl.DataFrame) -> None:
        q = self._q
        exprs: list[pl.Expr] = []
        for i in self._values:
            x = pl.col(f"x{i}")
            facts = {"filled": x.count(), "least": x.min(), "greatest": x.max()}
            if q.readings[i].kind is Kind.NUMBER:
                facts["whole"] = (x == x.floor()).all()
            elif i in self._untimed:
                facts["timed"] = (pl.col(f"h{i}") & x.is_not_null()).any()
            if edges := q.edges.get(i):
                facts |= {f"below {n}": (x <= edge).sum() for n, edge in enumerate(edges)}
            exprs += [expr.alias(f"{i} {name}") for name, expr in facts.items()]
        ordinal = pl.col("row").cast(pl.Float64) + chunk.first
        for i in self._counters:
            x = pl.col(f"x{i}")
            counting = {
                "rising_least": (x - ordinal).min(),
                "rising_most": (x - ordinal).max(),
                "falling_least": (x + ordinal).min(),
                "falling_most": (x + ordinal).max(),
            }
            exprs += [expr.alias(f"{i} {name}") for name, expr in counting.items()]
        exprs += [(~q.is_missing(i)).sum().alias(f"{i} filled") for i in self._others]
        for key, value in rows.select(exprs).row(0, named=True).items():
            position, _, name = key.partition(" ")
            self._merge(self._columns[int(position)], name, value)
        self._counters = [i for i in self._counters if self._may_count_rows(i)]
        self._untimed = [i for i in self._untimed if not self._columns[i].facts.get("timed")]
        for i in self._named:
            self._columns[i].distinct.add(rows[f"x{i}"].drop_nulls())
        self._named = [i for i in self._named if not self._columns[i].distinct.repeats()]

    @staticmethod
    def _merge(column: _Column, name: str, value: Any) -> None:
        if name == "filled":
            column.filled += value
        elif name.startswith("below"):
            number_ = int(name.removeprefix("below "))
            column.below += [0] * (number_ + 1 - len(column.below))
            column.below[number_] += value
        elif value is not None:
            known = column.facts.get(name)
            column.facts[name] = value if known is None else _MERGE[name](known, value)

    def _may_count_rows(self, position: int) -> bool:
        column = self._columns[position]
        return (
            bool(column.facts.get("whole"))
            and column.filled == self.good_rows
            and self._steps(position) <= self.unread_rows
        )

    def _steps(self, position: int) -> float:
        """By how much a column strays from going up or down by one from row to row."""
        facts = self._columns[position].facts
        return float(min(facts["rising_most"] - facts["rising_least"], facts["falling_most"] - facts["falling_least"]))

    def _count_levels(self, rows: pl.DataFrame) -> None:
        levelled = self._q.levelled
        asked = [
            rows.lazy()
            .group_by(pl.col(f"c{i}").alias("cell"))
            .agg(pl.len().cast(pl.Int64).alias("rows"), (pl.col("part") == 0).sum().cast(pl.Int64).alias("train"))
            .filter(~pl.col("cell").is_in(self._q.tokens))
            for i in levelled
        ]
        for i, counts in zip(levelled, pl.collect_all(asked), strict=True):
            column = self._columns[i]
            column.levels.add(counts)
            if self._q.readings[i].kind is not Kind.TEXT:
                continue
            column.filled += int(counts["rows"].sum())
            if not self._q.readings[i].asked:
                figures = counts.select((pl.col("cell").str.contains(FIGURES) * pl.col("rows")).sum()).item()
                column.figures += int(figures or 0)

    def _look_for_copies(self, rows: pl.DataFrame) -> None:
        """Keeps the columns that hold one value in each class: case and number format do not tell values apart."""
        if self._many_labels:
            self._copies = {}
        if not self._copies:
            return
        exprs: list[pl.Expr] = []
        for i in self._copies:
            value = pl.col(f"x{i}")
            if self._q.readings[i].kind is Kind.TEXT:
                value = pl.when(~self._q.is_missing(i)).then(pl.col(f"c{i}").str.to_lowercase())
            exprs += [
                value.min().alias(f"{i} least"),
                value.max().alias(f"{i} most"),
                value.count().alias(f"{i} filled"),
            ]
        for found in rows.group_by("label").agg(pl.len().alias("rows"), *exprs).iter_rows(named=True):
            for i, known in list(self._copies.items()):
                least, most, filled = found[f"{i} least"], found[f"{i} most"], found[f"{i} filled"]
                if (before := known.get(found["label"])) is not None:
                    least, most = _both(min, before[0], least), _both(max, before[1], most)
                    filled += before[3]
                if least != most:
                    del self._copies[i]
                else:
                    total = found["rows"] + (before[2] if before else 0)
                    known[found["label"]] = (least, most, total, filled)

    def _keep_sample(self, rows: pl.DataFrame) -> None:
        q = self._q
        numbers = [f"x{i}" for i in q.of_kind(Kind.NUMBER)] if q.sampled else []
        kept = [*numbers, "time"] if q.time is not None else numbers
        if not kept:
            return
        most = min(SAMPLE_ROWS, _SAMPLE_CELLS // len(kept))
        sample = rows.filter(pl.col("u") < self._sample_limit).select("u", *kept)
        self._sample = pl.concat([self._sample, sample]) if self._sample.width else sample
        while self._sample.height > 2 * most and self._sample_limit > 1:
            self._sample_limit //= 2
            self._sample = self._sample.filter(pl.col("u") < self._sample_limit)

    # What the pass found.

    def readings(self) -> tuple[Reading, ...]:
        """The readings that fit the whole file."""
        q = self._q
        found = list(q.readings)
        for i in q.used:
            column, reading = self._columns[i], q.readings[i]
            if reading.asked:
                found[i] = reading_of(column.forms, q.dialect.delimiter, asked=True)
            elif reading.kind is Kind.TEXT:
                found[i] = replace(reading, asked=column.figures >= _LIKELY_SHARE * max(column.filled, 1))
            else:
                found[i] = replace(reading, asked=column.misfits > NEEDED_SHARE * column.cells)
        return tuple(found)

    def sample(self, name: str) -> pl.Series:
        """Values of a column x0, x1, ... or ``time`` in rows that are chosen by their hash."""
        return self._sample[name].drop_nulls() if self._sample.width else pl.Series(name, [], pl.Float64)

    def places(self, labels: Sequence[str]) -> Places:
        """The split that fits the whole file.

        Raises:
            RefusedError: there is none.
        """
        places = Places(usual_cuts(self._q.config.split))
        if self._q.time is not None:
            return replace(places, times=find_times(self.sample("time"), self._q.config.split))
        if self._q.group is not None:
            return places
        return replace(places, moved=self._lowest.moved(labels))

    def copies(self) -> dict[int, dict[str, tuple[Any, Any, int, int]]]:
        """Columns with one value in each class: least, most, rows and values by label."""
        return self._copies

    def below(self, position: int) -> tuple[int, ...]:
        """Rows with a number up to each of the edges that were asked for."""
        return tuple(self._columns[position].below)

    def profiles(self) -> list[Profile]:
        return [self._profile(i) for i in range(len(self._q.names))]

    def _profile(self, position: int) -> Profile:
        q, column = self._q, self._columns[position]
        name, rows, reading = q.names[position], self.good_rows, q.readings[position]
        if position == q.target:
            return self._target_profile()
        if position not in q.used:
            return Profile(position, name, rows, column.filled, reading.kind if column.filled else Kind.EMPTY)
        facts, forms = column.facts, column.forms if reading.asked else None
        profile = Profile(
            position, name, rows, column.filled, reading.kind, reading.notation, reading.date_format, forms
        )
        if not column.filled:
            return replace(profile, kind=Kind.EMPTY)
        if reading.kind is Kind.TEXT:
            return _with_levels(profile, column.levels)
        if position in q.listed:
            profile = replace(profile, levels=column.levels.table(), exact=column.levels.exact)
        constant = facts["least"] == facts["greatest"]
        if reading.kind is Kind.DATE:
            doubt = (read_dates(column.forms) or (None, None))[1] if forms else None
            return replace(profile, constant=constant and not facts["timed"], timed=facts["timed"], doubt=doubt)
        return replace(
            profile,
            least=facts["least"],
            greatest=facts["greatest"],
            whole=facts["whole"],
            constant=constant,
            doubt=read_numbers(column.forms, q.dialect.delimiter).doubt if forms else None,
            counts_rows=position in self._counters and self._may_count_rows(position),
            all_different=position in self._named and column.filled == rows,
        )

    def _target_profile(self) -> Profile:
        q = self._q
        levels = self.labels.table()
        forms = count_forms(levels.select("cell", "rows"))
        reading = reading_of(forms, q.dialect.delimiter, asked=True)
        profile = Profile(q.target, q.names[q.target], self.good_rows, self.good_rows, reading.kind)
        return _with_levels(profile, self.labels) if reading.kind is Kind.TEXT else profile


def _with_levels(profile: Profile, levels: Levels) -> Profile:
    if not levels.exact:
        return replace(profile, levels=levels.table(), exact=False, distinct=levels.distinct())
    counts = levels.table()
    few = counts["cell"].to_list() if counts.height <= _MOST_SPELLINGS else []
    kind = Kind.BOOLEAN if is_pair(few) else profile.kind
    return replace(profile, kind=kind, levels=counts, distinct=counts.height, constant=counts.height == 1)


def _both(choose: Any, a: Any, b: Any) -> Any:
    return choose(a, b) if a is not None and b is not None else a if b is None else b
