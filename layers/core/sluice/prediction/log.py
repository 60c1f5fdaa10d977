"""Predictions as they are kept for later: one JSON object a record, in files by day. Pure.

``docs/predict.md`` describes the fields and has the table that Athena reads them by. A release may add a field; readers
ignore what they do not know.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

_ANSWERED: Final = ("probability", "probabilities", "prediction", "interval", "label")
_FASTEST: Final = 1
"""Of gzip's levels: a caller waits for it, and a level more saves a tenth."""


class LogError(ValueError):
    """A line that is none of the log's. The message names the line, and no value of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One prediction that was kept, whoever asked for it.

    Attributes:
        id: None if the release that kept it gave none, or if the endpoint was asked directly.
        at: when it was made; UTC.
        model_version: the run of the model.
        key: the caller's own; None if the dataset has no ``key``, or the record had none.
        record: cells by column, as they were sent, without the key.
        probability: of the positive class of two.
        probabilities: by class, of three or more.
        prediction: of a target of numbers.
        interval: round ``prediction``; its low and its high end.
        label: None of numbers.
        outside: columns whose value training has not seen.
    """

    id: str | None = None
    at: datetime
    request_id: str
    model_version: str
    key: str | None = None
    record: Mapping[str, Any]
    probability: float | None = None
    probabilities: Mapping[str, float] | None = None
    prediction: float | None = None
    interval: tuple[float, float] | None = None
    label: str | None = None
    outside: tuple[str, ...] = field(default=())


def log_lines(
    records: Sequence[Mapping[str, Any]],
    made: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    request_id: str,
    model_version: str,
    key: str | None = None,
) -> bytes:
    """The file of one request, in gzip.

    Args:
        records: as they were asked for.
        made: the prediction of each.
        at: UTC.
        key: the column that holds the caller's keys, which stand beside the record.
    """
    about = {
        "at": _at(at),
        "request_id": request_id,
        "model_version": model_version,
    }
    lines = (
        {
            "id": prediction["id"],
            **about,
            **({"key": prediction["key"]} if "key" in prediction else {}),
            "record": {name: cell for name, cell in record.items() if name != key},
            **{key: prediction[key] for key in _ANSWERED if key in prediction},
            "outside": prediction.get("outside", []),
        }
        for record, prediction in zip(records, made, strict=True)
    )
    # Escaped, so that a half of a surrogate pair, which JSON may hold, can be written.
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    return gzip.compress(text.encode(), _FASTEST, mtime=0)


def line_of(prediction: Prediction) -> str:
    """A prediction as the log has it, with a line end."""
    given = {
        name: value
        for name in ("id", "request_id", "model_version", "key", "record", *_ANSWERED)
        if (value := getattr(prediction, name)) is not None
    }
    line = {**given, "at": _at(prediction.at), "outside": prediction.outside}
    return json.dumps(line, separators=(",", ":")) + "\n"


def _at(moment: datetime) -> str:
    """As Athena reads a timestamp."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def read_predictions(lines: Iterable[str | bytes]) -> Iterator[Prediction]:
    """The predictions of a file of the log, of this release or an earlier one, in their order.

    Args:
        lines: of one file, unpacked. Blank ones are skipped.

    Raises:
        LogError: a line is none of the log's.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _read(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Without the cause, whose message may hold a value.
            raise LogError(f"line {number} is no prediction: {type(error).__name__}") from None


def _read(line: Mapping[str, Any]) -> Prediction:
    interval = line.get("interval")
    return Prediction(
        id=line.get("id"),
        at=datetime.fromisoformat(line["at"]).replace(tzinfo=UTC),
        request_id=line["request_id"],
        model_version=line["model_version"],
        key=line.get("key"),
        record=line["record"],
        probability=line.get("probability"),
        probabilities=line.get("probabilities"),
        prediction=line.get("prediction"),
        interval=None if interval is None else (interval[0], interval[1]),
        label=line.get("label"),
        outside=tuple(line.get("outside") or ()),
    )
