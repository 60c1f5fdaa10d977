"""Counts in bounded memory against exact ones."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular import sketch
from tabular.sketch import Distinct, Hashes, Levels, hashed
from tests.search import examples


def added(levels: Levels, cells: list[str], chunk: int = 50) -> Levels:
    """Every second cell stands in the training part."""
    for start in range(0, len(cells), chunk):
        rows: Counter[str] = Counter(cells[start : start + chunk])
        train: Counter[str] = Counter(cells[start : start + chunk : 2])
        levels.add(
            pl.DataFrame(
                {"cell": list(rows), "rows": list(rows.values()), "train": [train[cell] for cell in rows]},
                schema={"cell": pl.String, "rows": pl.Int64, "train": pl.Int64},
            )
        )
    return levels


@given(st.lists(st.sampled_from(["a", "b", "c", "", "NA", "é"]), max_size=300))
@settings(max_examples=examples(50), deadline=None)
def test_few_levels_are_counted_exactly(cells: list[str]) -> None:
    levels = added(Levels(10, ["", "NA"]), cells)
    wanted = Counter(cell for cell in cells if cell not in {"", "NA"})
    assert levels.exact
    assert dict(levels.table().select("cell", "rows").iter_rows()) == dict(wanted)
    assert levels.filled == wanted.total()
    assert levels.distinct() == len(wanted)


def test_the_commonest_of_many_levels_are_kept_and_the_others_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "_MIN_WAITING_ROWS", 100)
    draws = random.Random(2)  # noqa: S311 - a table, no secret
    cells = [f"often{draws.randrange(20)}" if draws.random() < 0.5 else f"once{i}" for i in range(40_000)]
    cells[::100] = ["NA"] * 400
    levels = added(Levels(1000, ["", "NA"]), cells, chunk=2000)
    wanted = Counter(cells)
    filled = len(cells) - wanted.pop("NA")
    assert not levels.exact
    assert levels.filled == filled
    assert levels.distinct() == pytest.approx(len(wanted), rel=0.05)
    top = dict(levels.table().head(20).select("cell", "rows").iter_rows())
    assert top == {cell: wanted[cell] for cell in top}
    assert all(cell.startswith("often") for cell in top)
    assert levels.table().height <= 1000


def test_distinct_values_are_estimated_and_repetitions_seen() -> None:
    distinct = Distinct(max_keys=1000)
    for start in range(0, 100_000, 10_000):
        distinct.add(hashed(pl.Series(range(start, start + 10_000))))
    assert distinct.estimate() == pytest.approx(100_000, rel=0.1)
    assert not distinct.repeats()
    distinct.add(hashed(pl.Series(range(50_000))))
    assert distinct.repeats()


@pytest.mark.parametrize("together", [16, 1 << 20])
def test_repeated_rows_are_counted_exactly_whatever_fits_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(sketch, "_HASHES_AT_ONCE", together)
    draws = random.Random(3)  # noqa: S311 - a table, no secret
    values, others = ([draws.randrange(300) for _ in range(500)] for _ in range(2))
    one, two = Hashes(tmp_path / "one"), Hashes(tmp_path / "two")
    for start in range(0, 500, 7):
        one.add(pl.Series(values[start : start + 7], dtype=pl.UInt64))
        two.add(pl.Series(others[start : start + 7], dtype=pl.UInt64))
    assert one.repeated() == 500 - len(set(values))
    assert one.found_in(two) == sum(value in set(others) for value in values)
