"""The samples that identifiers are told by hold the same whatever the order of the rows, and merge."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular.identities import MAX_ROWS, RowSample, ValueSample


def rows_of(numbers: Sequence[int]) -> pl.DataFrame:
    """A row for each number: its hash, a value that repeats, a label."""
    noise = [random.Random(number).getrandbits(52) for number in numbers]  # noqa: S311 - a table, no secret
    return pl.DataFrame(
        {
            "value": [float(number % 97) for number in numbers],
            "u": pl.Series(noise, dtype=pl.UInt64),
            "label": ["yes" if number % 3 else "no" for number in numbers],
        }
    )


def merged[S: (RowSample, ValueSample)](
    make: Callable[[], S], pieces: Sequence[pl.DataFrame], order: random.Random
) -> S:
    """The sample of all pieces: some are added to one, the others are merged in any order."""
    samples = []
    for piece in pieces:
        sample = make()
        sample.add(piece)
        samples.append(sample)
    while len(samples) > 1:
        one, other = order.sample(range(len(samples)), 2)
        samples[one].merge(samples[other])
        samples.pop(other)
    return samples[0]


@settings(deadline=None)
@given(st.integers(1, 1200), st.integers(1, 9), st.randoms(use_true_random=False), st.sampled_from([5, 40, 5000]))
def test_samples_of_pieces_merge_to_the_sample_of_the_table(
    count: int, pieces: int, order: random.Random, max_rows: int
) -> None:
    numbers = list(range(count))
    order.shuffle(numbers)
    cut = [rows_of(numbers[i::pieces]) for i in range(min(pieces, count))]
    _merges_alike(lambda: RowSample(max_rows), cut, order, max_rows)
    _merges_alike(lambda: _open(max_rows), cut, order, max_rows)


def _merges_alike[S: (RowSample, ValueSample)](
    make: Callable[[], S], pieces: Sequence[pl.DataFrame], order: random.Random, max_rows: int
) -> None:
    whole = make()
    whole.add(pl.concat(pieces).sort("u"))
    of_pieces = merged(make, pieces, order)
    expected, found = whole.table(), of_pieces.table()
    assert expected is not None
    assert found is not None
    assert of_pieces.limit == whole.limit
    assert found.equals(expected)
    assert found.height <= max_rows


def _open(max_rows: int) -> ValueSample:
    """A sample of all values of a small table."""
    sample = ValueSample(max_rows)
    sample.limit = (1 << 64) - 1
    return sample


def test_a_value_comes_with_its_rows_or_not_at_all() -> None:
    table = rows_of(range(5000))
    sample = _open(1000)
    sample.add(table)
    found = sample.table()
    assert found is not None
    kept = found.group_by("value").len().sort("value")
    full = table.filter(pl.col("value").is_in(kept["value"].implode())).group_by("value").len().sort("value")
    assert 5 < kept.height < 97
    assert kept.equals(full)


def test_equal_rows_count_once() -> None:
    sample = RowSample(MAX_ROWS)
    for _ in range(3):
        sample.add(rows_of(range(50)))
    found = sample.table()
    assert found is not None
    assert (found.height, sample.is_whole) == (50, True)


def test_a_very_common_value_does_not_take_the_room_of_the_others() -> None:
    common = rows_of(range(3000)).with_columns(pl.lit(7.0).alias("value"))
    others = rows_of(range(3000, 3400))
    sample = _open(500)
    sample.add(pl.concat([common, others]))
    found = sample.table()
    assert found is not None
    assert found["value"].n_unique() > 50
