"""The recipe as SQL over the table's cells. What each kind of column means is said in ``sluice.recipe``."""

# ruff: noqa: S608 - statements are built from column numbers, escaped literals and this package's constants

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

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
from tabular.notation import plain
from tabular.split import PARTS
from tabular.table import Table, literal, tuple_of

_DATE_PARTS: Final[dict[DatePart, str]] = {
    "year": "year({day})",
    "month": "month({day})",
    "day": "day({day})",
    "weekday": "isodow({day})",
    "days": "date_diff('day', DATE '1970-01-01', {day})",
    "hour": "coalesce(TRY_CAST(substr({cell}, 12, 2) AS INTEGER), 0)",
}


def feature_expressions(recipe: Recipe, positions: Mapping[str, int]) -> list[str]:
    """One SQL expression a feature, in the recipe's order.

    Args:
        recipe: what to make.
        positions: the number of each column in the table, by header.
    """
    return [
        expression for column in recipe.columns for expression in _expressions(column, f"c{positions[column.name]}")
    ]


def _expressions(column: Column, cell: str) -> list[str]:
    expressions: list[str] = []
    match column:
        case NumberColumn():
            expressions = [f"CAST({plain(cell, column.notation)} AS {'BIGINT' if column.integer else 'DOUBLE'})"]
        case BooleanColumn():
            expressions = [f"CAST(lower({cell}) IN {tuple_of(sorted(TRUE_WORDS))} AS TINYINT)"]
        case OneHotColumn():
            expressions = [f"CAST({cell} = {literal(level)} AS TINYINT)" for level in column.levels]
        case FrequencyRankColumn():
            # An ENUM's codes follow the order of its levels, and its cast is one hash look-up.
            code = f"enum_code(TRY_CAST({cell} AS ENUM {tuple_of(column.levels)}))"
            expressions = [f"CASE WHEN {cell} IS NOT NULL THEN coalesce({code} + 1, {column.unseen}) END"]
        case DateColumn():
            day = f"CAST(left({cell}, 10) AS DATE)"
            parts = [_DATE_PARTS[part].format(day=day, cell=cell) for part in column.parts]
            expressions = [f"CASE WHEN {cell} IS NOT NULL THEN {part} END" for part in parts]
        case DroppedColumn():
            pass
    return expressions


def write_parts(table: Table, recipe: Recipe, positions: Mapping[str, int], out: Path) -> None:
    """Writes ``<part>/<part>.csv`` as the built-in algorithm wants it: label first, no header, numbers."""
    features = ", ".join(feature_expressions(recipe, positions))
    for part in PARTS:
        folder = out / part
        folder.mkdir(parents=True, exist_ok=True)
        file = literal(str(folder / f"{part}.csv"))
        table.execute(
            f"COPY (SELECT label, {features} FROM parts WHERE part = '{part}') TO {file} "
            "(FORMAT csv, HEADER false, DELIMITER ',', NULLSTR '')"
        )
