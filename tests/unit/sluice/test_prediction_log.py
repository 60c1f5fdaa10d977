from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.prediction.log import LogError, Prediction, log_lines, read_predictions

AT = datetime(2026, 11, 5, 7, 8, 9, 123456, tzinfo=UTC)
RECORDS: list[dict[str, Any]] = [{"age": 39, "note": "a\nb \ud800"}, {"age": None}, {"age": "40"}]
MADE: list[dict[str, Any]] = [
    {"id": "x-0", "probability": 0.25, "label": "no", "outside": ["age"], "contributions": []},
    {"id": "x-1", "probabilities": {"a": 0.4, "b": 0.6}, "label": "b"},
    {"id": "x-2", "prediction": 1.5, "interval": [1, 2], "coverage": 0.9},
]


def written() -> list[str]:
    return (
        gzip.decompress(log_lines(RECORDS, MADE, at=AT, request_id="abc", model_version="4f1c09b2a7de"))
        .decode()
        .splitlines()
    )


def test_each_record_has_a_line_with_its_answer() -> None:
    about = {"at": "2026-11-05 07:08:09.123", "request_id": "abc", "model_version": "4f1c09b2a7de"}
    assert [json.loads(line) for line in written()] == [
        {
            "id": "x-0",
            **about,
            "record": {"age": 39, "note": "a\nb \ud800"},
            "probability": 0.25,
            "label": "no",
            "outside": ["age"],
        },
        {
            "id": "x-1",
            **about,
            "record": {"age": None},
            "probabilities": {"a": 0.4, "b": 0.6},
            "label": "b",
            "outside": [],
        },
        {"id": "x-2", **about, "record": {"age": "40"}, "prediction": 1.5, "interval": [1, 2], "outside": []},
    ]


def test_the_key_stands_beside_the_record_and_not_in_it() -> None:
    packed = log_lines(
        [{"customer": 17, "age": 39}, {"age": 40}],
        [{**MADE[0], "key": "17"}, MADE[1]],
        at=AT,
        request_id="abc",
        model_version="4f1c09b2a7de",
        key="customer",
    )
    first, second = read_predictions(gzip.decompress(packed).splitlines())
    assert (first.key, first.record) == ("17", {"age": 39})
    assert (second.key, second.record) == (None, {"age": 40})


def test_the_same_predictions_make_the_same_file() -> None:
    assert written() == written()


def test_what_was_written_is_read() -> None:
    first, second, third = read_predictions([*written(), ""])
    assert first == Prediction(
        id="x-0",
        at=AT.replace(microsecond=123000),
        request_id="abc",
        model_version="4f1c09b2a7de",
        record=RECORDS[0],
        probability=0.25,
        label="no",
        outside=("age",),
    )
    assert second.probabilities == {"a": 0.4, "b": 0.6}
    assert (third.prediction, third.interval, third.label) == (1.5, (1, 2), None)


OF_THE_RELEASE_BEFORE_IDS = (
    '{"at": "2026-11-05 07:08:09.123", "request_id": "abc", "model_version": "4f1c09b2a7de", "record": {"age": 39}, '
    '"probability": 0.25, "label": "no", "outside": []}'
)


def test_lines_of_earlier_releases_and_fields_of_later_ones_are_read() -> None:
    newer = OF_THE_RELEASE_BEFORE_IDS.replace('"outside"', '"later": {"a": 1}, "outside"')
    old, new = read_predictions([OF_THE_RELEASE_BEFORE_IDS.encode(), newer])
    assert (old.id, old.probability, old.record) == (None, 0.25, {"age": 39})
    assert new == old


@pytest.mark.parametrize("line", ["s3cret", '{"record": {"name": "s3cret"}}', '["s3cret"]', '{"at": "s3cret"}'])
def test_a_line_that_is_no_prediction_is_named_without_what_it_holds(line: str) -> None:
    with pytest.raises(LogError, match="line 2 is no prediction") as refused:
        list(read_predictions([OF_THE_RELEASE_BEFORE_IDS, line]))
    assert "s3cret" not in str(refused.value)
