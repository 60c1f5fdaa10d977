"""Hyperparameters of SageMaker's built-in XGBoost.

``TUNABLE`` is what a dataset may override: the names that the container accepts for one CPU instance (source: the
hyperparameter table of aws/sagemaker-xgboost-container, ``algorithm_mode/hyperparameter_validation.py``, 3.x), less
those that would change what the pipeline itself promises (objective, number of classes, storage format).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

type Hyperparameters = dict[str, str | int | float]

type Preset = Literal["tutorial"]

DEFAULTS: Final[Hyperparameters] = {
    "objective": "binary:logistic",
    # early_stopping_rounds is ignored silently without an explicit eval_metric, so both are always sent.
    "eval_metric": "logloss",
    "num_round": 2000,
    "early_stopping_rounds": 50,
    "max_depth": 4,
    "eta": 0.05,
    "gamma": 0,
    "min_child_weight": 1,
    "subsample": 0.8,
    "colsample_bylevel": 0.5,
    "lambda": 2,
    "seed": 0,
}
"""For tables of up to ``MAX_SMALL_ROWS`` training rows. docs/decisions.md has the measurements."""

MAX_SMALL_ROWS: Final = 100_000
"""Training rows up to which a round takes so little time that many small steps are affordable, and a refit."""

_LARGE: Final[Hyperparameters] = {"num_round": 700, "early_stopping_rounds": 20, "eta": 0.15}
"""Beyond: a third of the rounds, with steps of three times the size."""

PRESETS: Final[dict[Preset, Hyperparameters]] = {
    "tutorial": {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "num_round": 500,
        "early_stopping_rounds": 20,
        "max_depth": 5,
        "eta": 0.2,
        "gamma": 4,
        "min_child_weight": 6,
        "subsample": 0.7,
        "seed": 0,
    }
}
"""``tutorial``: those of AWS's walk-through "Get started with Amazon SageMaker", with early stopping."""

TUNABLE: Final[frozenset[str]] = frozenset(
    {
        "num_round",
        "early_stopping_rounds",
        "max_depth",
        "eta",
        "gamma",
        "min_child_weight",
        "max_delta_step",
        "subsample",
        "colsample_bytree",
        "colsample_bylevel",
        "colsample_bynode",
        "lambda",
        "alpha",
        "tree_method",
        "grow_policy",
        "max_leaves",
        "max_bin",
        "scale_pos_weight",
        "base_score",
        "seed",
    }
)


def defaults(rows: int, preset: Preset | None = None) -> Hyperparameters:
    """What is sent if a dataset sets nothing, for two classes; the objective of others is :func:`objective_of`.

    Args:
        rows: of the training part.
        preset: the set that the dataset names, if any; it does not depend on the rows.
    """
    if preset is not None:
        return PRESETS[preset]
    return {**DEFAULTS, **_LARGE} if rows > MAX_SMALL_ROWS else DEFAULTS


def objective_of(classes: int) -> Hyperparameters:
    """What differs for a target that has not two classes. ``classes``: how many there are; 0: it is a number.

    Of a number XGBoost finds ``base_score`` by itself: it is the mean of the training part.
    """
    if not classes:
        return {"objective": "reg:squarederror", "eval_metric": "rmse"}
    if classes > 2:
        return {"objective": "multi:softprob", "num_class": classes, "eval_metric": "mlogloss"}
    return {}


def refit_hyperparameters(first: Mapping[str, str], rounds: int) -> dict[str, str]:
    """Those of the second job, by those of the first one and the rounds of its model."""
    kept = {name: value for name, value in first.items() if name != "early_stopping_rounds"}
    return {**kept, "num_round": str(rounds)}
