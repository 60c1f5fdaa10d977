"""Models of nothing: tables whose labels are permuted, so that no model is worth its deployment.

``python -m benchmarks.model_jobs.permuted TABLES`` makes as many, from the small ones in turns, each with a text of
many values and with sentences at random, trains by default as ``benchmarks.model_jobs.contestants`` does, and judges by
the default gate. It prints as JSON how many were ``judged`` and the ``deployed`` ones, and how many tables have rates
of the text (``rated``) or scores of the sentences (``scored``).
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.model_jobs.contestants import Split, TableRefusedError, class_shares, scored_by_default, split_table
from benchmarks.model_jobs.tables import Table, tables
from scoring.evaluation import measure
from scoring.gates import judge
from sluice.dataset.config import Gates
from sluice.dataset.recipe import FrequencyRankColumn, TextScoreColumn

MAX_ROWS: Final = 1_500
LEVELS: Final = 60
WORDS: Final = 12


def permuted(table: Table, number: int, folder: Path) -> Table:
    """The table with its labels in another order, and columns ``town`` and ``remark`` more."""
    random = np.random.default_rng(number)
    with table.path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    at = header.index(table.target)
    order = random.permutation(len(rows))
    towns = random.integers(LEVELS, size=len(rows))
    words = [f"{first}{second}" for first in "bdfgklmnprst" for second in ("ab", "el", "in", "or", "um")]
    remarks = random.choice(words, (len(rows), WORDS))
    path = folder / table.path.name
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow([*header, "town", "remark"])
        for row, other, town, remark in zip(rows, order, towns, remarks, strict=True):
            cells = [*row[:at], rows[other][at], *row[at + 1 :]]
            lines.writerow([*cells, f"town {town}", f"{' '.join(remark).capitalize()}."])
    return replace(table, path=path)


def is_deployed(split: Split) -> bool:
    """Whether the default gate lets the default model pass."""
    metrics = measure(scored_by_default(split), split.prior, shares=class_shares(split))
    return all(check.passed for check in judge(metrics, Gates(), None))


def run(count: int, folder: Path) -> dict[str, Any]:
    small = list(_small(tables(folder / "tables")))
    deployed: list[str] = []
    judged = rated = scored = 0
    for number in range(count):
        table = small[number % len(small)]
        with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as scratch:
            made = permuted(table, number, Path(scratch))
            try:
                split = split_table(made, number, Path(scratch) / "split")
            except TableRefusedError:
                continue
            judged += 1
            rated += any(isinstance(column, FrequencyRankColumn) and column.rates for column in split.recipe.columns)
            scored += any(isinstance(column, TextScoreColumn) for column in split.recipe.columns)
            if is_deployed(split):
                deployed.append(f"{table.name}, permutation {number}")
        print(f"{number + 1} of {count} permuted tables, {len(deployed)} deployed ...", file=sys.stderr, flush=True)
    return {"judged": judged, "deployed": deployed, "rated": rated, "scored": scored}


def _small(known: list[Table]) -> Iterator[Table]:
    for table in known:
        with table.path.open(encoding="utf-8") as lines:
            if sum(1 for _ in lines) <= MAX_ROWS:
                yield table


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as made_here:
        print(json.dumps(run(int(sys.argv[1]), Path(made_here))))
