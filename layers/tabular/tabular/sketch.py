"""What is remembered of a column's values in bounded memory, whatever the file's size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

_HASHES_AT_ONCE: Final = 1 << 20
_MIN_WAITING_ROWS: Final = 4096
"""Rows that are merged together: each merge groups all that is kept."""
_ALL_HASHES: Final = 1 << 64


class Levels:
    """How often each text of a column stands: exact up to ``max_levels`` different ones.

    Beyond them the rarest are forgotten, and then counted again from where several turn up together (after the lossy
    counting of Manku and Motwani, 2002): the commonest stay about right. How many there are is then an estimate.
    """

    def __init__(self, max_levels: int, missing: Sequence[str] = ()) -> None:
        """
        Args:
            max_levels: different texts that are kept.
            missing: texts that mean: no value. They are not kept.
        """
        self._max_levels = max_levels
        self._missing = list(missing)
        self._kept = pl.DataFrame(schema={"cell": pl.String, "rows": pl.Int64, "train": pl.Int64})
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._filled = 0
        self._beyond: Distinct | None = None

    @property
    def exact(self) -> bool:
        return self._beyond is None

    def add(self, counts: pl.DataFrame) -> None:
        """Adds ``cell``, how often it stands, ``rows``, and how many of these are in the training part, ``train``."""
        if self._beyond is not None:
            counts = counts.filter(~pl.col("cell").is_in(self._missing))
            self._filled += int(counts["rows"].sum())
            self._beyond.add(_hashed(counts))
            counts = counts.filter(pl.col("rows") > 1)
        self._waiting.append(counts)
        self._waiting_rows += counts.height
        if self._waiting_rows > max(4 * self._kept.height, _MIN_WAITING_ROWS):
            self._merge()

    def _merge(self) -> None:
        if not self._waiting:
            return
        added = pl.concat(self._waiting).filter(~pl.col("cell").is_in(self._missing))
        merged = pl.concat([self._kept, added]).group_by("cell").sum()
        if self._beyond is None:
            self._filled += int(added["rows"].sum())
            if merged.height > self._max_levels:
                self._beyond = Distinct()
                self._beyond.add(_hashed(merged))
        if merged.height > self._max_levels:
            merged = merged.sort(["train", "rows", "cell"], descending=[True, True, False]).head(self._max_levels // 2)
        self._kept, self._waiting, self._waiting_rows = merged, [], 0

    @property
    def filled(self) -> int:
        """How many texts were added that are not missing."""
        self._merge()
        return self._filled

    def table(self) -> pl.DataFrame:
        """``cell``, ``rows``, ``train``; the commonest of the training part first, ties by code point."""
        self._merge()
        return self._kept.sort(["train", "cell"], descending=[True, False])

    def distinct(self) -> float:
        self._merge()
        return self._kept.height if self._beyond is None else self._beyond.estimate()


def _hashed(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.select(pl.col("cell").hash().alias("hash"), "rows")


def hashed(values: pl.Series) -> pl.DataFrame:
    """The hashes of values, none of them null, as ``Distinct`` takes them."""
    return values.hash().alias("hash").to_frame().group_by("hash").agg(pl.len().cast(pl.Int64).alias("rows"))


class _Sample:
    """How many rows have each key, of the keys whose hash is below a limit, which is halved whenever too many are kept
    (distinct sampling; Gibbons, 2001): a key is kept with all of its rows or not at all. Exact while the limit has not
    moved."""

    def __init__(self, key: str, kind: pl.DataType, hash_of_key: pl.Expr, max_keys: int) -> None:
        self._key = key
        self._hash = hash_of_key
        self._max_keys = max_keys
        self._limit = _ALL_HASHES - 1
        self._kept = pl.DataFrame(schema={key: kind, "rows": pl.Int64})

    def add(self, counts: pl.DataFrame) -> None:
        """Adds keys, and how many rows have each, ``rows``."""
        self._kept = pl.concat([self._kept, self._below(counts)]).group_by(self._key).sum()
        while self._kept.height > self._max_keys:
            self._limit //= 2
            self._kept = self._below(self._kept)

    def _below(self, counts: pl.DataFrame) -> pl.DataFrame:
        return counts.filter(self._hash <= self._limit)


class Distinct(_Sample):
    """An estimate of how many different values there are, within a per cent or two, and whether any comes twice.

    Takes the hashes of the values as ``hash``.
    """

    def __init__(self, max_keys: int = 1 << 14) -> None:
        super().__init__("hash", pl.UInt64(), pl.col("hash"), max_keys)

    def estimate(self) -> float:
        return self._kept.height * (_ALL_HASHES / (self._limit + 1))

    def repeats(self) -> bool:
        """Whether a value of the sample stands more than once."""
        return bool((self._kept["rows"] > 1).any())


class Times(_Sample):
    """How many rows have each ``time``: exact up to ``max_keys`` different ones, beyond them of a sample of them."""

    def __init__(self, max_keys: int = 200_000) -> None:
        super().__init__("time", pl.Float64(), pl.col("time").hash(), max_keys)

    def table(self) -> pl.DataFrame:
        return self._kept.sort("time")


class Frames:
    """Frames of one shape, kept on disk by their numbers, which begin with 0."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()

    def put(self, number: int, frame: pl.DataFrame) -> None:
        frame.write_ipc(self._path(number), compression="uncompressed")

    def get(self, number: int) -> pl.DataFrame:
        return pl.read_ipc(self._path(number))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.arrow"

    def __iter__(self) -> Iterator[pl.DataFrame]:
        number = 0
        while self._path(number).exists():
            yield pl.read_ipc(self._path(number))
            number += 1

    def taken(self) -> Iterator[pl.DataFrame]:
        """The frames for the last time. Each file goes when its frame is there: what the system has not yet written to
        the disk by then, it never has to."""
        for number, frame in enumerate(self):
            self._path(number).unlink()
            yield frame


class Hashes:
    """64-bit hashes of rows, kept on disk, some hundred thousand together."""

    def __init__(self, folder: Path) -> None:
        self._frames = Frames(folder)
        self._flushed = 0
        self._waiting: list[pl.Series] = []
        self._waiting_rows = 0
        self.rows = 0

    def add(self, hashes: pl.Series) -> None:
        self._waiting.append(hashes.alias("hash"))
        self._waiting_rows += len(hashes)
        self.rows += len(hashes)
        if self._waiting_rows >= _HASHES_AT_ONCE // 4:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._frames.put(self._flushed, pl.concat(self._waiting).to_frame())
            self._flushed += 1
            self._waiting, self._waiting_rows = [], 0

    def repeated(self) -> int:
        """How many rows have the hash of an earlier one."""
        parts = _parts(self.rows)
        return self.rows - sum(self._part(part, parts).n_unique() for part in range(parts))

    def found_in(self, others: Hashes) -> int:
        """How many rows have a hash that is among the others."""
        parts = _parts(max(self.rows, others.rows))
        return sum(
            int(self._part(part, parts).is_in(others._part(part, parts).unique().implode()).sum())
            for part in range(parts)
        )

    def _part(self, part: int, parts: int) -> pl.Series:
        """The hashes that fall into one of ``parts`` classes, a power of two: equal ones into the same."""
        self._flush()
        mine = [pl.Series("hash", [], pl.UInt64)]
        for frame in self._frames:
            hashes = frame["hash"]
            mine.append(hashes.filter(hashes & (parts - 1) == part) if parts > 1 else hashes)
        return pl.concat(mine)


def _parts(rows: int) -> int:
    """A power of two, so that the last digits of a hash tell its part, which is much faster than to divide it."""
    return 1 << (rows // _HASHES_AT_ONCE).bit_length()
