"""What is counted of predictions, in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Written here, since Powertools breaks its line where a metric has the most values that one may have.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Final

from sluice.settings import NAMESPACE

MAX_VALUES: Final = 100
"""CloudWatch takes no more values of one metric in one line."""
_SHARES: Final = frozenset({"OutsideTrainingRange", "PredictRefused"})
"""Zeros and ones, whose average is what is looked at."""


def emit_predictions(dataset: str, outside: Sequence[Sequence[str]], retries: int, *, without_key: int = 0) -> None:
    """Writes the metrics of one request.

    Args:
        outside: of each record, the columns that lie outside of what training has seen.
        retries: answers of the endpoint that did not count.
        without_key: records that lack the key, if the dataset has one.
    """
    values: dict[str, int | list[int]] = {
        "Predictions": len(outside),
        "PredictRefused": 0,
        "OutsideTrainingRange": [int(bool(columns)) for columns in evenly(outside, MAX_VALUES)],
        "PredictRetries": retries,
    }
    if without_key:
        values["PredictionsWithoutKey"] = without_key
    _emit(dataset, values)


def emit_not_logged(dataset: str, records: int) -> None:
    """Counts records that were to be kept, and could not be."""
    _emit(dataset, {"PredictionsNotLogged": records})


def emit_refused(dataset: str) -> None:
    """Counts a request that was refused. One that was answered counts as 0, so that the average is the share.

    Args:
        dataset: one that has a live model: a name that somebody made up would be a metric for as long as CloudWatch
            keeps it.
    """
    _emit(dataset, {"PredictRefused": 1})


def _emit(dataset: str, values: Mapping[str, int | list[int]]) -> None:
    about = {
        "Namespace": NAMESPACE,
        "Dimensions": [["dataset"]],
        "Metrics": [{"Name": name, "Unit": "None" if name in _SHARES else "Count"} for name in values],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [about]},
        "dataset": dataset,
        **values,
    }
    print(json.dumps(line))


def evenly[Item](items: Sequence[Item], max_items: int) -> list[Item]:
    """All of them, or as many as allowed, evenly spaced."""
    if len(items) <= max_items:
        return list(items)
    return [items[number * len(items) // max_items] for number in range(max_items)]
