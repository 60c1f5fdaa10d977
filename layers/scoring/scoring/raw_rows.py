"""Rows with the cells of the user's file, and the features that the recipe of any model makes of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sluice.dataset.recipe import Column, Recipe

if TYPE_CHECKING:
    import pandas as pd

_AS_TEXT: Final[dict[str, Any]] = {"dtype": str, "na_filter": False, "index_col": False, "encoding": "utf-8"}
"""Nothing of a cell is interpreted, also not that of a missing value."""

_CELLS_AT_ONCE: Final = 2_000_000
"""Text of a million takes some 80 MB."""
_MIN_ROWS_AT_ONCE: Final = 500


class MissingColumnError(LookupError):
    """The rows lack columns that the recipe makes features of."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(f"the rows have no column {', '.join(f'`{name}`' for name in columns)}")
        self.columns = tuple(columns)


class Applied(NamedTuple):
    """What a recipe makes of rows."""

    features: NDArray[np.float32]
    """(n, features of the recipe); NaN if missing, or where a cell does not fit its column."""
    misfits: Mapping[str, int]
    """How many cells do not fit, by column; the columns without any are left out."""


def read_raw_rows(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """``held_out/rows.csv`` as validation wrote it: each cell as text, also that of a missing value.

    Args:
        path: of the file.
        columns: those to read; by default all.
    """
    wanted = None if columns is None else list(dict.fromkeys(columns))
    rows: pd.DataFrame = _read(path, usecols=wanted)
    return rows


def _read(path: Path, **options: Any) -> Any:
    """As ``pandas.read_csv``, each cell as text. Imported here: a run that reads no cells starts without pandas."""
    import pandas as pd  # noqa: PLC0415

    return pd.read_csv(path, **_AS_TEXT, **options)


def read_in_pieces(path: Path, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The same, some thousands of rows at a time, whose cells are those of the columns.

    Raises:
        MissingColumnError: a column is not there.
    """
    there = _read(path, nrows=0).columns
    if absent := [column for column in columns if column not in there]:
        raise MissingColumnError(absent)
    wanted = list(dict.fromkeys(columns))
    with _read(path, usecols=wanted, chunksize=max(_CELLS_AT_ONCE // len(wanted), _MIN_ROWS_AT_ONCE)) as pieces:
        yield from pieces


def features_of(path: Path, recipe: Recipe) -> Applied:
    """What the recipe makes of the file's rows, some thousands of them in memory at a time.

    Raises:
        MissingColumnError: a column that it makes features of is not there.
    """
    wanted = [column.name for column in _needed(recipe, _read(path, nrows=0))]
    chunksize = max(_CELLS_AT_ONCE // len(wanted), _MIN_ROWS_AT_ONCE)
    pieces = _read(path, usecols=wanted, chunksize=chunksize)
    with pieces:
        made = [apply_recipe(recipe, rows) for rows in pieces]
    misfits: Counter[str] = Counter()
    for piece in made:
        misfits.update(piece.misfits)
    if not made:
        return Applied(np.empty((0, len(recipe.features)), np.float32), {})
    return Applied(np.concatenate([piece.features for piece in made]), dict(misfits))


def _needed(recipe: Recipe, rows: pd.DataFrame) -> list[Column]:
    """The recipe's columns that have features.

    Raises:
        MissingColumnError: the rows lack one of them.
    """
    columns = [column for column in recipe.columns if column.feature_names()]
    if absent := [column.name for column in columns if column.name not in rows.columns]:
        raise MissingColumnError(absent)
    return columns


def apply_recipe(recipe: Recipe, rows: pd.DataFrame) -> Applied:
    """What :meth:`Recipe.apply` makes of each of the rows; but a cell that does not fit is counted, not refused.

    Args:
        recipe: of the model that is to score them. Columns that it does not know are passed over.
        rows: cells of text by column.

    Raises:
        MissingColumnError: a column that it makes features of is not there.
    """
    columns = _needed(recipe, rows)
    features = np.empty((len(rows), len(recipe.features)), np.float32)
    misfits: dict[str, int] = {}
    at = 0
    for column in columns:
        codes, cells = rows[column.name].factorize()
        values, misfit = _column_values(recipe, column, [str(cell) for cell in cells])
        features[:, at : at + values.shape[1]] = values[codes]
        at += values.shape[1]
        if count := int(misfit[codes].sum()):
            misfits[column.name] = count
    return Applied(features, misfits)


def _column_values(
    recipe: Recipe, column: Column, cells: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The features of each cell, and whether it does not fit the column."""
    width = len(column.feature_names())
    numbers: list[float] = []
    misfit = np.zeros(len(cells), np.bool_)
    for i, cell in enumerate(cells):
        try:
            numbers += recipe.column_numbers(column, cell)
        except ValueError:
            numbers += [math.nan] * width
            misfit[i] = True
    return np.array(numbers, np.float32).reshape(len(cells), width), misfit
