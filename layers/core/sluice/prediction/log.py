"""Predictions as they are kept for later: one JSON object a record, in files by day. Pure.

``docs/predict.md`` has the table that Athena reads them by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


def log_lines(
    records: Sequence[Mapping[str, Any]],
    made: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    request_id: str,
    model_version: str,
) -> str:
    """The file of one request.

    Args:
        records: as they were asked for.
        made: the prediction of each.
        at: UTC.
    """
    about = {
        "at": at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}",  # as Athena reads a timestamp
        "request_id": request_id,
        "model_version": model_version,
    }
    lines = (
        {
            **about,
            "record": record,
            **{key: prediction[key] for key in ("probability", "probabilities") if key in prediction},
            "label": prediction["label"],
            "outside": prediction.get("outside", []),
        }
        for record, prediction in zip(records, made, strict=True)
    )
    # Escaped, so that a half of a surrogate pair, which JSON may hold, can be written.
    return "".join(json.dumps(line) + "\n" for line in lines)
