"""Models of samples of a table, some of whose labels are exchanged at random: what gates are tried on.

``python -m benchmarks.model_jobs.trials CACHE TABLE SEEDS`` makes the trials of a table and prints a line of JSON with
their files. A trial takes some rows of the table, exchanges a share of their labels, and makes a model of them as a run
does: validation, recipe, split, and the container's algorithm with the defaults. If all labels are exchanged,
no column says anything of the target, and every model is useless. The rows that were not taken say how good the model
really is.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import xgboost
from numpy.typing import NDArray

from benchmarks.model_jobs.contestants import (
    Split,
    TableRefusedError,
    class_shares,
    default_model,
    hyperparameters,
    is_refitted,
    split_table,
)
from benchmarks.model_jobs.tables import Table, tables
from scoring.cross_validation import OutOfFold, out_of_fold, read_folds, summed_up
from scoring.held_out import read_held_out
from scoring.metrics import row_log_losses
from scoring.raw_rows import features_of, read_raw_rows
from scoring.xgboost import XGBoostModel
from sluice import layout
from sluice.messages import CrossValidation
from sluice.training.hyperparameters import DEFAULTS
from tabular import folds

SIZES: Final = (60, 150, 220, 400, 1000, 3000)
"""Rows of a sample."""
EXCHANGED: Final = (1.0, 0.7, 0.0)
"""Shares of the labels that are exchanged."""

_MAX_OTHERS: Final = 2000
_MIN_OTHERS: Final = 150
"""Rows that were not taken: with fewer, nobody knows how good the model is."""

_ARRAYS: Final = ("labels", "scores", "shares", "losses", "baseline", "units")
_TOLD: Final = ("table", "size", "seed", "exchanged", "true_share", "times", "folds")


@dataclass(frozen=True)
class Trial:
    """A model of a sample, and what is known of it.

    Attributes:
        table: the name of it.
        size: rows of the sample.
        seed: of the sample, of the exchange and of the split.
        exchanged: share of the labels.
        labels: (n,) class numbers of the test rows.
        scores: (n,) or (n, k), of the test rows.
        shares: (k,) of the classes in the training part.
        true_share: log loss of the model on the rows that were not taken, as a share of the baseline's.
        losses: (r,) log losses of the rows of the sample's folds, each by a model that has not seen the row; as many as
            times the rows were cut. None are there if the sample is no small table.
        baseline: (r,) of the baseline on the same rows.
        units: (r,) numbers of what is resampled together.
        times: that the rows were cut into folds; 0 if the sample is no small table.
        folds: models whose losses these are.
    """

    table: str
    size: int
    seed: int
    exchanged: float
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    shares: NDArray[np.float64]
    true_share: float
    losses: NDArray[np.float64]
    baseline: NDArray[np.float64]
    units: NDArray[np.int64]
    times: int
    folds: int

    def cross_validation(self) -> CrossValidation | None:
        """As a run makes it; None if the sample is no small table."""
        if not self.times:
            return None
        found = OutOfFold(self.losses, self.baseline, self.units, self.folds)
        return summed_up(found, "classification", self.times)

    @classmethod
    def load(cls, file: Path) -> Self:
        with np.load(file) as found:
            arrays = {name: found[name] for name in _ARRAYS}
            return cls(**arrays, **json.loads(str(found["told"])))

    def store(self, file: Path) -> None:
        """The file is there whole, or not at all."""
        told = {name: getattr(self, name) for name in _TOLD}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part.npz")
        np.savez_compressed(unfinished, told=json.dumps(told), **arrays)
        unfinished.replace(file)


def make_trial(table: Table, size: int, seed: int, exchanged: float) -> Trial | None:
    """None if the table has too few rows, Sluice refuses the sample, or the sample lacks a class.

    Args:
        table: that the rows are of.
        size: rows to take.
        seed: of all that is drawn.
        exchanged: share of the labels that are exchanged.
    """
    with table.path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    if len(rows) < size + _MIN_OTHERS:
        return None
    rng = np.random.default_rng([seed, size, round(100 * exchanged)])
    drawn = rng.permutation(len(rows))[: size + _MAX_OTHERS]
    target, chosen = header.index(table.target), [list(rows[place]) for place in drawn]
    for part in (range(size), range(size, len(chosen))):
        moved = np.flatnonzero(rng.random(len(part)) < exchanged) + part.start
        labels = [chosen[place][target] for place in rng.permutation(moved)]
        for place, label in zip(moved, labels, strict=True):
            chosen[place][target] = label
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as name:
        folder = Path(name)
        _write(folder / "sample.csv", header, chosen[:size])
        _write(folder / "others.csv", header, chosen[size:])
        sample = Table(table.name, folder / "sample.csv", table.target, table.drop)
        try:
            return _trial(sample, folder, size, seed, exchanged)
        except TableRefusedError:
            return None


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _trial(sample: Table, folder: Path, size: int, seed: int, exchanged: float) -> Trial | None:
    split = split_table(sample, seed, folder / "split", folds=True)
    width, classes = len(split.recipe.features), split.recipe.target.classes
    booster, shares = default_model(split), class_shares(split)
    labels, features = read_held_out(split.part("test"), width)
    if not shares.all() or np.unique(labels).size < 2:
        return None
    others = read_raw_rows(folder / "others.csv", [sample.target])[sample.target].str.strip()
    known = others.isin(classes).to_numpy()
    truth = others[known].map({label: number for number, label in enumerate(classes)}).to_numpy().astype(np.int64)
    made = features_of(folder / "others.csv", split.recipe).features[known]
    losses = row_log_losses(truth, np.asarray(booster.inplace_predict(made), np.float64))
    folded = _out_of_fold(split, booster)
    none = np.empty(0)
    return Trial(
        table=sample.name,
        size=size,
        seed=seed,
        exchanged=exchanged,
        labels=labels.astype(np.int64),
        scores=np.asarray(booster.inplace_predict(features), np.float64),
        shares=shares,
        true_share=float(losses.mean() / -np.log(shares[truth]).mean()),
        losses=none if folded is None else folded.losses,
        baseline=none if folded is None else folded.baseline,
        units=none.astype(np.int64) if folded is None else folded.units,
        times=0 if folded is None else folded.losses.size // size,
        folds=0 if folded is None else folded.folds,
    )


def _out_of_fold(split: Split, booster: xgboost.Booster) -> OutOfFold | None:
    """As a run's evaluation makes it."""
    path = split.folder / layout.FOLDS
    if not path.exists():
        return None
    sent, refits = hyperparameters("default", split), is_refitted("default", split)
    return out_of_fold(XGBoostModel(booster), read_folds(path), sent, "classification", refits=refits)


def kept_trial(table: Table, size: int, seed: int, exchanged: float, cache: Path) -> Path | None:
    """The file of a trial, which is there if the same was made before; None if there is no such trial."""
    found = hashlib.sha256(table.path.read_bytes())
    # Lack of rows of a class in a sample and refusals are found again each time, which takes little.
    sent = sorted(DEFAULTS.items())
    cut = folds.FOLDS, folds.OFTEN, folds.MAX_ROWS, folds.MAX_CELLS, folds.MAX_ROWS_OFTEN
    found.update(json.dumps([sent, xgboost.__version__, cut]).encode())
    kept = cache / f"{table.name}-{size}-{round(100 * exchanged)}-{seed}-{found.hexdigest()[:16]}.npz"
    if not kept.exists():
        trial = make_trial(table, size, seed, exchanged)
        if trial is None:
            return None
        trial.store(kept)
    return kept


def main(cache: Path, name: str, seeds: int) -> None:
    table = next(table for table in tables(cache / "tables") if table.name == name)
    made = [
        kept_trial(table, size, seed, exchanged, cache)
        for size in SIZES
        for exchanged in EXCHANGED
        # Useless models are rarely let through, so they are tried more often. Those of many rows take their time.
        for seed in range(seeds if exchanged == 1 and size < SIZES[-1] else math.ceil(seeds / 3))
    ]
    print(json.dumps([str(file) for file in made if file is not None]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
