"""The recipe as expressions over a chunk's cells. ``sluice.dataset.recipe`` says what each kind means."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from sluice.dataset.recipe import (
    TRUE_WORDS,
    BooleanColumn,
    Column,
    DateColumn,
    DatePart,
    DroppedColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Recipe,
    TextScoreColumn,
)
from sluice.layout import PARTS, Part, part_file
from tabular.census import Census
from tabular.chunks import worked
from tabular.group_sample import GroupSample
from tabular.question import Question
from tabular.sketch import Hashes
from tabular.spellings import words
from tabular.target_numbers import NumberSample
from tabular.target_rates import FoldedRates
from tabular.text_scores import FoldedScores

type Folded = Mapping[str, FoldedRates | FoldedScores]
"""By column, the features that training rows have from the other training rows."""

_RATES: Final = "rates"


def feature_expressions(recipe: Recipe, positions: Mapping[str, int], rates: Folded, part: pl.Expr) -> list[pl.Expr]:
    """The recipe's features in its order, over a frame (see ``Question.frame``).

    The feature of a number column 7 is called x7. Several features of one column may be one text, with commas between
    them, as the files have it.

    Args:
        recipe: what to make.
        positions: the number of each column in the file, by header.
        rates: and scores of the columns that have some. The expression of those of column 7 is called ``x7 rates``.
        part: number of a row's part.
    """
    tokens = ["", *recipe.missing]
    made = []
    for column in recipe.columns:
        position = positions[column.name]
        for i, expression in enumerate(_expressions(column, position, tokens)):
            made.append(expression.alias(f"x{position}" if isinstance(column, NumberColumn) else f"x{position} {i}"))
        match column, rates.get(column.name):
            case FrequencyRankColumn(), FoldedRates() as found:
                made.append(found.expression(column, position, tokens, part).alias(f"x{position} {_RATES}"))
            case TextScoreColumn(), FoldedScores() as found:
                made.append(found.expression(position, tokens, part).alias(f"x{position} {_RATES}"))
    return made


def _expressions(column: Column, position: int, tokens: Sequence[str]) -> list[pl.Expr]:
    value, hours, cell = pl.col(f"x{position}"), pl.col(f"h{position}"), pl.col(f"c{position}")
    match column:
        case NumberColumn():
            return [value.cast(pl.Int64) if column.integer else value]
        case BooleanColumn():
            word = cell.str.to_lowercase()
            return [pl.when(~cell.is_in(tokens)).then(word.is_in(sorted(TRUE_WORDS)).cast(pl.Int8))]
        case OneHotColumn():
            zeros = ["0"] * len(column.levels)
            ones = {level: ",".join([*zeros[:i], "1", *zeros[i + 1 :]]) for i, level in enumerate(column.levels)}
            missing, unseen = ",".join([""] * len(zeros)), ",".join(zeros)
            return [_looked_up(cell, ones, tokens, missing, unseen, merged=column.merged)] if zeros else []
        case FrequencyRankColumn():
            ranks = {level: str(rank) for rank, level in enumerate(column.levels, start=1)}
            return [_looked_up(cell, ranks, tokens, "", str(column.unseen), merged=column.merged)]
        case DateColumn():
            return [_date_part(part, value, hours) for part in column.parts]
        case TextScoreColumn() | DroppedColumn():
            return []


def _looked_up(
    cell: pl.Expr, known: Mapping[str, str], tokens: Sequence[str], missing: str, unseen: str, *, merged: bool
) -> pl.Expr:
    if merged:  # a word may look like a token that the text did not: `Null`
        word = cell.map_batches(words, return_dtype=pl.String)
        found = word.replace_strict(list(known), list(known.values()), default=unseen, return_dtype=pl.String)
        return pl.when(cell.is_in(tokens)).then(pl.lit(missing)).otherwise(found)
    texts = {**known, **dict.fromkeys(tokens, missing)}
    return cell.replace_strict(list(texts), list(texts.values()), default=unseen, return_dtype=pl.String)


def _date_part(part: DatePart, date: pl.Expr, hours: pl.Expr) -> pl.Expr:
    match part:
        case "year":
            return date.dt.year()
        case "month":
            return date.dt.month()
        case "day":
            return date.dt.day()
        case "weekday":
            return date.dt.weekday()
        case "days":
            return date.cast(pl.Int32)
        case "hour":
            return pl.when(date.is_not_null()).then(hours.fill_null(0))


@dataclass(frozen=True)
class Written:
    """What was counted while the files were written: ``below`` are the rows up to each edge, by column; ``repeated``
    are the test rows that equal a training row in the label and every feature, None if that was not asked.
    ``ranges`` are the least and the greatest number of the training part by number and date column, dates as days since
    1970-01-01; of a column without any there is none. ``target``: a target's numbers over the training part; None of
    classes."""

    below: Mapping[int, tuple[int, ...]]
    repeated: int | None
    ranges: Mapping[str, tuple[float, float]]
    target: NumberSample | None = None


@dataclass(frozen=True)
class _Made:
    """Of one chunk: the text of each part, rows up to the edges, hashes of the rows of parts that are compared, the
    least and the greatest number of the training part, column after column, and rows for each sample of groups."""

    texts: Sequence[io.BytesIO]
    below: Mapping[str, int]
    hashes: Mapping[Part, pl.Series]
    extremes: Sequence[float | None]
    target: pl.DataFrame | None = None
    sampled: Sequence[pl.DataFrame] = ()


def write_parts(
    path: Path,
    question: Question,
    census: Census,
    recipe: Recipe,
    out: Path,
    *,
    rates: Folded,
    edges: Mapping[int, tuple[float, ...]],
    compare: Path | None,
    samples: Sequence[GroupSample] = (),
) -> Written:
    """Writes ``<part>/<part>.csv`` as the built-in algorithm wants it: label first, no header, numbers.

    Args:
        path: text in UTF-8.
        question: as the census was taken.
        census: of the file, which says which rows are rejected.
        recipe: what to make.
        out: the folder of the parts.
        rates: and scores of the columns of the recipe that have some.
        edges: of bins to count, by column.
        compare: a folder to compare test rows with training rows in; None if they need not be compared.
        samples: each takes rows by the value of a column.
    """
    positions = {name: i for i, name in enumerate(question.names)}
    place = question.places.part()
    features = feature_expressions(recipe, positions, rates, place)
    label = label_number(question, recipe)
    target = None if question.has_classes else NumberSample()
    of_target = pl.col("u"), pl.col(f"x{question.target}").alias("y")
    below = {i: [0] * len(values) for i, values in edges.items()}
    bins = [
        (pl.col(f"x{i}") <= edge).sum().alias(f"{i} {n}")
        for i, values in edges.items()
        for n, edge in enumerate(values)
    ]
    measured = _measured(recipe, positions)
    rated = {f"x{positions[name]} {_RATES}": found.missing for name, found in rates.items()}
    texts = [f"c{positions[column.name]}" for column in recipe.columns if isinstance(column, TextScoreColumn)]
    # Rates and scores know the labels of rows that are predicted from the sample.
    without_rates = [*features]
    for i, name in enumerate(feature.meta.output_name() for feature in features):
        if name in rated:
            without_rates[i] = pl.lit(rated[name]).alias(name)
    least_and_most = [
        expression.alias(f"{name} {which}")
        for name in measured.values()
        for which, expression in (("least", pl.col(name).min()), ("most", pl.col(name).max()))
    ]
    ranges: dict[str, tuple[float, float]] = {}
    seen = {part: Hashes(compare / part) for part in ("train", "test")} if compare is not None else {}

    def made(frame: pl.DataFrame) -> _Made:
        lines = frame.select(place.alias("part"), label.alias("label"), *features, *texts)
        by_place = lines.partition_by("part", include_key=False, as_dict=True)
        none = lines.clear().drop("part")
        parts = [by_place.get((place,), none) for place in range(len(PARTS))]
        written = []
        for part in parts:
            text = io.BytesIO()
            part.drop(texts).write_csv(text, include_header=False, quote_style="never")
            written.append(text)
        # Rates and scores differ between equal rows of two parts; the texts that have scores do not.
        hashes = {
            name: part.select(pl.exclude([*rated])).hash_rows()
            for name, part in zip(PARTS, parts, strict=True)
            if name in seen
        }
        extremes = parts[0].select(least_and_most).row(0) if least_and_most else ()
        numbers = None if target is None else frame.filter(place == 0).select(of_target)
        sampled = [sample.look(frame, [label.alias("label"), *without_rates]) for sample in samples]
        counted = frame.select(bins).row(0, named=True) if bins else {}
        return _Made(written, counted, hashes, extremes, numbers, sampled)

    with ExitStack() as files:
        for part in PARTS:
            (out / part).mkdir(parents=True, exist_ok=True)
        streams = [files.enter_context((out / part_file(part)).open("wb")) for part in PARTS]
        for found in worked(census.good_frames(path, last=True), made):
            for stream, text in zip(streams, found.texts, strict=True):
                stream.write(text.getbuffer())
            for key, count in found.below.items():
                position, _, edge = key.partition(" ")
                below[int(position)][int(edge)] += count
            if target is not None and found.target is not None:
                target.add(found.target)
            for sample, rows in zip(samples, found.sampled, strict=True):
                sample.add(rows)
            for part, hashes in found.hashes.items():
                seen[part].add(hashes)
            for name, (least, most) in zip(measured, itertools.batched(found.extremes, 2, strict=True), strict=True):
                if least is not None and most is not None:
                    known = ranges.get(name, (least, most))
                    ranges[name] = (min(known[0], least), max(known[1], most))
    repeated = seen["test"].found_in(seen["train"]) if seen else None
    return Written({i: tuple(counts) for i, counts in below.items()}, repeated, ranges, target)


def label_number(question: Question, recipe: Recipe) -> pl.Expr:
    """The number of the class; or the number to predict, in as many digits as tell it from its neighbours."""
    if not question.has_classes:
        return pl.col(f"x{question.target}")
    number_of = {label: str(i) for i, label in enumerate(recipe.target.classes)}
    return pl.col("label").replace_strict(list(number_of), list(number_of.values()), return_dtype=pl.String)


def _measured(recipe: Recipe, positions: Mapping[str, int]) -> dict[str, str]:
    """The feature whose range is that of its column, by the column's name, as :func:`feature_expressions` calls it."""
    found = {}
    for column in recipe.columns:
        position = positions[column.name]
        if isinstance(column, NumberColumn):
            found[column.name] = f"x{position}"
        elif isinstance(column, DateColumn):
            found[column.name] = f"x{position} {column.parts.index('days')}"
    return found
