"""Makes a log of predictions, and the contract that its columns are compared with."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.monitor_jobs.files import NUMBERS, REFERENCE, TEXTS, log_files
from sluice.dataset.contract import Bins, ColumnTerms, Contract
from sluice.dataset.recipe import NumberColumn, OneHotColumn, Recipe, Target
from sluice.layout import CONTRACT

__all__ = ["CONTRACT", "RUN", "log_files", "make_log", "read_reference", "recipe"]

RUN: Final = "4f1c09b2a7de"
REFERENCE_ROWS: Final = 20_000
_FILE_ROWS: Final = 10_000
_LEVELS: Final = (3, 5, 8, 12, 20, 40)
"""Of each text column."""
_MISSING: Final = 0.03

type Table = dict[str, list[Any]]


def make_log(folder: Path, rows: int) -> None:
    """Files of the log, and of what the model was made with. One number and one text have moved since."""
    rng = np.random.default_rng(17)
    reference = _table(rng, REFERENCE_ROWS, moved=False)
    _write_reference(folder, reference)
    (folder / "log").mkdir()
    for number, start in enumerate(range(0, rows, _FILE_ROWS)):
        table = _table(rng, min(_FILE_ROWS, rows - start), moved=True)
        _write_log(folder / "log" / f"{number:06d}.jsonl.gz", table)


def _table(rng: np.random.Generator, rows: int, *, moved: bool) -> Table:
    made: Table = {}
    for i, name in enumerate(NUMBERS):
        values = rng.normal(10 * i, 1 + i, rows) + (moved and i == 0)
        made[name] = [round(value, 3) for value in values.tolist()]
    for name, levels in zip(TEXTS, _LEVELS, strict=True):
        shares = np.linspace(3, 1, levels)
        if moved and name == TEXTS[0]:
            shares = shares[::-1]
        made[name] = [f"level {k}" for k in rng.choice(levels, rows, p=shares / shares.sum()).tolist()]
    for name in (NUMBERS[1], TEXTS[1]):
        for row in np.flatnonzero(rng.random(rows) < _MISSING).tolist():
            made[name][row] = None
    return made


def _write_reference(folder: Path, table: Table) -> None:
    with (folder / REFERENCE).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    terms = [_number_terms(name, table[name]) for name in NUMBERS]
    terms += [_text_terms(name, table[name]) for name in TEXTS]
    (folder / CONTRACT).write_text(Contract(rows=REFERENCE_ROWS, columns=tuple(terms)).text())


def _number_terms(name: str, cells: list[Any]) -> ColumnTerms:
    values = np.array([cell for cell in cells if cell is not None])
    edges = np.unique(np.quantile(values, np.arange(1, 10) / 10, method="lower"))
    counts = np.bincount(np.searchsorted(edges, values), minlength=edges.size + 1)
    return ColumnTerms(
        name=name,
        kind="number",
        missing_share=1 - values.size / len(cells),
        minimum=float(values.min()),
        maximum=float(values.max()),
        bins=Bins(edges=tuple(edges.tolist()), shares=tuple((counts / values.size).tolist())),
    )


def _text_terms(name: str, cells: list[Any]) -> ColumnTerms:
    levels, counts = np.unique([cell for cell in cells if cell is not None], return_counts=True)
    shares = dict(zip(levels.tolist(), (counts / counts.sum()).tolist(), strict=True))
    return ColumnTerms(name=name, kind="text", missing_share=1 - counts.sum() / len(cells), levels=shares)


def _write_log(file: Path, table: Table) -> None:
    names = [*table]
    lines = []
    for number, cells in enumerate(zip(*table.values(), strict=True)):
        line = {
            "id": f"01k6l8il134k2m9q7t5v-{number:04d}",
            "at": "2026-11-30 09:00:00.000",
            "request_id": "52fdfc07-2182-154f-163f-5f0f9a621d72",
            "model_version": RUN,
            "record": dict(zip(names, cells, strict=True)),
            "probability": 0.42,
            "label": "yes",
            "outside": [],
        }
        lines.append(json.dumps(line, separators=(",", ":")) + "\n")
    file.write_bytes(gzip.compress("".join(lines).encode(), 1))


def read_reference(folder: Path) -> dict[str, set[str]]:
    """The levels by text column."""
    with (folder / REFERENCE).open(newline="") as file:
        rows = csv.DictReader(file)
        found: dict[str, set[str]] = {name: set() for name in TEXTS}
        for row in rows:
            for name, levels in found.items():
                levels.add(row[name])
    return found


def recipe(levels: dict[str, set[str]]) -> Recipe:
    columns = [
        *(NumberColumn(name=name) for name in NUMBERS),
        *(OneHotColumn(name=name, levels=tuple(sorted(found - {""}))) for name, found in levels.items()),
    ]
    return Recipe(target=Target(name="target", classes=("no", "yes")), missing=("",), columns=tuple(columns))
