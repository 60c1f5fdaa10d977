"""Columns that give the target away: a label that is a function of one column, or nearly one.

Such a column is often known only after the outcome, as `spent_with_card` is for `card_granted`: the model is then
perfect on every held-out row and worthless in use. It is looked for in a sample of the training rows, before anything
is trained.

A column is read as a few segments of its numbers or dates, or as a table of its levels, with *no value* as a level of
its own. What is fitted on one half of the sample is measured on the other half, and the other way round. All classes
count alike, however rare. An error share of 1 is that of a guess, and at 0 the column decides the label. What all other
columns say together is a naive Bayes classifier over the same levels, fitted and measured alike.

Which shares are a leak was measured on real tables: docs/decisions.md, "Leaks".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from sluice.evaluation.split import HASH_BITS
from tabular.intervals import wilson

MAX_SAMPLE_ROWS: Final = 20_000
MIN_SAMPLE_ROWS: Final = 400
"""Of tables with thousands of columns."""
_MAX_SAMPLE_CELLS: Final = 4_000_000
_MIN_CLASS_ROWS: Final = 20

_TOP: Final = (1 << HASH_BITS) - 1

MAX_CERTAIN_SHARE: Final = 0.03
"""Error share of a column that decides the label; the end of a segment is known to a row or two."""
MAX_CERTAIN_FITTED: Final = 0.005
"""The same if the rows that are measured are fitted on, too: there is no exception to the rule."""
MAX_CERTAIN_UPPER: Final = 0.07
"""The same for the upper end of its one-sided 95 % interval: no fewer than some 80 rows of each of two classes without
an error."""
MAX_DOUBTFUL_SHARE: Final = 0.05
MAX_DOUBTFUL_UPPER: Final = 0.1
"""The same as above for a column that is suspected. In fewer rows an honest column may make so few errors by chance:
the best ones that were measured have a share of about 0.1."""
MIN_OTHERS_SHARE: Final = 0.3
"""Error share of all other columns together. If they are better, the label is no secret, and a column that tells it is
no wonder."""
MAX_CHANCE: Final = 1e-3
"""That a column which says nothing errs so rarely, for all columns of the table together (Bonferroni)."""

_MAX_SCREENED_SHARE: Final = 0.35
"""With numbers in bins; up to here the exact segments are looked for."""
_MAX_BINS: Final = 32
_ROWS_IN_BIN: Final = 16
_MAX_LEVELS: Final = 50
"""A table of more levels may well know the rows of single customers or machines; that is no leak of the label."""
_BATCH_CELLS: Final = 1_000_000
_MAX_OTHERS: Final = 64
"""Columns of the naive Bayes classifier, the best ones by themselves."""
_MIN_SEGMENT_ROWS: Final = 3
_Z: Final = 1.645

_MANY: Final = 4_000
_OFTEN: Final = 4
"""Rows, and of these on average to a text, from which on it is quicker to look at the different texts of a column."""

_NO_LETTERS: Final = r"[^\p{L}]+"
"""What is taken off a text that begins or ends with the label: ``approved-2023``, ``no_0017``."""


@dataclass(frozen=True)
class Limits:
    """Of a sample: its rows, and the greatest key that still counts, by class that has enough rows."""

    max_rows: int
    keys: Mapping[int, int]


class LeakSample:
    """Distinct rows: of each class those with the lowest keys, as many of each.

    The rows that are kept do not depend on the order in which rows were added or samples merged.

    A frame of rows has ``key`` (UInt64; equal rows have the same), ``label`` (hash of the text), ``u`` (the split's
    hash), ``rows`` (how many rows of the file it stands for) and the columns' values.
    """

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._kept: pl.DataFrame | None = None
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._limits: Mapping[int, int] = {}

    @property
    def limits(self) -> Limits:
        return Limits(self._max_rows, self._limits)

    def add(self, rows: pl.DataFrame) -> None:
        if not rows.height:
            return
        self._waiting.append(rows)
        self._waiting_rows += rows.height
        if self._waiting_rows > self._max_rows // 2:
            self._trim()

    def merge(self, other: LeakSample) -> None:
        other._trim()
        if other._kept is not None:
            self.add(other._kept)

    def rows(self) -> pl.DataFrame | None:
        """The rows that are kept, in an order that is always the same; None if there are none."""
        self._trim()
        return None if self._kept is None else self._kept.sort("label", "key")

    def _trim(self) -> None:
        if not self._waiting:
            return
        found = pl.concat([*([] if self._kept is None else [self._kept]), *self._waiting])
        self._waiting, self._waiting_rows = [], 0
        most = _rows_per_class(self._max_rows, found["label"].n_unique())
        lowest = found.group_by("label").agg(pl.col("key").unique().bottom_k(most)).explode("key")
        full = lowest.group_by("label").agg(pl.len().alias("rows"), pl.col("key").max())
        self._limits = {label: key for label, rows, key in full.iter_rows() if rows == most}
        if self._limits:
            found = found.filter(pl.col("key") <= _limit_of(self._limits))
        if lowest.height < found.height:
            by = ["label", "key"]
            counts = found.group_by(by).agg(pl.col("rows").sum())
            found = found.unique(by).drop("rows").join(counts, on=by).select(found.columns)
        self._kept = found


def _limit_of(limits: Mapping[Any, int]) -> pl.Expr:
    """The greatest key that still counts in the class of a row."""
    return pl.col("label").replace_strict([*limits], [*limits.values()], default=_TOP, return_dtype=pl.UInt64)


def _rows_per_class(max_rows: int, classes: int) -> int:
    return max(max_rows // max(classes, 1), _MIN_CLASS_ROWS)


def sample_size(columns: int) -> int:
    """Rows that are kept of a table with so many values a row."""
    return max(min(MAX_SAMPLE_ROWS, _MAX_SAMPLE_CELLS // max(columns, 1)), MIN_SAMPLE_ROWS)


def level_hash(text: pl.Expr, *, letters: bool) -> pl.Expr:
    """The hash of a text, or of its letters alone; capitals and small letters are the same."""
    plain = text.str.to_lowercase()
    return (plain.str.replace_all(_NO_LETTERS, "") if letters else plain).hash()


def _level_hashes(cells: pl.DataFrame, missing: Sequence[str]) -> list[pl.Series]:
    """Of columns c4, ...: t4 and w4, the hashes of a text and of its letters alone; null if it is missing."""
    if cells.height < _MANY:
        return cells.select(expr for name in cells.columns for expr in _hashes_of(name, missing)).get_columns()
    found: list[pl.Series] = []
    for cell in cells:
        texts = cell.unique().to_frame()
        if _OFTEN * texts.height > len(cell):
            hashes = cell.to_frame().select(_hashes_of(cell.name, missing))
        else:
            told = texts.with_columns(_hashes_of(cell.name, missing))
            hashes = cell.to_frame().join(told, on=cell.name, how="left", maintain_order="left").drop(cell.name)
        found += hashes.get_columns()
    return found


def _hashes_of(name: str, missing: Sequence[str]) -> list[pl.Expr]:
    text, number = pl.col(name), name.removeprefix("c")
    known = pl.when(~text.is_in(list(missing)))
    hashes = (("t", level_hash(text, letters=False)), ("w", level_hash(text, letters=True)))
    return [known.then(value).alias(f"{prefix}{number}") for prefix, value in hashes]


def look(
    rows: pl.DataFrame,
    labels: pl.Series,
    hashes: pl.Series,
    limits: Limits,
    values: Sequence[pl.Expr],
    texts: Sequence[str],
    missing: Sequence[str],
) -> pl.DataFrame:
    """What a sample is to learn of rows of a chunk. Changes nothing.

    Args:
        rows: with ``label`` and ``u``, by which the halves are told apart, so that a group stays in one.
        labels: those that the rows have, each once.
        hashes: of the rows' content, by which they are chosen.
        limits: of the sample.
        values: numbers that it keeps of a row beside that.
        texts: columns c4, ... of which it keeps hashes.
        missing: texts that mean: no value.
    """
    # The split's training rows have the highest hashes, so the key counts from the top.
    keyed = rows.with_columns((_TOP - hashes).alias("key"))
    keyed = keyed.filter(_may_be_kept(keyed, labels, limits))
    told = keyed.select("key", pl.col("label").hash(), "u", pl.lit(1, pl.Int64).alias("rows"), *values)
    return told.with_columns(_level_hashes(keyed.select(texts), missing))


def _may_be_kept(keyed: pl.DataFrame, labels: pl.Series, limits: Limits) -> pl.Expr:
    """Which rows a sample may keep. Of a class that has no limit yet, these are no more of a chunk than of all."""
    most = _rows_per_class(limits.max_rows, len(labels))
    known = {text: limits.keys.get(hashed) for text, hashed in zip(labels, labels.hash(), strict=True)}
    greatest = {text: limit for text, limit in known.items() if limit is not None}
    if len(greatest) < len(known) and keyed.height > most:
        others = keyed.select("label", "key").filter(~pl.col("label").is_in([*greatest]))
        lowest = others.group_by("label").agg(pl.col("key").unique().bottom_k(most).max())
        greatest |= dict(lowest.iter_rows())
    return pl.col("key") <= _limit_of(greatest) if greatest else pl.lit(value=True)


# What a sample says.


type Reading = Literal["numbers", "texts", "letters"]


@dataclass(frozen=True)
class Candidate:
    """A column that may be used: its number, and whether it is read as numbers (or dates) or as texts."""

    position: int
    ordered: bool


@dataclass(frozen=True)
class Leak:
    """A column that gives the target away.

    Attributes:
        position: of the column.
        certain: no honest column does so.
        share: its error share, out of sample: 0 is without error, 1 that of a guess.
        others: the error share of all other columns together; None if there is none.
        wrong: rows of the sample that the rule errs in.
        rows: of the sample.
        rule: how it tells the class.
    """

    position: int
    certain: bool
    share: float
    others: float | None
    wrong: int
    rows: int
    rule: Rule


@dataclass(frozen=True)
class Segments:
    """Neighbouring segments of numbers: ``ends`` are the greatest numbers of all but the last, ``classes`` the numbers
    of their classes."""

    ends: tuple[float, ...]
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """How a column tells the number of the class.

    ``known``: by segments, or by the hash of the text or of its letters alone; ``missing``: without a value, None if
    there are no such rows.
    """

    reading: Reading
    known: Segments | Mapping[int, int]
    missing: int | None = None


@dataclass(frozen=True)
class _Column:
    """One way to read a column: where its values lie in the sample, and how."""

    position: int
    column: str
    kind: Reading


@dataclass(frozen=True)
class _Score:
    """``wrong``: distinct rows by class that are told wrong out of sample; ``share``: the error share; ``fitted``: the
    error share of the rule that is fitted on all rows, on these rows, and ``exceptions``, how many rows it errs in."""

    wrong: tuple[int, ...]
    share: float
    fitted: float
    exceptions: int


def find_leaks(
    sample: pl.DataFrame | None,
    classes: Sequence[str],
    candidates: Sequence[Candidate],
    allowed: frozenset[int] = frozenset(),
) -> list[Leak]:
    """The columns that give the target away.

    Args:
        sample: rows of a :class:`LeakSample`, with the values of column 3 as ``x3`` (numbers; dates as days), or as
            ``t3`` and ``w3`` (hashes of a text and of its letters alone); null if missing.
        classes: the labels by class number.
        candidates: the columns that a model learns from.
        allowed: the numbers of those that may decide the target.
    """
    if sample is None or not candidates:
        return []
    table = _Table.of(sample, classes)
    if table is None:
        return []
    readings = [reading for candidate in candidates for reading in _readings(candidate)]
    screened = table.screened(readings)
    found: dict[int, tuple[_Score, Rule]] = {}
    for reading in readings:
        if reading.position in allowed or screened[reading.column] > _MAX_SCREENED_SHARE:
            continue
        judged = table.score(reading)
        if judged and (reading.position not in found or judged[0].share < found[reading.position][0].share):
            found[reading.position] = judged
    chance = {i: table.log_chance(score) + math.log(len(readings)) for i, (score, _) in found.items()}
    suspects = {
        i: judged
        for i, judged in found.items()
        if judged[0].share <= MAX_DOUBTFUL_SHARE
        and table.upper_share(judged[0]) <= MAX_DOUBTFUL_UPPER
        and chance[i] <= math.log(MAX_CHANCE)
    }
    if not suspects:
        return []
    others = table.together([reading for reading in readings if reading.position not in suspects], screened)
    leaks = []
    for i, (score, rule) in suspects.items():
        decides = (
            score.share <= MAX_CERTAIN_SHARE
            and score.fitted <= MAX_CERTAIN_FITTED
            and table.upper_share(score) <= MAX_CERTAIN_UPPER
        )
        alone = others is None or others >= MIN_OTHERS_SHARE
        if decides or alone:
            leaks.append(Leak(i, decides and alone, score.share, others, score.exceptions, table.height, rule))
    return leaks


def _readings(candidate: Candidate) -> list[_Column]:
    i = candidate.position
    if candidate.ordered:
        return [_Column(i, f"x{i}", "numbers")]
    return [_Column(i, f"t{i}", "texts"), _Column(i, f"w{i}", "letters")]


class _Table:
    """A sample with classes by number, ``y``, and weights by which all classes count alike, ``w``."""

    def __init__(self, rows: pl.DataFrame, classes: int) -> None:
        self._rows = rows
        self._classes = classes
        counts = dict(rows.group_by("y").len().iter_rows())
        self._counts = [counts[y] for y in range(classes)]

    @classmethod
    def of(cls, sample: pl.DataFrame, labels: Sequence[str]) -> _Table | None:
        """None if a class is missing in one of the halves."""
        hashes = pl.Series(labels, dtype=pl.String).hash().to_list()
        numbers = pl.col("label").replace_strict(hashes, range(len(labels)), default=None, return_dtype=pl.Int64)
        half = (pl.col("u") & 1).cast(pl.Int8)
        rows = sample.with_columns(numbers.alias("y"), half.alias("half")).filter(pl.col("y").is_not_null())
        if rows.select("y", "half").n_unique() < 2 * len(labels):
            return None
        weight = pl.col("rows") / pl.col("rows").sum().over("y")
        return cls(rows.with_columns(weight.alias("w")), len(labels))

    @property
    def height(self) -> int:
        return self._rows.height

    def screened(self, readings: Sequence[_Column]) -> dict[str, float]:
        """Error shares, numbers in bins."""
        shares: dict[str, float] = {}
        for some in itertools.batched(readings, max(_BATCH_CELLS // self.height, 1), strict=False):
            counts = self._counted(some)
            best = counts.sort("w", "y", descending=[True, False]).unique(["reading", "code", "half"], keep="first")
            told = best.select("reading", "code", (1 - pl.col("half")).alias("half"), pl.col("y").alias("told"))
            judged = counts.join(told, on=["reading", "code", "half"], how="left")
            right = judged.group_by("reading").agg(pl.col("w").filter(pl.col("y") == pl.col("told")).sum())
            shares |= {name: self._share(self._classes - w) for name, w in right.iter_rows()}
        return shares

    def _share(self, wrong: float) -> float:
        return max(wrong, 0.0) / (self._classes - 1)

    def _counted(self, readings: Sequence[_Column]) -> pl.DataFrame:
        """Weights by reading, code, half and class."""
        return self._coded(readings).group_by("reading", "code", "half", "y").agg(pl.col("w").sum())

    def _coded(self, readings: Sequence[_Column]) -> pl.DataFrame:
        """``reading`` and ``code``, one row for each of the readings and each of the sample's rows."""
        codes = [self._code(reading).fill_null(0).alias(reading.column) for reading in readings]
        coded = self._rows.select("y", "half", "w", pl.int_range(pl.len()).alias("row"), *codes)
        return coded.unpivot(index=["y", "half", "w", "row"], variable_name="reading", value_name="code")

    def _code(self, reading: _Column) -> pl.Expr:
        """A number of the level or the bin, from 1 on; null if missing."""
        value = pl.col(reading.column)
        if reading.kind != "numbers":
            return value.rank("dense").cast(pl.Int64)
        bins = min(max(self.height // _ROWS_IN_BIN, 2), _MAX_BINS)
        binned = ((value.rank("min") - 1) * bins / value.count()).floor().cast(pl.Int64) + 1
        return pl.when(value.n_unique() <= bins).then(value.rank("dense").cast(pl.Int64)).otherwise(binned)

    def score(self, reading: _Column) -> tuple[_Score, Rule] | None:
        """How well a column tells the class, and how; None if it takes too many levels."""
        rows = self._rows.select("y", "half", "w", pl.col(reading.column).alias("value"))
        fit = _fit_segments if reading.kind == "numbers" else _fit_levels
        wrong, weight = [0] * self._classes, 0.0
        for half in (0, 1):
            rule = fit(rows.filter(pl.col("half") == half), self._classes, reading.kind)
            if rule is None:
                return None
            measured = rows.filter(pl.col("half") == 1 - half)
            missed = measured.filter(measured["y"].ne_missing(_told(rule, measured["value"])))
            weight += float(missed["w"].sum())
            for y in missed["y"]:
                wrong[y] += 1
        rule = fit(rows, self._classes, reading.kind)
        if rule is None:
            return None
        missed = rows.filter(rows["y"].ne_missing(_told(rule, rows["value"])))
        fitted = self._share(float(missed["w"].sum()))
        return _Score(tuple(wrong), self._share(weight), fitted, missed.height), rule

    def upper_share(self, score: _Score) -> float:
        """The error share, with each class' error at the upper end of its one-sided 95 % interval (Wilson)."""
        ends = (wilson(wrong, rows, _Z)[1] for wrong, rows in zip(score.wrong, self._counts, strict=True))
        return self._share(sum(min(end, 1.0) for end in ends))

    def log_chance(self, score: _Score) -> float:
        """An upper limit of the log of the probability that a column which says nothing errs so rarely (Chernoff)."""
        error, base = sum(score.wrong) / self.height, 1 - max(self._counts) / self.height
        if error >= base:
            return 0.0
        kept = (1 - error) * math.log((1 - error) / (1 - base))
        return -self.height * (kept + (error * math.log(error / base) if error else 0.0))

    def together(self, readings: Sequence[_Column], screened: Mapping[str, float]) -> float | None:
        """Error share of the columns together, each in its best reading; None if there are none."""
        best: dict[int, _Column] = {}
        for reading in sorted(readings, key=lambda reading: (screened[reading.column], reading.position)):
            best.setdefault(reading.position, reading)
        if not best:
            return None
        coded = self._coded(list(best.values())[:_MAX_OTHERS])
        wrong = 0.0
        for half in (0, 1):
            wrong += self._bayes(coded.filter(pl.col("half") == half), coded.filter(pl.col("half") == 1 - half))
        return self._share(wrong)

    def _bayes(self, fitted: pl.DataFrame, measured: pl.DataFrame) -> float:
        """Weight of the rows that naive Bayes, fitted on some rows, tells wrong in others."""
        by = ["reading", "code"]
        # In rows, not in weights: what the class' few rows do not show is not known to be absent.
        counts = fitted.group_by(*by, "y").len("n")
        totals = fitted.group_by("reading", "y").len("total")
        levels = fitted.group_by("reading").agg(pl.col("code").n_unique().alias("levels"))
        grid = counts.select(by).unique().join(totals, on="reading").join(levels, on="reading")
        scores = grid.join(counts, on=[*by, "y"], how="left").select(
            *by,
            pl.col("y").alias("told"),
            ((pl.col("n").fill_null(0) + 0.5) / (pl.col("total") + 0.5 * pl.col("levels"))).log().alias("score"),
        )
        told = (
            measured.select("row", *by)
            .join(scores, on=by)
            .group_by("row", "told")
            .agg(pl.col("score").sum())
            .sort("score", "told", descending=[True, False])
            .unique("row", keep="first")
        )
        rows = measured.unique("row").join(told.select("row", "told"), on="row", how="left")
        return float(rows.filter(pl.col("y").ne_missing(pl.col("told")))["w"].sum())


# Rules.


def _told(rule: Rule, values: pl.Series) -> pl.Series:
    """The number of the class of each value; null if the rule does not know the value."""
    nothing = pl.Series([None], dtype=pl.Int64)
    if isinstance(rule.known, Segments):
        ends = pl.Series(rule.known.ends, dtype=pl.Float64)
        places = ends.search_sorted(values.fill_null(0), side="left")
        told = pl.Series(rule.known.classes, dtype=pl.Int64).gather(places).zip_with(values.is_not_null(), nothing)
    else:
        levels, classes = list(rule.known), list(rule.known.values())
        told = values.replace_strict(levels, classes, default=None, return_dtype=pl.Int64)
    return told if rule.missing is None else told.zip_with(values.is_not_null(), pl.Series([rule.missing]))


def _missing_class(rows: pl.DataFrame) -> int | None:
    return _heaviest(rows.filter(pl.col("value").is_null()))


def _heaviest(rows: pl.DataFrame) -> int | None:
    if not rows.height:
        return None
    weights = rows.group_by("y").agg(pl.col("w").sum()).sort("w", "y", descending=[True, False])
    return int(weights["y"][0])


def _fit_levels(rows: pl.DataFrame, classes: int, kind: Reading) -> Rule | None:
    known = rows.filter(pl.col("value").is_not_null())
    counts = known.group_by("value", "y").agg(pl.col("w").sum())
    best = counts.sort("w", "y", descending=[True, False]).unique("value", keep="first")
    if best.height > _MAX_LEVELS:
        return None
    return Rule(kind, dict(best.select("value", "y").iter_rows()), _missing_class(rows))


type _Block = tuple[float, float, int, list[float]]
"""Least and greatest number of some neighbouring ones of one class, or of one number; their rows, weights by class."""


def _fit_segments(rows: pl.DataFrame, classes: int, kind: Reading) -> Rule | None:
    """Segments of the numbers by a small tree that is grown where Gini's impurity falls most (Breiman et al., 1984)."""
    blocks = _blocks(rows, classes)
    if not blocks:
        return Rule(kind, {}, _missing_class(rows))
    most = max(classes + 2, 4)
    leaves = [(0, len(blocks))]
    cuts = [_best_cut(blocks, *leaves[0])]
    while len(leaves) < most and max(cuts)[0] > 0:
        best = cuts.index(max(cuts))
        at = cuts[best][1]
        start, stop = leaves[best]
        leaves[best : best + 1] = [(start, at), (at, stop)]
        cuts[best : best + 1] = [_best_cut(blocks, start, at), _best_cut(blocks, at, stop)]
    ends: list[float] = []
    told: list[int] = []
    for start, stop in leaves:
        weights = [sum(column) for column in zip(*(block[3] for block in blocks[start:stop]), strict=True)]
        y = max(range(classes), key=lambda y: weights[y])
        if told and told[-1] == y:
            continue
        if start:
            ends.append(_between(blocks[start - 1], blocks[start]))
        told.append(y)
    return Rule(kind, Segments(tuple(ends), tuple(told)), _missing_class(rows))


def _between(block: _Block, following: _Block) -> float:
    """Half way between two blocks."""
    middle = (block[1] + following[0]) / 2
    return middle if block[1] <= middle < following[0] else block[1]


def _blocks(rows: pl.DataFrame, classes: int) -> list[_Block]:
    by_value = (
        rows.filter(pl.col("value").is_not_null())
        .group_by("value")
        .agg(
            pl.len().alias("rows"), *(pl.col("w").filter(pl.col("y") == y).sum().alias(str(y)) for y in range(classes))
        )
        .sort("value")
    )
    blocks: list[_Block] = []
    for value, count, *weights in by_value.iter_rows():
        pure = sum(weight > 0 for weight in weights) == 1
        if blocks and pure and [w > 0 for w in blocks[-1][3]] == [w > 0 for w in weights]:
            least, _, before, known = blocks[-1]
            blocks[-1] = (least, value, before + count, [a + b for a, b in zip(known, weights, strict=True)])
        else:
            blocks.append((value, value, count, weights))
    return blocks


def _best_cut(blocks: Sequence[_Block], start: int, stop: int) -> tuple[float, int]:
    """By how much the best cut between two of the blocks lowers the impurity, and the block that it stands before."""
    total = [sum(column) for column in zip(*(block[3] for block in blocks[start:stop]), strict=True)]
    rows = sum(block[2] for block in blocks[start:stop])
    left, seen = [0.0] * len(total), 0
    whole, best = _impurity(total), (0.0, start)
    for at in range(start, stop - 1):
        left = [a + b for a, b in zip(left, blocks[at][3], strict=True)]
        seen += blocks[at][2]
        if min(seen, rows - seen) < _MIN_SEGMENT_ROWS:
            continue
        gain = whole - _impurity(left) - _impurity([max(a - b, 0.0) for a, b in zip(total, left, strict=True)])
        best = max(best, (gain, at + 1))
    return best if best[0] > 1e-9 else (0.0, start)


def _impurity(weights: Iterable[float]) -> float:
    """Gini's, times the weight."""
    listed = list(weights)
    total = sum(listed)
    return total - sum(weight * weight for weight in listed) / total if total else 0.0
