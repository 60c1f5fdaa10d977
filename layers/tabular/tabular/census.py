"""One pass over a file that counts all that its judgement rests on.

The pass takes each column in one reading (numbers, dates, text) and the rows in one split, which are guesses from the
file's first rows. What it counts also says whether they hold: :meth:`Census.readings` and :meth:`Census.places` give
what fits the whole file, and where that differs, the pass is made again. Nearly every file needs one pass. Memory is
that of a few chunks and of the bounded counts of ``sketch``.

A chunk is first measured, which changes nothing and may be done beside others, and then added, in the file's order.
What depends on the part of a row (``_Placed``) is measured at the end of the pass, unless the row's class is large: the
cuts of a class follow from all of its rows.
"""

from __future__ import annotations

import datetime
import io
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from sluice.dataset.dates import EPOCH
from sluice.evaluation.split import HASH_BITS
from sluice.layout import PARTS
from tabular.chunks import Chunk, Structure, cells_again, chunks, worked
from tabular.columns import Kind, Profile, Reading, is_pair, reading_of
from tabular.dates import read_dates
from tabular.facets import FacetTally, Seen
from tabular.findings import CELL_FAULTS, Finding, RefusedError, Rule, shown
from tabular.forms import add_counts, count_forms
from tabular.held_out import HeldOutRows, needs_no_quotes, write_rows
from tabular.identities import Identities, Limits, Looked
from tabular.leaks import LeakSample, look, sample_size
from tabular.leaks import Limits as LeakLimits
from tabular.notation import FIGURES, NEEDED_SHARE, SPECIAL, best_numbers, code_doubt, number
from tabular.patterns import matches
from tabular.quantities import is_padded
from tabular.question import LIKELY_SHARE, Question, counted
from tabular.ranks import MAX_RANKED, Ranks, count_ranks
from tabular.records import Fault, read_record
from tabular.report import RejectedRows
from tabular.sketch import Distinct, Frames, Hashes, Levels, Times, hashed
from tabular.spellings import merged_levels
from tabular.split import Places, find_times, fitting_places, refuse_impossible

MAX_LEVELS: Final = 50_000
"""Different texts of a column that are counted exactly; a wide table's columns share ``_MAX_LEVELS_IN_ALL``."""

_MAX_LEVELS_IN_ALL: Final = 1_000_000
_MIN_LEVELS: Final = 2_000

SAMPLE_ROWS: Final = 20_000
"""Rows that the edges of bins are taken from; what lies between them is counted on all rows."""

_SAMPLE_CELLS: Final = 4_000_000

_SIGHTED_ROWS: Final = 500
"""Of a chunk, that show of most columns that they have several values in a class."""

_MAX_LABELS: Final = 200
"""Different labels up to which the classes are counted apart; far more than can be classes."""

_MAX_SPELLINGS: Final = 100
"""Of the words for no and yes: each of their letters may be a capital."""

_IDENTIFIER_NAME: Final = re.compile(
    r"(?i:(^|[^a-z])(id|uuid|guid|key|index|idx|no|nr|number|row|rownum|rowid)$)|[a-z0-9](ID|Id)$"
)

_MAX_GAP: Final = 256
_COLUMNS_TOGETHER: Final = 32
_DOUBTFUL_SHARE: Final = 0.5

_MERGE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "least": min,
    "greatest": max,
    "whole": lambda a, b: a and b,
    "timed": lambda a, b: a or b,
    "rising_least": min,
    "rising_most": max,
    "falling_least": min,
    "falling_most": max,
}

type Copied = tuple[Any, Any, int, int]
"""Of one class: the least value, the greatest, its rows, and those with a value."""


class DoubtError(Exception):
    """So many cells of a chunk misfit their column that its reading is in doubt before the pass is through."""


@dataclass
class _Column:
    """The running counts of one column: the first ones over all rows, the others over those that are not rejected."""

    levels: Levels
    forms: Counter[str] = field(default_factory=Counter)
    cells: int = 0
    misfits: int = 0
    padded: int = 0
    filled: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    distinct: Distinct = field(default_factory=Distinct)
    below: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Watch:
    """What is still open when a chunk is measured: columns that may count the rows, may have no time of day, may be
    identifiers, may copy the target; the widths of the keys of large strata, whose rows have their part; whether all
    rows have it; how the samples are taken."""

    counters: tuple[int, ...]
    untimed: tuple[int, ...]
    named: tuple[int, ...]
    copies: tuple[int, ...]
    many_labels: bool
    widths: Mapping[str, int]
    all_placed: bool
    sampled_below: int
    leak_limits: LeakLimits | None
    """None if no leaks are looked for."""
    identities: Limits


@dataclass(frozen=True)
class _Fault:
    """A cell that its row cannot be used for."""

    row: int
    position: int
    rule: Rule
    cell: str


@dataclass(frozen=True)
class _Placed:
    """The counts of rows of one chunk that depend on their part."""

    labels: pl.DataFrame
    levels: Mapping[int, pl.DataFrame]


@dataclass(frozen=True)
class _Open:
    """A chunk with rows whose part was open: the strata of its other rows; whether no cell needs quotes."""

    placed: frozenset[str]
    plain: bool


@dataclass
class _Measured:
    """The counts of one chunk."""

    number: int
    chunk: Chunk
    faults: list[_Fault]
    bad: pl.Series
    """Numbers of the rows that are rejected."""
    cells: Mapping[int, tuple[int, int]]
    """By number or date column: cells that are not missing, and those that do not fit."""
    padded: Mapping[int, int]
    """By number column that is not asked for its forms: cells that begin with a 0 that they need not have."""
    row_hashes: pl.Series
    forms: Mapping[int, Counter[str]]
    labels_in_file: pl.DataFrame | None = None
    rows: int = 0
    """That are not rejected."""
    labels: Sequence[str] | None = None
    """The different ones; None if there are too many."""
    placed: _Placed | None = None
    """Of the rows that have their part."""
    is_open: bool = False
    """Whether there are others."""
    widths: Mapping[str, int] = field(default_factory=dict)
    """Of the strata whose rows have their part, if others have not."""
    plain: bool = False
    """Whether no cell needs quotes."""
    held_out: io.BytesIO | None = None
    facets: Sequence[Seen] = ()
    ranks: Mapping[str, pl.DataFrame] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[int, pl.DataFrame] = field(default_factory=dict)
    copies: Sequence[Mapping[str, Any]] = ()
    no_copies: frozenset[int] = frozenset()
    """Columns with several values in a class, which ``copies`` need not have."""
    sample: pl.DataFrame | None = None
    leaks: pl.DataFrame | None = None
    times: pl.DataFrame | None = None
    identities: Looked | None = None


class Census:
    """The counts of one pass.

    Args:
        question: what to count.
        folder: takes the hashes of the rows, the rows that are held out, and what is written of all of them later where
            that is ``kept``.
        rejected: takes the rows that cannot be used.
    """

    def __init__(self, question: Question, folder: Path, rejected: RejectedRows, *, kept: bool) -> None:
        self._q = question
        self._rejected = rejected
        self._max_levels = max(min(MAX_LEVELS, _MAX_LEVELS_IN_ALL // max(len(question.levelled), 1)), _MIN_LEVELS)
        self._columns = {i: _Column(Levels(self._max_levels, question.tokens)) for i in range(len(question.names))}
        self._values = [*question.of_kind(Kind.NUMBER, Kind.DATE), *question.target_value]
        numbers = question.of_kind(Kind.NUMBER)
        self._counters = numbers
        self._untimed = question.of_kind(Kind.DATE)
        self._named = [i for i in numbers if _IDENTIFIER_NAME.search(question.names[i])]
        self._copies: dict[int, dict[str, Copied]] = {i: {} for i in question.used}
        self._labels_seen: set[str] = set()
        self._many_labels = False
        self._ranks = Ranks(MAX_RANKED)
        self._open: dict[int, _Open] = {}
        self._places, self._impossible = question.places, tuple[str, ...]()
        self._sampled = [f"x{i}" for i in [*numbers, *question.target_value]] if question.sampled else []
        self._times = Times()
        self.identities = Identities(question)
        self._sample: pl.DataFrame | None = None
        self._sampled_below = 1 << HASH_BITS
        texts = question.of_kind(Kind.TEXT)
        self._leak_texts = [f"c{i}" for i in texts]
        self._leak_values = self._values_told()
        told = len(self._leak_values) + 2 * len(texts)
        looks = told and question.has_classes and question.config.leaks.action != "ignore"
        self._leaks = LeakSample(sample_size(told)) if looks else None
        self.structure = Structure()
        self.labels = Levels(MAX_LEVELS)
        self.parts: dict[str, list[int]] = {}
        """Rows by label, in each of the parts."""
        self.bad_rows = 0
        self.dropped_rows = 0
        """Of these, the ones whose class the configuration drops."""
        self.labels_in_file = Levels(MAX_LEVELS, question.tokens)
        """Labels before any are merged, if the configuration merges or drops some."""
        self.aside: list[pl.Series] = []
        """The rows of each chunk that are rejected."""
        # Of the chunks that were added: others may have been read already.
        self._added_rows = 0
        self._added_malformed = 0
        self.hashes = Hashes(folder / "hashes")
        """Of all rows that are not rejected, by what tells them apart."""
        self.frames = Frames(folder / "frames") if kept else None
        """What is written later of these rows, by chunk; None if the disk has no room for it."""
        self.held_out = HeldOutRows(folder / "held_out.csv", question.names)
        self.facets = [FacetTally(facet, question) for facet in question.config.facets]
        # Chunks are read in another thread than that which adds: it is given the state of the last addition.
        self._watching = self._watch()

    @property
    def good_rows(self) -> int:
        return self.structure.rows - self.bad_rows

    @property
    def unread_rows(self) -> int:
        return self.structure.malformed_rows

    def take(self, path: Path) -> None:
        """Goes through the file.

        Raises:
            DoubtError: the pass is to be made again, with all columns asked for all forms.
            RefusedError: it has more rows than are taken.
        """
        for found in worked(self._watched(path), lambda item: self._measure(*item)):
            self._add(found)
        self._place(path)

    def _watched(self, path: Path) -> Iterator[tuple[int, Chunk, _Watch]]:
        for n, chunk in enumerate(chunks(path, self._q.dialect, self.structure)):
            if self._q.max_rows is not None and self.structure.received > self._q.max_rows:
                what = f"the file has more than {self._q.max_rows:,} rows"
                raise RefusedError(Finding(rule=Rule.TOO_MANY_ROWS, what=what))
            yield n, chunk, self._watching

    def _watch(self) -> _Watch:
        return _Watch(
            tuple(self._counters),
            tuple(self._untimed),
            tuple(self._named),
            tuple(self._copies),
            self._many_labels,
            self._ranks.widths(),
            self._q.placed or self._q.stratum is None or self._many_labels,
            self._sampled_below,
            None if self._leaks is None else self._leaks.limits,
            self.identities.limits(),
        )

    @cached_property
    def repeated_rows(self) -> int:
        """How many rows repeat an earlier one; asked when the pass is through."""
        return self.hashes.repeated()

    # Measuring.

    def _measure(self, number: int, chunk: Chunk, watch: _Watch) -> _Measured:
        q, cells = self._q, chunk.cells
        rows = cells.select(q.frame).with_row_index("row")
        faults, counts = self._faults(cells, rows)
        bad = pl.Series("row", sorted({fault.row for fault in faults}), pl.UInt32)
        good = ~pl.col("row").is_in(bad.implode())
        rows = rows if bad.is_empty() else rows.filter(good)
        if self.frames is not None:
            self.frames.put(number, rows.drop("row"))
        hashes = rows["u"]
        if q.group is not None:
            own = cells.select(q.hash_of(q.hashed)).with_row_index("row")
            hashes = own.filter(good)["u"]
        asked = [i for i in q.read if q.readings[i].asked]
        forms = count_forms(counted(cells, asked, q.tokens)) if asked else {}
        found = _Measured(number, chunk, faults, bad, counts, self._padded(cells), hashes, forms)
        if q.config.classes is not None:
            of_target = cells.select(pl.col(f"c{q.target}").alias("cell")).group_by("cell")
            found.labels_in_file = of_target.agg(
                pl.len().cast(pl.Int64).alias("rows"), pl.lit(0, pl.Int64).alias("train")
            )
        if rows.height:
            self._measure_rows(found, rows, watch)
        return found

    def _padded(self, cells: pl.DataFrame) -> dict[int, int]:
        plain = [i for i in self._q.of_kind(Kind.NUMBER) if not self._q.readings[i].asked]
        counts = cells.select(is_padded(pl.col(f"c{i}")).sum() for i in plain)
        return dict(zip(plain, counts.row(0), strict=True)) if plain else {}

    def _faults(self, cells: pl.DataFrame, rows: pl.DataFrame) -> tuple[list[_Fault], dict[int, tuple[int, int]]]:
        """The cells that rows cannot be used for; and how many cells have a value, and misfit, by column."""
        q = self._q
        faults: list[_Fault] = []
        counts = dict.fromkeys(self._values, (cells.height, 0))
        for i in self._values:
            if not rows[f"x{i}"].null_count():
                continue
            failed = _cells_without(rows[f"x{i}"], cells, i)
            misfits = failed.filter(~pl.col("cell").is_in(q.tokens))
            if misfits.height > _DOUBTFUL_SHARE * cells.height and not q.readings[i].asked:
                raise DoubtError
            counts[i] = (cells.height - failed.height + misfits.height, misfits.height)
            faults += self._with_rules(i, misfits)
        for i, rule in self._needed():
            absent = cells.select(q.is_missing(i).arg_true()).to_series()
            faults += [_Fault(row, i, rule, "") for row in absent]
        if q.left_out:
            outside = rows.select("row", "label").filter(pl.col("label").is_in(list(q.left_out)))
            faults += [_Fault(row, q.target, q.left_out[label], label) for row, label in outside.iter_rows()]
        if q.time is not None and q.time not in self._values:
            failed = _cells_without(rows["time"], cells, q.time)
            faults += self._with_rules(q.time, failed.filter(~pl.col("cell").is_in(q.tokens)))
        return faults, counts

    def _needed(self) -> Iterator[tuple[int, Rule]]:
        """The columns that no row may lack."""
        yield self._q.target, Rule.TARGET_MISSING
        for position in (self._q.group, self._q.time):
            if position is not None:
                yield position, Rule.SPLIT_VALUE_MISSING

    def _with_rules(self, position: int, misfits: pl.DataFrame) -> Iterator[_Fault]:
        reading, cell = self._q.readings[position], pl.col("cell")
        if reading.kind is Kind.DATE:
            yield from (_Fault(row, position, Rule.NOT_A_DATE, text) for row, text in misfits.iter_rows())
            return
        judged = misfits.with_columns(
            special=matches(cell, SPECIAL), number=number(cell, reading.notation, reading.form).is_not_null()
        )
        for row, text, special, is_number in judged.iter_rows():
            rule = Rule.INFINITE_NUMBER if special else Rule.NUMBER_TOO_LARGE if is_number else Rule.NOT_A_NUMBER
            yield _Fault(row, position, rule, text)

    def _measure_rows(self, found: _Measured, rows: pl.DataFrame, watch: _Watch) -> None:
        q = self._q
        found.rows = rows.height
        labels = rows["label"].unique()
        many_labels = watch.many_labels or labels.len() > _MAX_LABELS
        found.labels = None if many_labels else labels.to_list()
        self._measure_parts(found, rows, watch)
        if self.facets and not many_labels:
            cells = found.chunk.cells
            good = cells if found.bad.is_empty() else cells.select(pl.all().gather(rows["row"]))
            found.facets = [tally.look(good) for tally in self.facets]
        if q.stratum is not None and not watch.all_placed and not many_labels:
            found.ranks = count_ranks(rows, q.stratum, watch.widths)
        exprs = self._facts(found.chunk.first, watch)
        found.facts = rows.select(exprs).row(0, named=True) if exprs else {}
        found.named = {i: hashed(rows[f"x{i}"].drop_nulls()) for i in watch.named}
        if watch.copies and not many_labels:
            self._measure_copies(found, rows, watch.copies)
        if q.time is not None:
            found.times = rows.group_by("time").agg(pl.len().cast(pl.Int64).alias("rows"))
        if not many_labels:
            found.identities = self.identities.look(rows, found.row_hashes, watch.identities)
        if self._sampled:
            found.sample = rows.filter(pl.col("u") < watch.sampled_below).select(
                "u", (pl.col("row").cast(pl.Int64) + found.chunk.first).alias("at"), *self._sampled
            )
        if watch.leak_limits is not None and not many_labels:
            values, texts = self._leak_values, self._leak_texts
            found.leaks = look(rows, labels, found.row_hashes, watch.leak_limits, values, texts, q.tokens)

    def _values_told(self) -> list[pl.Expr]:
        """The numbers that a sample keeps of a row: the time that the split uses, and x3, the value of number or date
        column 3, of the columns that a model may learn from."""
        times = [] if self._q.time is None else [pl.col("time")]
        return times + [pl.col(f"x{i}").to_physical().cast(pl.Float64) for i in self._values]

    def _measure_parts(self, found: _Measured, rows: pl.DataFrame, watch: _Watch) -> None:
        """What depends on the part, of the rows that have it."""
        q = self._q
        found.plain = q.merged is None and needs_no_quotes(found.chunk, q.dialect.delimiter)
        if not watch.all_placed and q.stratum is not None:
            placed = rows.filter(q.stratum.is_in(list(watch.widths))) if watch.widths else rows.clear()
            found.is_open = placed.height < rows.height
            found.widths = watch.widths
            rows = placed
        rows = rows.with_columns(q.places.part().alias("part"))
        if not found.is_open:
            tested = rows.select(pl.col("row").filter(pl.col("part") == PARTS.index("test"))).to_series()
            found.held_out = write_rows(q.as_learned(found.chunk.cells), tested, plain=found.plain)
        if rows.height:
            found.placed = self._measure_placed(rows)

    def _measure_placed(self, rows: pl.DataFrame) -> _Placed:
        """What depends on the part: here, and nowhere else, there is a column ``part``."""
        labels = (
            rows.select("label", "part")
            .group_by("label")
            .agg((pl.col("part") == part).sum().cast(pl.Int64).alias(name) for part, name in enumerate(PARTS))
        )
        return _Placed(labels, self._levels(rows))

    def _facts(self, first: int, watch: _Watch) -> list[pl.Expr]:
        """Aggregates by column, each named by its number and the fact."""
        q = self._q
        exprs: list[pl.Expr] = [(~q.is_missing(i)).sum().alias(f"{i} filled") for i in q.unused]
        ordinal = pl.col("row").cast(pl.Float64) + first
        for i in self._values:
            x = pl.col(f"x{i}")
            facts = {"filled": x.count(), "least": x.min(), "greatest": x.max()}
            if q.readings[i].kind is Kind.NUMBER:
                facts["whole"] = (x == x.floor()).all()
            if i in watch.untimed:
                facts["timed"] = (pl.col(f"h{i}").is_not_null() & x.is_not_null()).any()
            if i in watch.counters:
                facts |= {"rising_least": (x - ordinal).min(), "rising_most": (x - ordinal).max()}
                facts |= {"falling_least": (x + ordinal).min(), "falling_most": (x + ordinal).max()}
            facts |= {f"below {n}": (x <= edge).sum() for n, edge in enumerate(q.edges.get(i, ()))}
            exprs += [expr.alias(f"{i} {name}") for name, expr in facts.items()]
        return exprs

    def _levels(self, rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
        levelled = self._q.levelled
        # Joined to nothing, the few texts are copied: otherwise they would keep the whole chunk in memory.
        own = pl.concat_str("cell", pl.lit("")).alias("cell")
        found: dict[int, pl.DataFrame] = {}
        for some in itertools.batched(levelled, _COLUMNS_TOGETHER, strict=False):
            narrow = rows.lazy().select("part", *(f"c{i}" for i in some)).collect()
            asked = [
                narrow.lazy()
                .group_by(pl.col(f"c{i}").alias("cell"))
                .agg(pl.len().cast(pl.Int64).alias("rows"), (pl.col("part") == 0).sum().cast(pl.Int64).alias("train"))
                .select(own, "rows", "train")
                for i in some
            ]
            found |= zip(some, pl.collect_all(asked), strict=True)
        return found

    def _measure_copies(self, found: _Measured, rows: pl.DataFrame, positions: Sequence[int]) -> None:
        if rows.height > _SIGHTED_ROWS:
            sighted = self._copied(rows.head(_SIGHTED_ROWS), positions)
            found.no_copies = frozenset(
                i for i in positions if any(classed[f"{i} least"] != classed[f"{i} most"] for classed in sighted)
            )
        if asked := [i for i in positions if i not in found.no_copies]:
            found.copies = self._copied(rows, asked)

    def _copied(self, rows: pl.DataFrame, positions: Sequence[int]) -> list[dict[str, Any]]:
        """By class: its rows, and of each column the least value, the greatest, and the cells with one."""
        exprs: list[pl.Expr] = []
        for i in positions:
            value = pl.col(f"x{i}")
            if self._q.readings[i].kind is Kind.TEXT:
                value = pl.when(~self._q.is_missing(i)).then(pl.col(f"c{i}").str.to_lowercase())
            exprs += [
                value.min().alias(f"{i} least"),
                value.max().alias(f"{i} most"),
                value.count().alias(f"{i} filled"),
            ]
        return rows.group_by("label").agg(pl.len().alias("rows"), *exprs).to_dicts()

    # Adding.

    def _add(self, found: _Measured) -> None:
        self._add_all(found)
        self._watching = self._watch()

    def _add_all(self, found: _Measured) -> None:
        self._report(found)
        self.bad_rows += len(found.bad)
        self.dropped_rows += sum(fault.rule is Rule.CLASS_DROPPED for fault in found.faults)
        if found.labels_in_file is not None:
            self.labels_in_file.add(found.labels_in_file)
        self._added_malformed += len(found.chunk.malformed)
        self.aside.append(found.bad)
        self.hashes.add(found.row_hashes)
        for i, (cells, misfits) in found.cells.items():
            self._columns[i].cells += cells
            self._columns[i].misfits += misfits
        for i, padded in found.padded.items():
            self._columns[i].padded += padded
        known = {i: self._columns[i].forms for i in found.forms}
        add_counts(known, found.forms)
        for i, forms in known.items():
            self._columns[i].forms = forms
        if found.is_open:
            self._open[found.number] = _Open(frozenset(found.widths), found.plain)
        else:
            self.held_out.add(found.number, found.held_out)
        if not found.rows:
            return
        self._added_rows += found.rows
        self._labels_seen.update(found.labels or ())
        self._many_labels = self._many_labels or found.labels is None or len(self._labels_seen) > _MAX_LABELS
        if found.placed is not None:
            self._add_placed(found.placed)
        if found.ranks is not None:
            self._ranks.add(found.ranks)
        for tally, seen in zip(self.facets, found.facets, strict=False):  # none of a chunk with too many labels
            tally.add(seen)
        self._add_facts(found)
        self._add_copies(found)
        self._add_sample(found.sample)
        self._add_leaks(found.leaks)
        if found.times is not None:
            self._times.add(found.times)
        if found.identities is not None:
            self.identities.add(found.identities)

    def _add_placed(self, placed: _Placed) -> None:
        counts = placed.labels.select(pl.col("label").alias("cell"), pl.sum_horizontal(*PARTS).alias("rows"), "train")
        self.labels.add(counts)
        for i, levels in placed.levels.items():
            self._columns[i].levels.add(levels)
        if self._many_labels:
            return
        for label, *parts in placed.labels.iter_rows():
            known = self.parts.setdefault(label, [0, 0, 0])
            self.parts[label] = [a + b for a, b in zip(known, parts, strict=True)]

    def _place(self, path: Path) -> None:
        """Finds the cuts, and adds the rows whose part was open."""
        q = self._q
        if q.stratum is not None and not q.placed and not self._many_labels:
            self._places, self._impossible = fitting_places(self._ranks, q.config.split, by_class=q.has_classes)
        again = cells_again(path, q.dialect, self.structure, self._open)
        for chunk, placed, held_out in worked(again, lambda item: self._measure_open(*item)):
            self.held_out.add(chunk, held_out)
            if placed is not None:
                self._add_placed(placed)

    def _measure_open(self, chunk: int, cells: pl.DataFrame) -> tuple[int, _Placed | None, io.BytesIO]:
        q, was_open, bad = self._q, self._open[chunk], self.aside[chunk]
        good = pl.int_range(cells.height, dtype=pl.UInt32, eager=True)
        good = good if bad.is_empty() else good.filter(~good.is_in(bad.implode()))
        frame = (
            self.frames.get(chunk) if self.frames is not None else cells.select(pl.all().gather(good)).select(q.frame)
        )
        rows = frame.with_columns(good.alias("row"), self._places.part().alias("part"))
        tested = rows.select(pl.col("row").filter(pl.col("part") == PARTS.index("test"))).to_series()
        held_out = write_rows(q.as_learned(cells), tested, plain=was_open.plain)
        if was_open.placed and q.stratum is not None:
            rows = rows.filter(~q.stratum.is_in(list(was_open.placed)))
        return chunk, self._measure_placed(rows) if rows.height else None, held_out

    def _report(self, found: _Measured) -> None:
        """Adds the chunk's malformed rows and its bad cells to the rejected rows, in the file's order."""
        names = self._q.names
        malformed = iter(found.chunk.malformed)
        pending = next(malformed, None)
        faults = sorted(found.faults, key=lambda fault: (fault.row, fault.position, fault.rule.value))
        places = found.chunk.places([fault.row for fault in faults])
        for fault, (line, offset, raw) in zip(faults, places, strict=True):
            while pending is not None and pending.line < line:
                self._rejected.add_malformed(pending, self._q.dialect)
                pending = next(malformed, None)
            said = shown(fault.cell) if fault.cell else self._missing_token(raw, fault.position)
            what = CELL_FAULTS[fault.rule].format(cell=said, date=self._q.readings[fault.position].date.example)
            self._rejected.add(line, offset, names[fault.position], fault.rule, what, raw)
        for row in itertools.chain([pending] if pending else [], malformed):
            self._rejected.add_malformed(row, self._q.dialect)

    def _missing_token(self, raw: bytes, position: int) -> str:
        """What is added of a cell that is missing though something stands in it."""
        dialect = self._q.dialect
        record = read_record(raw, 0, dialect.delimiter, final=True, skip_blanks=dialect.skip_blanks)
        text = "" if record is None or isinstance(record, Fault) else record.cells[position].decode().strip()
        return f": `{shown(text)}` counts as no value" if text else ""

    def _add_facts(self, found: _Measured) -> None:
        for key, value in found.facts.items():
            position, _, name = key.partition(" ")
            column = self._columns[int(position)]
            if name == "filled":
                column.filled += value
            elif name.startswith("below"):
                edge = int(name.removeprefix("below "))
                column.below += [0] * (edge + 1 - len(column.below))
                column.below[edge] += value
            elif value is not None:
                known = column.facts.get(name)
                if name == "whole" and not value:
                    self.identities.leave_out(int(position))
                column.facts[name] = value if known is None else _MERGE[name](known, value)
        # Chunks that are under way were measured while more was open; what was closed since stays so.
        self._counters = [i for i in self._counters if self._may_count_rows(i)]
        self._untimed = [i for i in self._untimed if not self._columns[i].facts.get("timed")]
        for i in self._named:
            self._columns[i].distinct.add(found.named[i])
        self._named = [i for i in self._named if not self._columns[i].distinct.repeats()]

    def _may_count_rows(self, position: int) -> bool:
        column = self._columns[position]
        complete = column.filled == self._added_rows
        # From 2^53 on doubles are whole numbers with gaps between them.
        gap = math.ulp(max(abs(column.facts["least"]), abs(column.facts["greatest"]))) if complete else 0
        steps_over = self._added_malformed + (gap if gap < _MAX_GAP else 0)
        return bool(column.facts["whole"]) and complete and self._steps(position) <= steps_over

    def _steps(self, position: int) -> float:
        """By how much a column strays from going up or down by one from row to row."""
        facts = self._columns[position].facts
        rising, falling = facts["rising_most"] - facts["rising_least"], facts["falling_most"] - facts["falling_least"]
        return float(min(rising, falling))

    def _add_copies(self, found: _Measured) -> None:
        """Keeps the columns that hold one value in each class: case and number format do not tell values apart."""
        if self._many_labels:
            self._copies = {}
        for i in found.no_copies:
            self._copies.pop(i, None)
        for classed in found.copies:
            label = classed["label"]
            for i, known in list(self._copies.items()):
                least, most, rows, filled = (classed[key] for key in (f"{i} least", f"{i} most", "rows", f"{i} filled"))
                if label in known:
                    least, most = _both(min, known[label][0], least), _both(max, known[label][1], most)
                    rows, filled = known[label][2] + rows, known[label][3] + filled
                known[label] = (least, most, rows, filled)
                if least != most:
                    del self._copies[i]

    def _add_sample(self, sample: pl.DataFrame | None) -> None:
        if sample is None:
            return
        max_rows = min(SAMPLE_ROWS, _SAMPLE_CELLS // len(self._sampled))
        kept = sample if self._sample is None else pl.concat([self._sample, sample])
        kept = kept.filter(pl.col("u") < self._sampled_below)
        while kept.height > 2 * max_rows and self._sampled_below > 1:
            self._sampled_below //= 2
            kept = kept.filter(pl.col("u") < self._sampled_below)
        self._sample = kept

    def _add_leaks(self, rows: pl.DataFrame | None) -> None:
        if self._many_labels:
            self._leaks = None
        if self._leaks is not None and rows is not None:
            self._leaks.add(rows)

    # What the pass found.

    def readings(self) -> tuple[Reading, ...]:
        """The readings that fit the whole file."""
        q = self._q
        fitting = list(q.readings)
        for i in q.read:
            column, reading = self._columns[i], q.readings[i]
            if reading.asked:
                fitting[i] = reading_of(column.forms, q.dialect.delimiter, asked=True, codes=i not in q.named)
            elif reading.kind is Kind.TEXT:
                fitting[i] = replace(reading, asked=_figures(column.levels) >= LIKELY_SHARE)
            else:
                unlike = max(column.misfits, column.padded)
                fitting[i] = replace(reading, asked=unlike > NEEDED_SHARE * column.cells)
        return tuple(fitting)

    def sample(self, name: str) -> pl.Series:
        """Values of a column x0, x1, ... in rows that are chosen by their hash."""
        return pl.Series(name, [], pl.Float64) if self._sample is None else self._sample[name].drop_nulls()

    def ordered_sample(self, name: str) -> pl.DataFrame:
        """``at``, the number of a row, and ``value``, that of a column x0, x1, ..., of rows chosen by their hash."""
        if self._sample is None:
            return pl.DataFrame(schema={"at": pl.Int64, "value": pl.Float64})
        return self._sample.select("at", pl.col(name).alias("value")).drop_nulls()

    def leak_sample(self, places: Places, labels: Sequence[str]) -> pl.DataFrame | None:
        """Training rows that are chosen by their hash, as :func:`tabular.leaks.find_leaks` takes them."""
        rows = None if self._leaks is None else self._leaks.rows()
        if rows is None:
            return None
        texts = pl.Series(labels, dtype=pl.String)
        known = pl.col("label").replace_strict(texts.hash(), texts, default=None, return_dtype=pl.String)
        part = rows.select(known, *(name for name in ("u", "time") if name in rows.columns)).select(
            pl.when(pl.col("label").is_not_null()).then(places.part())
        )
        return rows.filter(part.to_series() == PARTS.index("train"))

    def places(self) -> Places:
        """The split that fits the whole file.

        Raises:
            RefusedError: there is none.
        """
        refuse_impossible(self._impossible)
        if self._q.time is not None:
            return replace(self._q.places, times=find_times(self._times.table(), self._q.config.split))
        return self._places

    @property
    def is_placed(self) -> bool:
        """Whether the rows were counted by the parts of that split."""
        if self._q.time is not None:
            return self.places() == self._q.places
        return all(self._places.of(stratum) == self._q.places.of(stratum) for stratum in self._ranks.widths())

    def copies(self) -> Mapping[int, Mapping[str, Copied]]:
        """The columns that hold one value in each class."""
        return self._copies

    def below(self, position: int) -> tuple[int, ...]:
        """Rows with a number up to each of the edges that were asked for."""
        return tuple(self._columns[position].below)

    def good_frames(self, path: Path, *, last: bool = False) -> Iterator[pl.DataFrame]:
        """What is counted and written of the rows that are not rejected, chunk by chunk: as it was kept, or read again.

        Args:
            path: of the file.
            last: nothing needs to be kept any longer.
        """
        if self.frames is not None:
            yield from self.frames.taken() if last else self.frames
            return
        for chunk, cells in cells_again(path, self._q.dialect, self.structure):
            bad = self.aside[chunk]
            yield cells.select(self._q.frame).with_row_index("row").filter(~pl.col("row").is_in(bad.implode()))

    def profiles(self) -> list[Profile]:
        unused = frozenset(self._q.unused)
        return [self._profile(i, used=i not in unused) for i in range(len(self._q.names))]

    def profiles_by(self, path: Path, places: Places) -> list[Profile]:
        """The same as another split of the same rows gives them: other rows train, so texts are as common otherwise.

        Args:
            path: of the file.
            places: of that split.
        """
        levels = {i: Levels(self._max_levels, self._q.tokens) for i in self._q.levelled}
        for frame in self.good_frames(path):
            for i, counts in self._levels(frame.with_columns(places.part().alias("part"))).items():
                levels[i].add(counts)
        return [self._with_levels_of(profile, levels) for profile in self.profiles()]

    def _with_levels_of(self, profile: Profile, levels: Mapping[int, Levels]) -> Profile:
        if profile.levels is None or profile.position not in levels:
            return profile
        counted = _with_levels(profile, levels[profile.position])
        return _with_merged_levels(counted) if profile.merged else counted

    def _profile(self, position: int, *, used: bool) -> Profile:
        q, column = self._q, self._columns[position]
        reading = q.readings[position]
        if position == q.target:
            return self._target_profile()
        filled = column.levels.filled if used and reading.kind is Kind.TEXT else column.filled
        profile = Profile(
            position,
            q.names[position],
            self.good_rows,
            filled,
            reading.kind,
            reading.notation,
            reading.form,
            reading.date,
        )
        if not filled:
            return replace(profile, kind=Kind.EMPTY)
        if not used:
            return profile
        if reading.asked:
            profile = replace(profile, forms=column.forms)
        if reading.kind is Kind.TEXT or position in q.listed:
            profile = _with_levels(profile, column.levels)
        if profile.kind is Kind.TEXT and q.config.merges(profile.name):
            profile = _with_merged_levels(profile)
        if reading.kind is Kind.TEXT:
            return replace(profile, doubt=code_doubt(column.forms) if reading.asked else None)
        facts = column.facts
        constant, timed = facts["least"] == facts["greatest"], facts.get("timed", False)
        if reading.kind is Kind.DATE:
            doubt = found.doubt if (found := read_dates(column.forms)) else None
            least, greatest = _days(facts["least"]), _days(facts["greatest"])
            profile = replace(profile, least=least, greatest=greatest)
            return replace(profile, constant=constant and not timed, timed=timed, doubt=doubt)
        return replace(
            profile,
            least=facts["least"],
            greatest=facts["greatest"],
            whole=facts["whole"],
            constant=constant,
            doubt=best_numbers(column.forms, q.dialect.delimiter).doubt,
            counts_rows=position in self._counters,
            all_different=position in self._named and column.filled == self.good_rows,
        )

    def _target_profile(self) -> Profile:
        q = self._q
        if not q.has_classes:
            return self._number_target()
        texts = self.labels.table().select(pl.lit(0, pl.Int64).alias("column"), "cell", "rows")
        forms = count_forms(texts).get(0, Counter())
        reading = reading_of(forms, q.dialect.delimiter, asked=True)
        profile = Profile(q.target, q.names[q.target], self.good_rows, self.good_rows, reading.kind)
        return _with_levels(profile, self.labels) if reading.kind is Kind.TEXT else profile

    def _number_target(self) -> Profile:
        q, facts = self._q, self._columns[self._q.target].facts
        reading = q.readings[q.target]
        profile = Profile(
            q.target, q.names[q.target], self.good_rows, self.good_rows, reading.kind, reading.notation, reading.form
        )
        if reading.kind is not Kind.NUMBER or "least" not in facts:
            return profile
        return replace(profile, least=facts["least"], greatest=facts["greatest"], whole=facts["whole"])


def _days(day: datetime.date) -> float:
    return float((day - EPOCH).days)


def _cells_without(values: pl.Series, cells: pl.DataFrame, position: int) -> pl.DataFrame:
    """``row`` and ``cell`` of a column where it has no value."""
    return cells.select(pl.col(f"c{position}").alias("cell")).with_row_index("row").filter(values.is_null())


def _figures(levels: Levels) -> float:
    """The share of cells whose text begins like a number or a date."""
    like = levels.table().select((pl.col("cell").str.contains(FIGURES) * pl.col("rows")).sum() / pl.col("rows").sum())
    return float(like.item() or 0.0) if levels.filled else 0.0


def _with_levels(profile: Profile, levels: Levels) -> Profile:
    counts = levels.table()
    if not levels.exact:
        return replace(profile, levels=counts, exact=False, distinct=levels.distinct())
    few = counts["cell"].to_list() if profile.kind is Kind.TEXT and counts.height <= _MAX_SPELLINGS else []
    kind = Kind.BOOLEAN if is_pair(few) else profile.kind
    return replace(profile, kind=kind, levels=counts, distinct=counts.height, constant=counts.height == 1)


def _with_merged_levels(profile: Profile) -> Profile:
    if profile.levels is None:
        return profile
    levels = merged_levels(profile.levels)
    distinct = profile.distinct * levels.height / max(profile.levels.height, 1)
    constant = profile.exact and levels.height == 1
    return replace(profile, levels=levels, distinct=distinct, constant=constant, merged=True)


def _both(choose: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    return choose(a, b) if a is not None and b is not None else a if b is None else b
