"""How many rows of each stratum have which u, and the cuts that give each part its share of them.

A stratum is a class, or the whole table if the split keeps groups together. What is kept merges in any order: counts by
u are added, and the resolution that is left to a stratum is the finest at which its different u are few enough, however
its rows were divided before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import polars as pl

from sluice.dataset.config import Split
from sluice.evaluation.split import HASH_BITS

_HASHES: Final = 1 << HASH_BITS

MAX_RANKED: Final = 1 << 14
"""Different rows of a stratum up to which its cuts are exact. Beyond, the usual cuts miss the shares by chance alone: a
part of 15 % by 0.3 percentage points (one standard deviation), and less the more rows there are."""

_MIN_WAITING_ROWS: Final = 1 << 15
_MAX_MISS: Final = 0.1
_MAX_DEVIATIONS: Final = 5.0
_BLOCK_SHARE: Final = 0.25
"""Of a part: a block of equal rows that is larger trains, if the other rows are enough to fill the parts."""

_MIN_BLOCK: Final = 10.0
"""Times the mean of all keys, where a key holds several different rows."""

_MAX_HELD_SHARE: Final = 0.5
"""Of the rows beside the blocks, that validation and test have together, if no larger shares are asked for."""


@dataclass(frozen=True)
class Cuts:
    """Rows with u below ``test`` are the test part, then those below ``validation``; the rest train, and so do those
    with u in one of the intervals ``trained`` (the end is not part of it)."""

    test: int
    validation: int
    trained: tuple[tuple[int, int], ...] = ()


class Ranks:
    """Rows by stratum and u. Memory is bounded by ``max_keys`` a stratum.

    Of a stratum with more different u, these are known to their leading bits only: two that agree in them are one key,
    and are cut together.
    """

    def __init__(self, max_keys: int = MAX_RANKED) -> None:
        self._max_keys = max_keys
        self._widths: dict[str, int] = {}
        self._kept: dict[str, pl.DataFrame] = {}
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._waiting_rows = 0

    def widths(self) -> Mapping[str, int]:
        """The numbers u that are one key, a power of two, by stratum; of those only that have too many keys."""
        return {**self._widths}

    def add(self, counts: Mapping[str, pl.DataFrame]) -> None:
        """Adds what :func:`count_ranks` gives, of these widths or of earlier ones."""
        for stratum, keys in counts.items():
            self._waiting.setdefault(stratum, []).append(keys)
            self._waiting_rows += keys.height
        kept_rows = sum(keys.height for keys in self._kept.values())
        if self._waiting_rows > max(kept_rows, _MIN_WAITING_ROWS):
            self._merge()

    def merge(self, other: Self) -> None:
        """Adds what another has counted."""
        other._merge()
        for stratum, width in other._widths.items():
            self._widths[stratum] = max(width, self._widths.get(stratum, 1))
        self.add(other._kept)

    def _merge(self) -> None:
        for stratum, waiting in self._waiting.items():
            kept = [self._kept[stratum]] if stratum in self._kept else []
            keys = _coarser(pl.concat([*kept, *waiting]), self._widths.get(stratum, 1))
            if keys.height > self._max_keys:
                u = keys["u"].sort()
                # Two neighbours are one key from the first bit on in which they do not differ.
                apart = (u[1:] ^ u[:-1]).sort(descending=True)[self._max_keys - 1]
                self._widths[stratum] = 1 << int(apart).bit_length()
                keys = _coarser(keys, self._widths[stratum])
            self._kept[stratum] = keys
        self._waiting, self._waiting_rows = {}, 0

    def strata(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Each stratum with its keys: ``u``, the least of each, and ``rows``, in the order of u. First comes the one
        with the lowest u."""
        self._merge()
        ordered = {stratum: keys.sort("u") for stratum, keys in self._kept.items()}
        yield from sorted(ordered.items(), key=lambda item: (item[1]["u"][0], item[0]))

    def width(self, stratum: str) -> int:
        """The numbers u that are one key of the stratum; 1 if its keys are exact."""
        self._merge()
        return self._widths.get(stratum, 1)


def count_ranks(rows: pl.DataFrame, stratum: pl.Expr, widths: Mapping[str, int]) -> dict[str, pl.DataFrame]:
    """By stratum: ``u``, the least of each key, and how many ``rows`` it has.

    Args:
        rows: with ``u``.
        stratum: of each.
        widths: of the keys, as far as they are known.
    """
    apart = rows.select(stratum.alias("stratum"), "u").partition_by("stratum", include_key=False, as_dict=True)
    return {name: _counted(some["u"] & _mask(widths.get(name, 1))) for (name,), some in apart.items()}


def _counted(u: pl.Series) -> pl.DataFrame:
    """How many rows have each u. Sorted numbers are counted in half the time that it takes to group them."""
    return u.sort().rle().struct.unnest().select(pl.col("value").alias("u"), pl.col("len").cast(pl.Int64).alias("rows"))


def _mask(width: int) -> int:
    return _HASHES - width


def _coarser(keys: pl.DataFrame, width: int) -> pl.DataFrame:
    return keys.lazy().group_by(pl.col("u") & _mask(width)).agg(pl.col("rows").sum()).collect()


def usual_cuts(split: Split) -> Cuts:
    """The cuts at the shares of the range of u, which hold up to chance."""
    return Cuts(_cut_at(split.test), _cut_at(split.test + split.validation))


def _cut_at(share: float) -> int:
    return round(share * _HASHES)


def fitting_cuts(keys: pl.DataFrame, width: int, split: Split) -> Cuts | None:
    """The cuts of a stratum; None if it has too few different rows to be in all three parts.

    Those of a stratum whose keys are exact give each part its share, to the row as far as equal rows allow. Of a larger
    one they are the usual ones, which never move, unless blocks of equal rows make them miss the shares by far.

    Args:
        keys: ``u``, the least of each key, and its ``rows``, in the order of u.
        width: the numbers u that are one key.
        split: the shares.
    """
    usual = usual_cuts(split)
    blocks = _blocks(keys, width, split)
    if width > 1 and not blocks and _hold(usual, keys, split):
        return usual
    return _exact_cuts(keys, width, split, blocks)


def _hold(cuts: Cuts, keys: pl.DataFrame, split: Split) -> bool:
    total = int(keys["rows"].sum())
    held = [int(keys["rows"].filter(keys["u"] < cut).sum()) for cut in (cuts.test, cuts.validation)]
    shares = (split.test, split.validation)
    for rows, share in zip((held[0], held[1] - held[0]), shares, strict=True):
        wanted = share * total
        if abs(rows - wanted) > max(_MAX_MISS * wanted, _MAX_DEVIATIONS * wanted**0.5):
            return False
    return True


def _blocks(keys: pl.DataFrame, width: int, split: Split) -> list[int]:
    """The u of the keys that train because so many equal rows would fill a part by themselves: the largest first, as
    long as the parts can be filled from the others, and beyond that while one is larger than a part."""
    total, shares = int(keys["rows"].sum()), split.test + split.validation
    smallest = min(split.test, split.validation)
    least = 1.0 if width == 1 else _MIN_BLOCK * total / keys.height
    found: list[int] = []
    left, rest = keys.height, total
    several = keys.filter(pl.col("rows") > least).sort(["rows", "u"], descending=True)
    for u, rows in several.iter_rows():
        part = smallest * _filled(rest, total, split) * total
        fills = shares * total <= max(_MAX_HELD_SHARE, shares) * (rest - rows)
        if left <= 2 or not (rows > part or (fills and rows > _BLOCK_SHARE * part)):
            break
        found.append(u)
        left, rest = left - 1, rest - rows
    return found


def _filled(rest: int, total: int, split: Split) -> float:
    """How much of their shares of ``total`` rows validation and test get if only ``rest`` of them may be in them."""
    shares = split.test + split.validation
    return min(1.0, max(_MAX_HELD_SHARE, shares) * rest / (shares * total))


def _exact_cuts(keys: pl.DataFrame, width: int, split: Split, blocks: Sequence[int]) -> Cuts | None:
    others = keys.filter(~pl.col("u").is_in(list(blocks))) if blocks else keys
    last = others.height - (0 if blocks else 1)
    if last < 2:
        return None
    total, rest = int(keys["rows"].sum()), int(others["rows"].sum())
    wanted = _filled(rest, total, split) * total
    upto = others["rows"].cum_sum()
    test = _nearest(upto, split.test * wanted, 1, last - 1)
    both = _nearest(upto, (split.test + split.validation) * wanted, test + 1, last)
    u, usual = others["u"], usual_cuts(split)
    starts = [*u.to_list(), _HASHES]
    cuts = [
        min(max(cut, starts[count - 1] + width), starts[count])
        for cut, count in ((usual.test, test), (usual.validation, both))
    ]
    return Cuts(cuts[0], cuts[1], tuple(_joined(sorted(blocks), width, cuts[1])))


def _nearest(upto: pl.Series, wanted: float, least: int, most: int) -> int:
    """How many keys have about the wanted number of rows together: from ``least`` to ``most`` of them."""
    misses = (upto[least - 1 : most] - wanted).abs()
    return least + (misses.arg_min() or 0)


def _joined(blocks: Sequence[int], width: int, below: int) -> Iterator[tuple[int, int]]:
    """The intervals that the blocks make up, of those that would not train otherwise."""
    starts = [u for u in blocks if u < below]
    for _, run in itertools.groupby(enumerate(starts), key=lambda item: item[1] - item[0] * width):
        members = [u for _, u in run]
        yield members[0], members[-1] + width
