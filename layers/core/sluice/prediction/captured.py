"""Reads what SageMaker captured of an endpoint on instances as predictions, by the columns of the person's table. Pure.

Who calls the endpoint directly sends features, so what stands there is turned back by the recipe, as far as it can be.
The format is that of the SageMaker developer guide's chapter on capturing data from real-time endpoints.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from sluice.dataset.dates import EPOCH
from sluice.dataset.recipe import (
    BooleanColumn,
    Cell,
    Column,
    DateColumn,
    DroppedColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Recipe,
    TextScoreColumn,
)
from sluice.endpoint.golden import parse_scores
from sluice.prediction.answer import prediction_of
from sluice.prediction.log import LogError, Prediction
from sluice.prediction.seal import Score
from sluice.prediction.version import Version

NO_LEVEL_OF_ITS_OWN: Final = "(no level of its own)"
"""In the place of a text that the features do not tell: a level that training did not see, that it saw once, or that is
too rare to be listed, and a text of which only scores are left."""

_TEXTS: Final = (OneHotColumn, FrequencyRankColumn, TextScoreColumn)
_CSV: Final = "text/csv"


class Captured(NamedTuple):
    """What a file of captured data says.

    Attributes:
        predictions: of those who called the endpoint directly, in their order.
        by_function: records in requests of the predict function, whose own log has them.
        unread: requests that are no CSV, whose rows are not as wide as the model's, or that have not a score for each.
    """

    predictions: list[Prediction]
    by_function: int
    unread: int


class Turned(NamedTuple):
    """A row of features, turned back.

    Attributes:
        record: cells by column; None without a value, and :data:`NO_LEVEL_OF_ITS_OWN` if the level cannot be told.
        outside: columns whose value training has not seen.
    """

    record: dict[str, Cell]
    outside: tuple[str, ...]


def read_captured(lines: Iterable[str | bytes], version: Version) -> Captured:
    """The predictions in a file of captured data.

    Args:
        lines: of one file, each a request and its answer. Blank ones are skipped.
        version: of the model that answered.

    Raises:
        LogError: a line is no captured request.
    """
    found = Captured([], 0, 0)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found = _with(found, json.loads(line), version)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                # Without the cause, whose message may hold a value.
                raise LogError(f"line {number} is no captured request: {type(error).__name__}") from None
    return found


def _with(found: Captured, event: Mapping[str, Any], version: Version) -> Captured:
    data, metadata = event["captureData"], event["eventMetadata"]
    at = datetime.fromisoformat(metadata["inferenceTime"]).astimezone(UTC)
    rows, scores = _rows(data.get("endpointInput"), version.recipe), _scores(data.get("endpointOutput"), version)
    if rows is None or scores is None or len(rows) != len(scores):
        return found._replace(unread=found.unread + 1)
    sealed = len(version.seal.lines)
    if _features(version.seal.lines, version.recipe) == rows[:sealed]:
        return found._replace(by_function=found.by_function + len(rows) - sealed)
    for features, score in zip(rows, scores, strict=True):
        record, outside = turn_back(version.recipe, features)
        answered = prediction_of(version, score)
        found.predictions.append(
            Prediction(
                at=at,
                request_id=metadata["eventId"],
                model_version=version.run_id,
                record=record,
                probability=answered.get("probability"),
                probabilities=answered.get("probabilities"),
                prediction=answered.get("prediction"),
                interval=tuple(answered["interval"]) if "interval" in answered else None,
                label=answered.get("label"),
                outside=outside,
            )
        )
    return found


def _text(part: Mapping[str, Any] | None) -> str | None:
    if part is None or part["observedContentType"].partition(";")[0].strip().lower() != _CSV:
        return None
    data: str = part["data"]
    return base64.b64decode(data, validate=True).decode() if part["encoding"] == "BASE64" else data


def _rows(part: Mapping[str, Any] | None, recipe: Recipe) -> list[tuple[float | None, ...]] | None:
    """Features of each row, None if missing; None if these are no rows of the recipe."""
    text = _text(part)
    return None if text is None else _features(text.splitlines(), recipe)


def _features(lines: Sequence[str], recipe: Recipe) -> list[tuple[float | None, ...]] | None:
    try:
        rows = [tuple(_number(cell) for cell in line.split(",")) for line in lines]
    except ValueError:
        return None
    return rows if all(len(row) == len(recipe.features) for row in rows) else None


def _number(cell: str) -> float | None:
    number = float(cell) if cell.strip() else math.nan
    return None if math.isnan(number) else number


def _scores(part: Mapping[str, Any] | None, version: Version) -> list[Score] | None:
    text = _text(part)
    if text is None:
        return None
    try:
        scores = parse_scores(text)
    except ValueError:
        return None
    width = version.seal.width
    return [tuple(scores[at : at + width]) for at in range(0, len(scores), width)] if len(scores) % width == 0 else None


def turn_back(recipe: Recipe, features: Sequence[float | None]) -> Turned:
    """The cells that a row of features was made from, as a record in JSON has them: numbers in the column's own unit,
    true and false, texts, and dates as ISO 8601 writes them, whatever the person's table does.

    Args:
        features: of one row, in the order of ``recipe.features``; None if missing.
    """
    record: dict[str, Cell] = {}
    outside = []
    start = 0
    for column in recipe.columns:
        own = features[start : start + column.width]
        start += column.width
        if isinstance(column, DroppedColumn):
            continue
        if all(number is None for number in own):
            record[column.name] = None
            continue
        try:
            cell = _cell(column, [math.nan if number is None else number for number in own])
        except (ValueError, OverflowError):
            cell = None  # no cell makes such features
        record[column.name] = NO_LEVEL_OF_ITS_OWN if cell is None and isinstance(column, _TEXTS) else cell
        if _is_outside(column, cell):
            outside.append(column.name)
    return Turned(record, tuple(outside))


def _cell(column: Column, features: Sequence[float]) -> Cell:
    """The cell of a column by its features, of which not all are missing; None if it cannot be told.

    Raises:
        ValueError: no cell makes these features.
        OverflowError: likewise.
    """
    first = features[0]
    match column:
        case NumberColumn():
            return int(first) if column.integer and first.is_integer() else first
        case BooleanColumn():
            return _one_of({0.0: False, 1.0: True}, first)
        case OneHotColumn():
            return next((level for level, one in zip(column.levels, features, strict=True) if one > 0), None)
        case FrequencyRankColumn():
            known = first.is_integer() and 1 <= first <= len(column.levels)
            return column.levels[int(first) - 1] if known else None
        case DateColumn():
            return _date(dict(zip(column.parts, features, strict=True)))
    return None


def _one_of(cells: Mapping[float, bool], feature: float) -> bool:
    if feature not in cells:
        raise ValueError("neither true nor false")
    return cells[feature]


def _date(parts: Mapping[str, float]) -> str | None:
    """The day, and the hour if the column has one, as ISO 8601 writes it."""
    if "days" not in parts:
        return None
    day = EPOCH + timedelta(days=int(parts["days"]))
    return f"{day}T{time(int(parts['hour'])):%H:%M}" if "hour" in parts else str(day)


def _is_outside(column: Column, cell: Cell) -> bool:
    """Whether training has not seen the cell; None: it cannot be told which one it is."""
    match column:
        case NumberColumn(minimum=float() as minimum, maximum=float() as maximum):
            return isinstance(cell, int | float) and not minimum <= cell <= maximum
        case DateColumn(minimum=date() as first, maximum=date() as last):
            return isinstance(cell, str) and not first.isoformat() <= cell[:10] <= last.isoformat()
        case OneHotColumn():
            return cell is None and bool(column.levels)
        case FrequencyRankColumn():
            # A level that training saw once has the rank of an unseen one.
            return cell is None and column.all_listed and not column.once
        case _:
            return False
