"""Writes the mixed table: ``python -m benchmarks.make_table FILE ROWS``. The same rows make the same bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks import mixed_table as mixed

_SEED: Final = 1
_ROWS_PER_SLICE: Final = 250_000
"""About 50 MB of text; what is in memory at a time does not grow with the table."""

_BLANK_INCOMES: Final = 0.1
_BLANK_UNITS: Final = 0.05
_DAYS: Final = 3650
_FIRST_DAY: Final = 14_000
"""Since 1970: May 2008."""
_SECONDS: Final = 300_000_000
_FIRST_SECOND: Final = 1_400_000_000
"""Since 1970: May 2014."""
_ZIPF: Final = 1.3


def write_table(file: Path, rows: int) -> None:
    """Writes the table, about 200 bytes a row, with the faults that ``mixed_table.faults`` says."""
    pending = _faulty_rows(rows)
    fault = next(pending, None)
    with file.open("wb") as stream:
        for start in range(0, rows, _ROWS_PER_SLICE):
            count = min(_ROWS_PER_SLICE, rows - start)
            lines = _slice(start, count).write_csv(include_header=False).split("\n")
            while fault is not None and fault[0] < start + count:
                row, column, text = fault
                # No cell of the table holds a comma, so none is quoted.
                cells = lines[row - start].split(",")
                cells[column : column + 1] = [] if text is None else [text]
                lines[row - start] = ",".join(cells)
                fault = next(pending, None)
            if start == 0:
                lines.insert(0, ",".join(mixed.COLUMNS))
            stream.write("\n".join(lines).encode())


def _faulty_rows(rows: int) -> Iterator[tuple[int, int, str | None]]:
    """Row, column and what stands there, in the order of the rows; None if the cell is lost."""
    wanted = mixed.faults(rows)
    chosen = np.random.default_rng([_SEED, rows]).choice(rows, wanted.rows, replace=False).tolist()
    found: list[tuple[int, int, str | None]] = [
        (row, mixed.COLUMNS.index(mixed.LOST_CELL), None) for row in chosen[: wanted.ragged]
    ]
    for i, row in enumerate(chosen[wanted.ragged :]):
        column = mixed.TEXT_COLUMNS[i % len(mixed.TEXT_COLUMNS)]
        found.append((row, mixed.COLUMNS.index(column), mixed.TEXTS[i % len(mixed.TEXTS)]))
    return iter(sorted(found, key=lambda fault: fault[0]))


def _slice(start: int, count: int) -> pl.DataFrame:
    # A slice has its own seed, so a longer table begins with the rows of a shorter one, faults apart.
    rng = np.random.default_rng([_SEED, start])
    columns: dict[str, pl.Series] = {
        mixed.IDENTIFIER: pl.Series(f"C{i:09d}" for i in range(start, start + count)),
        **{name: pl.Series(np.round(rng.lognormal(5, 1.2, count), 2)) for name in mixed.AMOUNTS},
        **{name: pl.Series(np.round(rng.normal(0, 1, count), 6)) for name in mixed.RATIOS},
        mixed.INCOME: _with_blanks(rng, np.round(rng.lognormal(10, 0.5, count), 2), _BLANK_INCOMES),
        mixed.AGE: pl.Series(rng.integers(18, 95, count)),
        mixed.VISITS: pl.Series(rng.poisson(9, count)),
        mixed.UNITS: _with_blanks(rng, rng.integers(0, 100_000, count), _BLANK_UNITS),
        **{name: _chosen(rng, levels, 1.0, count) for name, levels in mixed.CATEGORIES.items()},
        mixed.CITY: _chosen(rng, mixed.CITIES, _ZIPF, count),
        mixed.ACTIVE: pl.Series(mixed.NO_YES).gather(rng.integers(0, 2, count)),
        mixed.SIGNED_UP: pl.Series(rng.integers(_FIRST_DAY, _FIRST_DAY + _DAYS, count, dtype=np.int32)).cast(pl.Date),
        mixed.LAST_SEEN: pl.from_epoch(
            pl.Series(rng.integers(_FIRST_SECOND, _FIRST_SECOND + _SECONDS, count)), "s"
        ).dt.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    amount, ratio = columns[mixed.AMOUNTS[0]].to_numpy(), columns[mixed.RATIOS[0]].to_numpy()
    churns = rng.random(count) < 1 / (1 + np.exp(1 - 0.004 * amount - ratio))
    columns[mixed.TARGET] = pl.Series(mixed.NO_YES).gather(churns.astype(np.int64))
    return pl.DataFrame(columns).select(mixed.COLUMNS)


def _with_blanks(rng: np.random.Generator, values: NDArray[Any], share: float) -> pl.Series:
    column, blank = pl.Series(values), pl.Series(rng.random(len(values)) < share)
    return pl.select(pl.when(~blank).then(column)).to_series()


def _chosen(rng: np.random.Generator, levels: tuple[str, ...], exponent: float, count: int) -> pl.Series:
    """Levels by Zipf's law: the k-th is as common as 1 / k ** exponent."""
    weights = 1 / np.arange(1, len(levels) + 1) ** exponent
    return pl.Series(levels).gather(rng.choice(len(levels), count, p=weights / weights.sum()))


if __name__ == "__main__":
    write_table(Path(sys.argv[1]), int(sys.argv[2]))
