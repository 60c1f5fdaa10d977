"""Which of the held-out rows another model was not made with: those that its own run would have held out, too."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from scoring.raw_rows import MissingColumnError, read_in_pieces
from sluice.evaluation.split import CELL_SEPARATOR, HASH_BITS, HashedSplit


def unseen_rows(path: Path, labels: Sequence[str] | None, split: HashedSplit) -> NDArray[np.bool_] | None:
    """(n,), by row: whether the split puts it into its test part. A row that the other run did not have is judged in
    the same way, since nothing tells it from one that it had.

    Args:
        path: the held-out rows' own cells.
        labels: of the rows' classes, which may be other texts than the cells: classes can be merged. None: there are
            no classes, and all rows have the same cuts.
        split: of the run that made the other model.

    Returns:
        None if the rows lack a column whose cells that run hashed, so that nobody can tell.
    """
    found: list[bool] = []
    columns, of_row = list(split.columns), itertools.repeat(None) if labels is None else iter(labels)
    try:
        for rows in read_in_pieces(path, columns):
            cells = zip(*(rows[column].tolist() for column in columns), strict=True)
            found += [split.tests(next(of_row), _place(split.seed, row)) for row in cells]
    except MissingColumnError:
        return None
    return np.array(found, np.bool_)


def _place(seed: int, cells: tuple[str, ...]) -> int:
    text = CELL_SEPARATOR.join((str(seed), *cells))
    return xxhash.xxh64_intdigest(text.encode()) >> (64 - HASH_BITS)
