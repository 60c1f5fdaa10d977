"""The held-out test set as validation wrote it: label first, no header, numbers, blank if missing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.metrics import Floats, Ints

_MAX_PLAIN_BYTES: Final = 1 << 20
"""Up to here a file is read sooner than pandas is imported; beyond, pandas reads several times as fast."""


def read_held_out(path: Path, features: int) -> tuple[Ints, NDArray[np.float32]]:
    """Class numbers (n,) and features (n, ``features``), missing as NaN; float32, as the container reads them.

    Raises:
        ValueError: the file has another number of columns, or something in it is no number.
    """
    labels, table = _read(path, features)
    return labels.astype(np.int64), table


def read_held_out_numbers(path: Path, features: int) -> tuple[Floats, NDArray[np.float32]]:
    """The same of a target of numbers: as float32 holds them, since the container reads labels so, too."""
    labels, table = _read(path, features)
    return labels.astype(np.float64), table


def _read(path: Path, features: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    table = _plain(path) if path.stat().st_size <= _MAX_PLAIN_BYTES else _large(path)
    if not table.size:
        return np.empty(0, np.float32), np.empty((0, features), np.float32)
    if table.shape[1] != features + 1:
        raise ValueError(f"{path.name} has {table.shape[1]} columns; a label and {features} features were expected")
    if not np.isfinite(table[:, 0]).all():
        raise ValueError(f"{path.name} has rows without a label")
    return table[:, 0], table[:, 1:]


def _plain(path: Path) -> NDArray[np.float32]:
    return parse_numbers(path.read_text(encoding="utf-8").splitlines(), path.name)


def parse_numbers(lines: Iterable[str], name: str) -> NDArray[np.float32]:
    """(lines, cells): lines of as many numbers each, with commas between them; blanks are NaN.

    Raises:
        ValueError: lines differ in the number of their cells, or something is no number. ``name``: of the file.
    """
    rows = [[float(cell) if cell else math.nan for cell in line.split(",")] for line in lines]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"{name} has rows with different numbers of columns")
    return np.array(rows, np.float32)


def _large(path: Path) -> NDArray[np.float32]:
    import pandas as pd  # noqa: PLC0415 - see _MAX_PLAIN_BYTES

    table = pd.read_csv(path, header=None, dtype=np.float32, na_values=[""], keep_default_na=False)
    return table.to_numpy(np.float32)
