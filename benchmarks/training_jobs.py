"""``python -m benchmarks.training_jobs make FOLDER ROWS FEATURES`` makes a table's parts as validation writes them;
``... train FOLDER SET`` trains on them with a set of hyperparameters and prints what that cost as a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.make_scores import labelled_rows
from benchmarks.training_run import train_as_jobs
from scoring.held_out import read_held_out
from scoring.metrics import row_log_losses
from sluice import layout
from sluice.dataset.config import DatasetConfig

_SHARES: Final[Mapping[layout.Part, float]] = {"train": 1.0, "validation": 0.2, "test": 0.2}
"""Of the rows of the training part, which is 70 % of a table."""
_RECORDS: Final = 500
_SEED: Final = 1


def make(folder: Path, rows: int, features: int) -> None:
    random = np.random.default_rng(_SEED)
    weights = random.normal(size=features) / np.sqrt(features)
    for part, share in _SHARES.items():
        file = folder / layout.part_file(part)
        file.parent.mkdir(parents=True, exist_ok=True)
        table = labelled_rows(random, weights, round(share * rows))
        pl.DataFrame(table).fill_nan(None).with_columns(pl.col("column_0").cast(pl.Int8)).write_csv(
            file, include_header=False
        )


def train(folder: Path, name: str) -> dict[str, Any]:
    config = DatasetConfig.model_validate({} if name == "default" else {"training": {"preset": name}})
    with (folder / layout.part_file("train")).open("rb") as lines:
        features = next(lines).count(b",")
        rows = 1 + sum(1 for _ in lines)
    sent = {**config.resolved_hyperparameters(2, rows), "nthread": str(os.cpu_count() or 1)}
    refits = config.is_refitted(2, rows)
    start = time.process_time()
    booster = train_as_jobs(sent, lambda part: folder / layout.part_file(part), refits=refits)
    seconds = time.process_time() - start
    labels, test = read_held_out(folder / layout.part_file("test"), features)
    asked = []
    for record in test[:_RECORDS]:
        started = time.perf_counter()
        booster.inplace_predict(record.reshape(1, -1))
        asked.append(time.perf_counter() - started)
    start = time.process_time()
    scores = booster.inplace_predict(test)
    scored = time.process_time() - start
    return {
        "seconds": seconds,
        "rounds": booster.num_boosted_rounds(),
        "size": len(booster.save_raw("ubj")),
        "record_microseconds": 1e6 * median(asked),
        "rows_seconds": scored,
        "log_loss": float(row_log_losses(labels, np.asarray(scores, np.float64)).mean()),
    }


if __name__ == "__main__":
    job, place, *rest = sys.argv[1:]
    if job == "make":
        make(Path(place), *map(int, rest))
    else:
        print(json.dumps(train(Path(place), *rest)))
