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
    """Writes them as CSV in UTF-8, with a header, chunk by chunk; memory does not grow."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(names)

    def add(self, written: io.BytesIO) -> None:
        with self.path.open("ab") as stream:
            stream.write(written.getbuffer())


def write_rows(chunk: Chunk, rows: pl.Series, delimiter: bytes) -> io.BytesIO:
    """The cells of some rows of a chunk, by their numbers. ``delimiter``: of the file."""
    chosen = pl.repeat(False, chunk.cells.height, dtype=pl.Boolean, eager=True).scatter(rows, True)
    written = io.BytesIO()
    # To look at every cell costs as much as to write it; where no quotes stand between commas, none can be needed.
    plain = delimiter == b"," and not any(b'"' in piece.raw for piece in chunk.pieces)
    # A mask is twice as fast as a gather.
    chunk.cells.filter(chosen).write_csv(written, include_header=False, quote_style="never" if plain else "necessary")
    return written
