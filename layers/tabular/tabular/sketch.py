"""What is remembered of a column's values in bounded memory, whatever the file's size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

_HASHES_AT_ONCE: Final = 1 << 20
_ALL_HASHES: Final = 1 << 64


class Levels:
    """How often each text of a column stands: exact up to ``most`` different ones.

    Beyond them the rarest are forgotten, and then counted again from where several turn up together (after the lossy
    counting of Manku and Motwani, 2002): the commonest stay about right. How many there are is then an estimate.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = pl.DataFrame(schema={"cell": pl.String, "rows": pl.Int64, "train": pl.Int64})
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._beyond: Distinct | None = None

    @property
    def exact(self) -> bool:
        return self._beyond is None

    def add(self, counts: pl.DataFrame) -> None:
        """Adds ``cell``, ``rows`` and ``train``, how many of the rows are in the training part."""
        if self._beyond is not None:
            self._beyond.add(_hashed(counts))
            counts = counts.filter(pl.col("rows") > 1)
        self._waiting.append(counts)
        self._waiting_rows += counts.height
        if self._waiting_rows > max(4 * self._kept.height, 4096):
            self._merge()

    def _merge(self) -> None:
        if self._waiting:
            merged = pl.concat([self._kept, *self._waiting]).group_by("cell").sum()
            if merged.height > self._most:
                if self._beyond is None:
                    self._beyond = Distinct()
                    self._beyond.add(_hashed(merged))
                merged = merged.sort(["train", "rows", "cell"], descending=[True, True, False]).head(self._most // 2)
            self._kept, self._waiting, self._waiting_rows = merged, [], 0

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


class Distinct:
    """An estimate of how many different values there are, within a per cent or two, and whether any comes twice.

    Keeps the values whose hash is below a limit, which is halved whenever too many are kept (distinct sampling; Gibbons,
    2001): a value is kept with all its repetitions or not at all. Exact while the limit has not moved.
    """

    def __init__(self, most: int = 1 << 14) -> None:
        self._most = most
        self._limit = _ALL_HASHES - 1
        self._kept = pl.DataFrame(schema={"hash": pl.UInt64, "rows": pl.Int64})

    def add(self, hashes: pl.DataFrame) -> None:
        """Adds the hashes of values, ``hash``, and how often each stands, ``rows``."""
        below = hashes.filter(pl.col("hash") <= self._limit)
        self._kept = pl.concat([self._kept, below]).group_by("hash").sum()
        while self._kept.height > self._most:
            self._limit //= 2
            self._kept = self._kept.filter(pl.col("hash") <= self._limit)

    def estimate(self) -> float:
        return self._kept.height * (_ALL_HASHES / (self._limit + 1))

    def repeats(self) -> bool:
        """Whether a value of the sample stands more than once."""
        return bool((self._kept["rows"] > 1).any())


class Frames:
    """Frames of one shape, kept on disk in the order of the chunks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        self._count = 0

    def add(self, frame: pl.DataFrame) -> None:
        frame.write_ipc(self._path(self._count), compression="uncompressed")
        self._count += 1

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.arrow"

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> pl.DataFrame:
        return pl.read_ipc(self._path(number))

    def take(self) -> Iterator[pl.DataFrame]:
        """All frames, each removed from the disk once the next is asked for."""
        for number in range(self._count):
            yield self[number]
            self._path(number).unlink()


class Hashes:
    """64-bit hashes of rows, kept on disk."""

    def __init__(self, folder: Path) -> None:
        self._chunks = Frames(folder)
        self.rows = 0

    def add(self, hashes: pl.Series) -> None:
        self._chunks.add(hashes.alias("hash").to_frame())
        self.rows += len(hashes)

    def repeated(self) -> int:
        """How many rows have the hash of an earlier one."""
        parts = self.rows // _HASHES_AT_ONCE + 1
        return self.rows - sum(self._part(part, parts).n_unique() for part in range(parts))

    def found_in(self, others: Hashes) -> int:
        """How many rows have a hash that is among the others."""
        parts = max(self.rows, others.rows) // _HASHES_AT_ONCE + 1
        return sum(
            int(self._part(part, parts).is_in(others._part(part, parts).unique().implode()).sum())
            for part in range(parts)
        )

    def _part(self, part: int, parts: int) -> pl.Series:
        """The hashes that fall into one of ``parts`` classes: equal ones into the same."""
        mine = [pl.Series("hash", [], pl.UInt64)]
        for number in range(len(self._chunks)):
            hashes = self._chunks[number]["hash"]
            mine.append(hashes.filter(hashes % parts == part) if parts > 1 else hashes)
        return pl.concat(mine)
