"""Models of one split of a table: Sluice's own, as its container trains it, and those of other packages.

``python -m benchmarks.model_jobs.contestants CACHE TABLE SEEDS`` measures all of them on a table and prints a line of
JSON: why the table was ``refused``; or the ``priors``, which are by seed the losses of always predicting the class
shares or the mean, and the ``files`` of the results by model and seed.

All of them have the same rows in training, validation and test. Sluice's have its features. The others have the
person's own columns in numbers: each text is one category (see :func:`own_columns`).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from benchmarks.measure import ROOT, JobError
from benchmarks.model_jobs import peers
from benchmarks.model_jobs.results import PEERS, PEERS_PYTHON, SLUICE, Name, Result
from benchmarks.model_jobs.tables import Table, all_tables
from benchmarks.training_run import train_as_jobs
from scoring.evaluation import Scored
from scoring.held_out import read_held_out, read_held_out_numbers
from scoring.metrics import CALIBRATION_BINS, calibration_bins, calibration_error, row_log_losses
from sluice import layout
from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import FrequencyRankColumn, OneHotColumn, Recipe
from sluice.training.hyperparameters import objective_of
from tabular import validate_table

_PEERS_LOCK: Final = ROOT / "requirements-models.txt"
_XGBOOST_ROUNDS: Final = 100
"""What XGBoost's own classifier does by default; the container has no default."""

_MISSING, _UNSEEN = -1, 0


@dataclass(frozen=True)
class Split:
    """One split of a table, by Sluice's validation. ``folder`` has what validation wrote; it is gone afterwards."""

    table: Table
    seed: int
    folder: Path
    recipe: Recipe
    train_rows: int
    prior: float
    """Log loss of always predicting the class shares of the training part, on the test part; RMSE of its mean."""

    @property
    def classes(self) -> int:
        """0 if the target is a number."""
        return len(self.recipe.target.classes)

    def part(self, part: layout.Part) -> Path:
        return self.folder / layout.part_file(part)


class TableRefusedError(Exception):
    """Sluice makes no model of the table; the argument says why."""


def split_table(table: Table, seed: int, folder: Path, *, folds: bool = False) -> Split:
    """Validates and splits a table.

    Args:
        table: that the rows are of.
        seed: of the split.
        folder: where to write.
        folds: whether a small table is cut into folds, too.

    Raises:
        TableRefusedError: it is refused.
    """
    config = DatasetConfig.model_validate(
        {"target": table.target, "task": table.task, "drop": table.drop, "split": {"seed": seed}}
    )
    report = validate_table(
        table.path, name=table.path.name, config=config, default_target=None, out=folder, folds=folds
    )
    if report.verdict != "accepted":
        raise TableRefusedError(" ".join(report.reasons))
    recipe = Recipe.model_validate_json((folder / layout.RECIPE).read_text(encoding="utf-8"))
    prior = report.prior_log_loss
    if prior is None:
        train, test = (
            read_held_out_numbers(folder / layout.part_file(part), len(recipe.features))[0]
            for part in ("train", "test")
        )
        prior = float(np.sqrt(np.mean((test - train.mean()) ** 2)))
    return Split(table, seed, folder, recipe, report.rows.train or 0, prior)


def measure(name: Name, split: Split, cache: Path) -> Path:
    """The file with how a model did, which is there if the same was measured before on the same data.

    Raises:
        JobError: a package did not come to a model.
    """
    kept = cache / f"{split.table.name}-{split.seed}-{name}-{_digest(name, split)}.npz"
    if not kept.exists():
        result = _peer(name, split) if name in PEERS else _container(name, split)
        result.store(kept)
    return kept


def hyperparameters(name: Name, split: Split) -> dict[str, str]:
    """What a training job of the container gets."""
    if name == "xgboost":
        several = objective_of(split.classes)
        sent = {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "num_round": _XGBOOST_ROUNDS,
            "early_stopping_rounds": peers.PATIENCE,
            **several,
        }
        return {key: str(value) for key, value in sent.items()}
    return _config(name).resolved_hyperparameters(split.classes, split.train_rows)


def is_refitted(name: Name, split: Split) -> bool:
    """Whether a second job trains on training and validation rows."""
    return name != "xgboost" and _config(name).is_refitted(split.classes, split.train_rows)


def _config(name: Name) -> DatasetConfig:
    training = {"tutorial": {"preset": "tutorial"}, "one_job": {"refit": False}}.get(name, {})
    return DatasetConfig.model_validate({"training": training})


def _digest(name: Name, split: Split) -> str:
    """Of all that a result depends on."""
    found = hashlib.sha256()
    for part in layout.PARTS:
        found.update(split.part(part).read_bytes())
    if name in PEERS:
        found.update(split.recipe.model_dump_json(include={"columns"}).encode())
        found.update(_PEERS_LOCK.read_bytes() + Path(peers.__file__).read_bytes())
    else:
        found.update(json.dumps([hyperparameters(name, split), is_refitted(name, split), xgboost.__version__]).encode())
    return found.hexdigest()[:16]


def _container(name: Name, split: Split) -> Result:
    start = time.process_time()
    booster = _trained(name, split)
    seconds = time.process_time() - start
    labels, scores = _scores(booster, split)
    size = len(booster.save_raw("ubj"))
    made = result_of_numbers if split.table.task == "regression" else result_of
    return made(labels, scores, seconds=seconds, rounds=booster.num_boosted_rounds(), size=size)


def scored_by_default(split: Split) -> Scored:
    """The test rows as the default model scores them."""
    return Scored(*_scores(default_model(split), split))


def class_shares(split: Split) -> NDArray[np.float64]:
    """(k,), of the classes in the training part."""
    labels, _ = read_held_out(split.part("train"), len(split.recipe.features))
    shares: NDArray[np.float64] = np.bincount(labels.astype(np.int64), minlength=split.classes) / labels.size
    return shares


def default_model(split: Split) -> Any:
    """The booster that a run deploys by default."""
    return _trained("default", split)


def _trained(name: Name, split: Split) -> Any:
    """As the training jobs do it."""
    sent = {**hyperparameters(name, split), "nthread": str(peers.THREADS)}
    return train_as_jobs(sent, split.part, refits=is_refitted(name, split))


def _scores(booster: Any, split: Split) -> tuple[Any, Any]:
    """As the evaluation does it: the labels of the test rows, and their scores."""
    labels, features = _read(split, "test")
    return labels, np.asarray(booster.inplace_predict(features), np.float64)


def _read(split: Split, part: layout.Part) -> tuple[NDArray[Any], NDArray[np.float32]]:
    read = read_held_out_numbers if split.table.task == "regression" else read_held_out
    return read(split.part(part), len(split.recipe.features))


def _peer(name: Name, split: Split) -> Result:
    categories, rows = own_columns(split)
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
        rows["categories"] = np.array(categories, np.int64)
        rows["classes"] = np.array(split.classes)
        np.savez(Path(folder) / "rows.npz", allow_pickle=False, **rows)
        ended = subprocess.run(  # noqa: S603 - the environment of the other packages, and a module of this repository
            [str(PEERS_PYTHON), peers.__file__, name, folder], stdout=subprocess.PIPE, text=True, check=False
        )
        if ended.returncode != 0:
            raise JobError(f"{name} ended with code {ended.returncode} on {split.table.name}")
        scores = np.load(Path(folder) / "scores.npy")
    told = json.loads(ended.stdout.splitlines()[-1])
    if not split.classes:
        return result_of_numbers(rows["test_labels"], scores, **told)
    return result_of(rows["test_labels"], scores[:, 1] if split.classes == 2 else scores, **told)


def result_of(labels: Any, scores: Any, *, seconds: float, rounds: int, size: int) -> Result:
    confidence, hits = Scored(labels, scores).confidence
    bins = calibration_bins(confidence)
    counted = [np.bincount(bins, weights=of, minlength=CALIBRATION_BINS) for of in (None, confidence, hits)]
    error = float(calibration_error(*counted))
    return Result(row_log_losses(labels, scores), error, seconds=seconds, rounds=rounds, size=size)


def result_of_numbers(labels: Any, predicted: Any, *, seconds: float, rounds: int, size: int) -> Result:
    return Result((labels - predicted) ** 2, 0.0, seconds=seconds, rounds=rounds, size=size, squared=True)


def own_columns(split: Split) -> tuple[list[int], dict[str, NDArray[Any]]]:
    """The person's columns as other packages take them: numbers, parts of dates, and texts as categories by number.

    A category is what Sluice tells apart: the levels that the recipe lists, one number for all others.

    Returns:
        the positions of the categories; by part, ``<part>_features`` (n, k), NaN if missing, and ``<part>_labels``.
    """
    rows: dict[str, NDArray[Any]] = {}
    categories: list[int] = []
    for part in layout.PARTS:
        labels, features = _read(split, part)
        made = list(_own(split.recipe, features.astype(np.float64)))
        categories = [i for i, (is_category, _) in enumerate(made) if is_category]
        rows[f"{part}_features"] = np.column_stack([values for _, values in made])
        rows[f"{part}_labels"] = labels
    return categories, rows


def _own(recipe: Recipe, features: NDArray[np.float64]) -> Iterator[tuple[bool, NDArray[np.float64]]]:
    start = 0
    for column in recipe.columns:
        values = features[:, start : start + column.width]
        start += column.width
        match column:
            case OneHotColumn() if column.levels:
                known = np.where(values.any(axis=1), values.argmax(axis=1) + 1.0, _UNSEEN)
                yield True, np.where(np.isnan(values[:, 0]), _MISSING, known)
            case FrequencyRankColumn():
                rank = values[:, 0]
                yield True, np.where(np.isnan(rank), _MISSING, np.where(rank == column.unseen, _UNSEEN, rank))
            case _:
                yield from ((False, values[:, i]) for i in range(column.width))


def measure_table(table: Table, seeds: int, cache: Path) -> dict[str, Any]:
    """What is printed of a table."""
    names = (*SLUICE, *PEERS) if PEERS_PYTHON.exists() else SLUICE
    priors: list[float] = []
    files: dict[Name, list[str]] = {name: [] for name in names}
    try:
        for seed in range(seeds):
            with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
                split = split_table(table, seed, Path(folder))
                priors.append(split.prior)
                for name in names:
                    print(f"{table.name}, seed {seed}: {name} ...", file=sys.stderr, flush=True)
                    files[name].append(str(measure(name, split, cache)))
    except TableRefusedError as refused:
        return {"refused": str(refused)}
    return {"priors": priors, "files": files}


def main(cache: Path, name: str, seeds: int) -> None:
    table = next(table for table in all_tables(cache / "tables") if table.name == name)
    print(json.dumps(measure_table(table, seeds, cache)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
