"""The tables: those that lie beside the repository, or those that scikit-learn ships."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.measure import ROOT, JobError
from sluice.messages import Task

SHARED: Final = ROOT.parent / "shared" / "data"
SHIPPED: Final = ("breast_cancer", "digits", "wine")
"""Of scikit-learn: tables of two, ten and three classes."""
SHIPPED_NUMBERS: Final = ("diabetes",)
"""Of scikit-learn: tables whose target is a number."""


@dataclass(frozen=True)
class Table:
    """A CSV with a header, the column to predict, and those that must not be used."""

    name: str
    path: Path
    target: str
    drop: tuple[str, ...] = ()
    task: Task = "classification"


def tables(made: Path, shared: Path = SHARED) -> list[Table]:
    """Those of ``tables/tables.json`` in the shared folder, then adult and telco; the shipped ones if it is absent.

    Args:
        made: where to write those that are shipped; made if absent.
        shared: the folder beside the repository.
    """
    listed = shared / "tables" / "tables.json"
    if not listed.exists():
        return list(_shipped(SHIPPED, made))
    found = [
        Table(name, shared / "tables" / f"{name}.csv", told["target"], tuple(told.get("drop", ())))
        for name, told in json.loads(listed.read_text(encoding="utf-8")).items()
    ]
    return [
        *found,
        Table("adult", shared / "adult.csv", "income"),
        Table("telco", shared / "telco-customer-churn.csv", "Churn"),
    ]


def number_tables(made: Path, shared: Path = SHARED) -> list[Table]:
    """Tables whose target is a number: the shipped ones, and columns of numbers of the shared folder's tables.

    Args:
        made: see :func:`tables`.
        shared: the folder beside the repository.
    """
    folder = shared / "tables"
    beside = [
        Table("diamonds_price", folder / "diamonds_cut.csv", "price", (), "regression"),
        # The tip and the total are known after the fare.
        Table("taxis_fare", folder / "taxis_pay.csv", "fare", ("tip", "tolls", "total"), "regression"),
        Table("winequality_alcohol", folder / "winequality.csv", "x10", ("label",), "regression"),
    ]
    shipped = (replace(table, task="regression") for table in _shipped(SHIPPED_NUMBERS, made))
    return [*shipped, *(table for table in beside if table.path.exists())]


def all_tables(made: Path) -> list[Table]:
    """Those of classes and those of numbers."""
    return [*tables(made), *number_tables(made)]


def names_of(chosen: Sequence[str] | None, known: Sequence[Table]) -> Sequence[str]:
    """The names of the tables to measure.

    Args:
        chosen: by name; all if none are.
        known: the tables that there are.

    Raises:
        JobError: there is no table of a chosen name.
    """
    names = [table.name for table in known]
    if unknown := {*(chosen or ())} - {*names}:
        raise JobError(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return chosen or names


def _shipped(names: Sequence[str], made: Path) -> Iterator[Table]:
    datasets = importlib.import_module("sklearn.datasets")
    made.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = made / f"{name}.csv"
        getattr(datasets, f"load_{name}")(as_frame=True).frame.to_csv(path, index=False)
        yield Table(name, path, "target")
