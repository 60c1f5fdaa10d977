"""Trains a small model with the settings of a training job, where no job is worth its start of some minutes."""

from __future__ import annotations

from collections.abc import Mapping

import xgboost

from scoring.metrics import Floats, Ints
from scoring.model import Matrix


def fit(
    train: tuple[Matrix, Ints | Floats],
    validation: tuple[Matrix, Ints | Floats],
    hyperparameters: Mapping[str, str],
    max_rounds: int,
) -> xgboost.Booster:
    """A model of the best round on the validation rows, as the container saves it.

    Args:
        train: features (n, f) and class numbers, or the numbers to predict (n,).
        validation: rows that early stopping watches, of the same form.
        hyperparameters: as a training job is given them.
        max_rounds: of boosting, if the hyperparameters ask for more.
    """
    parameters = dict(hyperparameters)
    rounds = int(parameters.pop("num_round"))
    stopping = int(parameters.pop("early_stopping_rounds"))
    # One thread: the scores are then the same in every repetition, and threads beyond the free cores are slow.
    data, watched = (xgboost.DMatrix(features, labels, nthread=1) for features, labels in (train, validation))
    return xgboost.train(
        {**parameters, "nthread": 1, "verbosity": 0},
        data,
        min(rounds, max_rounds),
        evals=[(watched, "validation")],
        callbacks=[xgboost.callback.EarlyStopping(rounds=stopping, save_best=True)],
        verbose_eval=False,
    )


def fit_again(rows: tuple[Matrix, Ints | Floats], hyperparameters: Mapping[str, str]) -> xgboost.Booster:
    """A model of the rounds that the hyperparameters say.

    Args:
        rows: features (n, f) and class numbers, or the numbers to predict (n,).
        hyperparameters: as the second training job is given them.
    """
    parameters = dict(hyperparameters)
    rounds = int(parameters.pop("num_round"))
    data = xgboost.DMatrix(*rows, nthread=1)
    return xgboost.train({**parameters, "nthread": 1, "verbosity": 0}, data, rounds, verbose_eval=False)
