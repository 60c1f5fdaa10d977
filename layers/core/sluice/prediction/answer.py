"""What a prediction says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sluice.prediction.seal import Score
from sluice.prediction.version import Answered, Version

MAX_ANSWER_BYTES = 5_800_000
"""Of Lambda's 6 MB; what is longer reaches nobody."""


def predictions(answered: Answered, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Of each record: id, the caller's key if it has one, probability and label, or number and interval, and the
    columns that lie outside of what training has seen."""
    version, rows = answered.version, answered.rows
    made = []
    for own_id, key, score, outside in zip(ids, rows.keys, answered.scores, rows.outside, strict=True):
        known = {"id": own_id} if key is None else {"id": own_id, "key": key}
        prediction = {**known, **prediction_of(version, score)}
        if outside:
            prediction["outside"] = list(outside)
        made.append(prediction)
    return made


def prediction_of(version: Version, score: Score) -> dict[str, Any]:
    """What the scores of one record say: probability and label, or number and interval."""
    if version.recipe.target.task == "regression":
        return _number(version, score)
    return _of_two(version, score) if len(version.classes) == 2 else _of_many(version, score)


def _number(version: Version, score: Score) -> dict[str, Any]:
    (number,) = score
    if version.interval is None:
        return {"prediction": number}
    half_width, coverage = version.interval.half_width, version.interval.coverage
    return {"prediction": number, "interval": [number - half_width, number + half_width], "coverage": coverage}


def _of_two(version: Version, score: Score) -> dict[str, Any]:
    (probability,) = score
    return {"probability": probability, "label": version.classes[predicted_class(version, score)]}


def _of_many(version: Version, score: Score) -> dict[str, Any]:
    return {
        "probabilities": dict(zip(version.classes, score, strict=True)),
        "label": version.classes[predicted_class(version, score)],
    }


def predicted_class(version: Version, score: Score) -> int:
    """The number of the class that a row's scores are labelled with; 0 of numbers."""
    if len(version.classes) == 2:
        return int(score[0] >= (0.5 if version.cutoff is None else version.cutoff))
    return max(range(len(score)), key=score.__getitem__)


def answer(dataset: str, version: Version, made: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The body of an answer."""
    of_two = len(version.classes) == 2
    head = {"dataset": dataset, "model_version": version.run_id, "predictions": made}
    if version.recipe.target.task == "regression":
        return {**head, "task": "regression", "target": version.recipe.target.name}
    return {
        **head,
        "classes": version.classes,
        "positive": version.classes[-1] if of_two else None,
        "cutoff": version.cutoff,
    }
