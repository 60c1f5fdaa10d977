"""The recipe as expressions over a chunk's cells. What each kind of column means is said in ``sluice.recipe``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from sluice.recipe import (
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
)
from tabular.census import Census, Question
from tabular.chunks import chunks
from tabular.notation import day, fits, hour, number
from tabular.sketch import Hashes
from tabular.split import PARTS


def feature_expressions(recipe: Recipe, positions: Mapping[str, int]) -> list[pl.Expr]:
    """The recipe's features, in its order, named f0, f1, ... Several features of one column are one text, with commas
    between them, as the files have it.

    Args:
        recipe: what to make.
        positions: the number of each column in the cells, by header.
    """
    tokens = ["", *recipe.missing]
    made = chain.from_iterable(
        _expressions(column, pl.col(f"c{positions[column.name]}"), tokens) for column in recipe.columns
    )
    return [expression.alias(f"f{i}") for i, expression in enumerate(made)]


def _expressions(column: Column, cell: pl.Expr, tokens: Sequence[str]) -> list[pl.Expr]:
    match column:
        case NumberColumn():
            value = fits(number(cell, column.notation))
            return [value.cast(pl.Int64) if column.integer else value]
        case BooleanColumn():
            word = cell.str.to_lowercase()
            return [pl.when(~cell.is_in(tokens)).then(word.is_in(sorted(TRUE_WORDS)).cast(pl.Int8))]
        case OneHotColumn():
            zeros = ["0"] * len(column.levels)
            ones = {level: ",".join([*zeros[:i], "1", *zeros[i + 1 :]]) for i, level in enumerate(column.levels)}
            return [_looked_up(cell, ones, tokens, ",".join([""] * len(zeros)), ",".join(zeros))] if zeros else []
        case FrequencyRankColumn():
            ranks = {level: str(rank) for rank, level in enumerate(column.levels, start=1)}
            return [_looked_up(cell, ranks, tokens, "", str(column.unseen))]
        case DateColumn():
            date = day(cell, column.format)
            return [_date_part(part, date, cell, column) for part in column.parts]
        case DroppedColumn():
            return []


def _looked_up(cell: pl.Expr, known: Mapping[str, str], tokens: Sequence[str], missing: str, unseen: str) -> pl.Expr:
    texts = {**known, **dict.fromkeys(tokens, missing)}
    return cell.replace_strict(list(texts), list(texts.values()), default=unseen, return_dtype=pl.String)


def _date_part(part: DatePart, date: pl.Expr, cell: pl.Expr, column: DateColumn) -> pl.Expr:
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
            return pl.when(date.is_not_null()).then(hour(cell, column.format).fill_null(0))


@dataclass(frozen=True)
class Written:
    """What was counted while the files were written: ``below`` are the rows up to each edge, by column; ``repeated`` are
    the test rows that equal a training row in the label and every feature, None where that was not asked."""

    below: Mapping[int, tuple[int, ...]]
    repeated: int | None


def write_parts(
    path: Path,
    question: Question,
    census: Census,
    recipe: Recipe,
    out: Path,
    *,
    edges: Mapping[int, tuple[float, ...]],
    compare: Path | None,
) -> Written:
    """Writes ``<part>/<part>.csv`` as the built-in algorithm wants it: label first, no header, numbers.

    Args:
        path: text in UTF-8.
        question: as the census was taken.
        census: of the file, which says which rows are set aside.
        recipe: what to make.
        out: the folder of the parts.
        edges: of bins to count, by column.
        compare: a folder to compare test rows with training rows in; None where they need not be compared.
    """
    positions = {name: i for i, name in enumerate(question.names)}
    features = feature_expressions(recipe, positions)
    number_of = {label: str(i) for i, label in enumerate(recipe.target.classes)}
    label = pl.col("label").replace_strict(list(number_of), list(number_of.values()), return_dtype=pl.String)
    below = {i: [0] * len(values) for i, values in edges.items()}
    bins = [
        (pl.col(f"x{i}") <= edge).sum().alias(f"{i} {n}")
        for i, values in edges.items()
        for n, edge in enumerate(values)
    ]
    seen = {part: Hashes(compare / part) for part in PARTS} if compare is not None else {}
    row_expressions = [expr for expr in question.rows() if expr.meta.output_name() != "u"]
    with ExitStack() as files:
        for part in PARTS:
            (out / part).mkdir(parents=True, exist_ok=True)
        streams = [files.enter_context((out / part / f"{part}.csv").open("wb")) for part in PARTS]
        for number_, chunk in enumerate(chunks(path, question.dialect)):
            rows = (
                chunk.cells.lazy()
                .with_columns(*row_expressions, u=census.hashes.chunk(number_))
                .filter(pl.col("u").is_not_null())
                .select(
                    question.places.part().alias("part"),
                    label.alias("label"),
                    *features,
                    *(question.value(i).alias(f"x{i}") for i in edges),
                )
                .collect()
            )
            if bins:
                for key, count in rows.select(bins).row(0, named=True).items():
                    position, n = key.split(" ")
                    below[int(position)][int(n)] += count
            lines = rows.drop([f"x{i}" for i in edges])
            for place, (part, stream) in enumerate(zip(PARTS, streams, strict=True)):
                mine = lines.filter(pl.col("part") == place).drop("part")
                mine.write_csv(stream, include_header=False, quote_style="never")
                if part in seen:
                    seen[part].add(
                        mine.select(
                            pl.concat_str(pl.all().cast(pl.String).fill_null(""), separator=",").hash()
                        ).to_series()
                    )
    repeated = seen["test"].found_in(seen["train"]) if seen else None
    return Written({i: tuple(counts) for i, counts in below.items()}, repeated)
