"""The held-out test set as validation wrote it: label first, no header, numbers, blank where missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.metrics import Ints


def read_held_out(path: Path, features: int) -> tuple[Ints, NDArray[np.float32]]:
    """Labels (n,) and features (n, ``features``), missing as NaN; float32, as the container reads them.

    Raises:
        ValueError: the file has another number of columns, or something in it is no number.
    """
    try:
        table = pd.read_csv(path, header=None, dtype=np.float32, na_values=[""], keep_default_na=False)
    except pd.errors.EmptyDataError:
        return np.empty(0, np.int64), np.empty((0, features), np.float32)
    if table.shape[1] != features + 1:
        raise ValueError(f"{path.name} has {table.shape[1]} columns; a label and {features} features were expected")
    values = table.to_numpy(np.float32)
    if not np.isfinite(values[:, 0]).all():
        raise ValueError(f"{path.name} has rows without a label")
    return values[:, 0].astype(np.int64), values[:, 1:]
