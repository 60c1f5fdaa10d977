"""The cells of single held-out rows, for the page. They may hold personal data and appear nowhere else."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from typing import IO


def read_cells(stream: IO[bytes], rows: Collection[int]) -> dict[int, dict[str, str]]:
    """The cells by column of some rows of ``held_out/rows.csv``, by the row's number.

    Reads as far as the last of the rows, and keeps no other row.

    Args:
        stream: the file, UTF-8, with a header.
        rows: numbers counted from 1, the header not counted. Those beyond the end of the file are left out.
    """
    if not rows:
        return {}
    found: dict[int, dict[str, str]] = {}
    with io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
        reader = csv.reader(text)
        names = next(reader, [])
        for number, cells in zip(range(1, max(rows) + 1), reader, strict=False):
            if number in rows:
                found[number] = dict(zip(names, cells, strict=True))
    return found
