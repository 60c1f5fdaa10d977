"""Hyperparameters of SageMaker's built-in XGBoost.

``TUNABLE`` is what a dataset may override: the names that the container accepts for one CPU instance (source: the
hyperparameter table of aws/sagemaker-xgboost-container, ``algorithm_mode/hyperparameter_validation.py``, 3.x), less
those that would change what the pipeline itself promises (objective, number of classes, storage format).
"""

from __future__ import annotations

from typing import Final

DEFAULTS: Final[dict[str, str | int | float]] = {
    "objective": "binary:logistic",
    # early_stopping_rounds is ignored silently without an explicit eval_metric, so both are always sent.
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


def multi_class(classes: int) -> dict[str, str | int | float]:
    """What differs for a target of three classes or more."""
    return {"objective": "multi:softprob", "num_class": classes, "eval_metric": "mlogloss"}
