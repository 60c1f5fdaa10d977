"""What moved single predictions: the largest contributions of the user's columns, in log odds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xgboost

from scoring.xgboost.training_report import column_contributions
from sluice.dataset.recipe import Recipe


def contributions(
    booster: xgboost.Booster,
    recipe: Recipe,
    features: Sequence[Sequence[float]],
    predicted: Sequence[int],
    records: Sequence[Mapping[str, Any]],
    max_columns: int,
) -> list[dict[str, Any]]:
    """The contributions to each prediction, the largest first.

    Args:
        booster: the model.
        recipe: of the model.
        features: (n, features of the recipe), NaN if missing.
        predicted: number of the class of each row; of many classes, contributions are to that one's margin.
        records: the values of the columns, to be named.
        max_columns: columns a row.

    Returns:
        By row ``base``, the log odds of a row of which nothing is known, and ``contributions``: of two classes towards
        the positive one.
    """
    rows = np.array(features, np.float32)
    shap, bias = column_contributions(booster, recipe, rows)
    group = np.zeros(len(rows), np.int64) if shap.shape[1] == 1 else np.asarray(predicted, np.int64)
    names = [column.name for column in recipe.columns if column.width]
    explained = []
    for row, record in enumerate(records):
        values = shap[row, group[row]]
        largest = np.argsort(-np.abs(values), kind="stable")[:max_columns]
        explained.append(
            {
                "base": float(bias[row, group[row]]),
                "contributions": [
                    {"column": names[i], "value": record.get(names[i]), "contribution": float(values[i])}
                    for i in largest
                ],
            }
        )
    return explained
