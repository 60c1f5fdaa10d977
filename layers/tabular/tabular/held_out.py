"""The rows of the test part with the user's own cells: another model than the one that is trained here can then be
scored on them through its own recipe, and they can be told apart by any column, also one that is dropped."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tabular.chunks import Chunk


class HeldOutRows:
    """Writes them as CSV in UTF-8, with a header, in the order of the file's chunks; memory does not grow.

    Chunks may come in any order: one that comes before those above it waits on disk.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        self._next = 0
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(names)

    def add(self, number: int, written: io.BytesIO | None) -> None:
        """Adds the rows of a chunk, by its number from 0 on; None if there are none."""
        if number != self._next:
            self._waiting(number).write_bytes(b"" if written is None else written.getbuffer())
            return
        with self.path.open("ab") as stream:
            if written is not None:
                stream.write(written.getbuffer())
            self._next += 1
            while (waiting := self._waiting(self._next)).exists():
                stream.write(waiting.read_bytes())
                waiting.unlink()
                self._next += 1

    def _waiting(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.stem}-{number:06d}.csv")


def needs_no_quotes(chunk: Chunk, delimiter: bytes) -> bool:
    """Whether no cell of a chunk can need quotes, which costs less to know than to look at every cell. ``delimiter``:
    of the file."""
    return delimiter == b"," and not any(b'"' in piece.raw for piece in chunk.pieces)


def write_rows(cells: pl.DataFrame, rows: pl.Series, *, plain: bool) -> io.BytesIO:
    """The cells of some rows of a chunk, by their numbers. ``plain``: none needs quotes."""
    chosen = pl.repeat(False, cells.height, dtype=pl.Boolean, eager=True).scatter(rows, True)
    written = io.BytesIO()
    # A mask is twice as fast as a gather.
    cells.filter(chosen).write_csv(written, include_header=False, quote_style="never" if plain else "necessary")
    return written
