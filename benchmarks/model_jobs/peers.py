"""Trains one of the other packages, in their environment: ``python peers.py PACKAGE FOLDER``.

It imports nothing of this repository. The folder holds ``rows.npz``: for each part the features (n, k), float64, NaN if
missing, and the labels (n,), class numbers from 0 or numbers; ``categories`` are the positions of the features that are
categories by number; ``classes`` is 0 if the target is a number. Writes ``scores.npy``, (n, classes) or (n,) of the
test part, and prints as JSON the CPU seconds of training, and the rounds and bytes of the model.

Each model has its package's own defaults. It stops by the validation part, as Sluice's model does.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

PATIENCE: Final = 50
"""Rounds without a better validation log loss after which each stops."""
THREADS: Final = 1
"""Of each model: on a machine that does other things, two would wait for each other."""

type Arrays = Mapping[str, Any]
type Fitted = tuple[Any, int]
"""The model, and the rounds that it has."""


def lightgbm(rows: Arrays) -> Fitted:
    import lightgbm as package  # noqa: PLC0415 - each loads what it needs

    made = package.LGBMClassifier if rows["classes"] else package.LGBMRegressor
    model = made(n_jobs=THREADS, random_state=0, verbose=-1)
    model.fit(
        rows["train_features"],
        rows["train_labels"],
        eval_X=rows["validation_features"],
        eval_y=rows["validation_labels"],
        categorical_feature=rows["categories"].tolist(),
        callbacks=[package.early_stopping(PATIENCE, verbose=False)],
    )
    return model, int(model.best_iteration_ or model.n_estimators)


def catboost(rows: Arrays) -> Fitted:
    import catboost as package  # noqa: PLC0415

    categories = rows["categories"].tolist()
    pools = [
        package.Pool(_mixed(rows[f"{part}_features"], categories), rows[f"{part}_labels"], cat_features=categories)
        for part in ("train", "validation")
    ]
    made = package.CatBoostClassifier if rows["classes"] else package.CatBoostRegressor
    model = made(
        thread_count=THREADS, random_seed=0, verbose=False, allow_writing_files=False, early_stopping_rounds=PATIENCE
    )
    model.fit(pools[0], eval_set=pools[1])
    return model, int(model.tree_count_)


def _mixed(features: Any, categories: list[int]) -> Any:
    """CatBoost takes categories as whole numbers or texts only."""
    if not categories:
        return features
    mixed = features.astype(object)
    mixed[:, categories] = features[:, categories].astype(int)
    return mixed


FITS: Final[Mapping[str, Callable[[Arrays], Fitted]]] = {"lightgbm": lightgbm, "catboost": catboost}


def main(package: str, folder: Path) -> None:
    rows = dict(np.load(folder / "rows.npz"))
    start = time.process_time()
    model, rounds = FITS[package](rows)
    seconds = time.process_time() - start
    test = rows["test_features"]
    if package == "catboost":
        test = _mixed(test, rows["categories"].tolist())
    np.save(folder / "scores.npy", model.predict_proba(test) if rows["classes"] else model.predict(test))
    print(json.dumps({"seconds": seconds, "rounds": rounds, "size": len(pickle.dumps(model))}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
