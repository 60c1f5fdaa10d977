from __future__ import annotations

import json
from datetime import UTC, datetime

from sluice.prediction.log import log_lines


def test_each_record_has_a_line_with_its_answer() -> None:
    text = log_lines(
        [{"age": 39, "note": "a\nb \ud800"}, {"age": None}],
        [
            {"probability": 0.25, "label": "no", "outside": ["age"], "contributions": []},
            {"probabilities": {"a": 0.4, "b": 0.6}, "label": "b"},
        ],
        at=datetime(2026, 11, 5, 7, 8, 9, 123456, tzinfo=UTC),
        request_id="abc",
        model_version="4f1c09b2a7de",
    )
    about = {"at": "2026-11-05 07:08:09.123", "request_id": "abc", "model_version": "4f1c09b2a7de"}
    assert [json.loads(line) for line in text.encode().decode().splitlines()] == [
        {
            **about,
            "record": {"age": 39, "note": "a\nb \ud800"},
            "probability": 0.25,
            "label": "no",
            "outside": ["age"],
        },
        {**about, "record": {"age": None}, "probabilities": {"a": 0.4, "b": 0.6}, "label": "b", "outside": []},
    ]
