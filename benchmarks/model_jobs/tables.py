"""The tables: those that lie beside the repository, or those that scikit-learn ships."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import ROOT, JobError

SHARED: Final = ROOT.parent / "shared" / "data"
SHIPPED: Final = ("breast_cancer", "digits", "wine")
"""Of scikit-learn: tables of two, ten and three classes."""


@dataclass(frozen=True)
class Table:
    """A CSV with a header, the column to predict, and those that must not be used."""

    name: str
    path: Path
    target: str
    drop: tuple[str, ...] = ()


def tables(made: Path, shared: Path = SHARED) -> list[Table]:
    """Those of ``tables/tables.json`` in the shared folder, then adult and telco; the shipped ones if it is absent.

    Args:
        made: where to write those that are shipped; made if absent.
        shared: the folder beside the repository.
    """
    listed = shared / "tables" / "tables.json"
    if not listed.exists():
        return list(_shipped(made))
    found = [
        Table(name, shared / "tables" / f"{name}.csv", told["target"], tuple(told.get("drop", ())))
        for name, told in json.loads(listed.read_text(encoding="utf-8")).items()
    ]
    return [
        *found,
        Table("adult", shared / "adult.csv", "income"),
        Table("telco", shared / "telco-customer-churn.csv", "Churn"),
    ]


def names_of(chosen: Sequence[str] | None, made: Path) -> Sequence[str]:
    """The names of the tables to measure.

    Args:
        chosen: by name; all if none are.
        made: see :func:`tables`.

    Raises:
        JobError: there is no table of a chosen name.
    """
    known = [table.name for table in tables(made)]
    if unknown := {*(chosen or ())} - {*known}:
        raise JobError(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return chosen or known


def _shipped(made: Path) -> Iterator[Table]:
    datasets = importlib.import_module("sklearn.datasets")
    made.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        path = made / f"{name}.csv"
        getattr(datasets, f"load_{name}")(as_frame=True).frame.to_csv(path, index=False)
        yield Table(name, path, "target")
