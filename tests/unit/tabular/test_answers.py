from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from tabular.answers import read_answers


def line(id_: str, **more: Any) -> dict[str, Any]:
    about = {"id": id_, "at": "2026-11-29 10:00:00.250", "request_id": "r", "model_version": "m", "record": {"a": 1}}
    return {**about, **more}


def batch(*lines: dict[str, Any]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def test_predictions_that_labels_name_are_read_and_all_are_counted_by_model_and_week() -> None:
    lines = batch(
        line("1", probability=0.25, label="no", key="C-1"),
        line("2", probability=0.5, label="yes"),
        line("3", probability=1.0, label="yes", at="2026-12-01 00:00:00.000"),
        line("4", probability=0.5, label="no", model_version="old"),
    )
    found = read_answers([lines, b"no JSON\n[]\n"], "classification", ("no", "yes"), {"2", "9"}, {"C-1"})
    assert [(one.id, one.key, one.score) for one in found.answers] == [("1", "C-1", 0.25), ("2", None, 0.5)]
    assert found.answers[0].at == datetime(2026, 11, 29, 10, 0, 0, 250000, UTC)
    live = found.seen["m"]
    assert (live.rows, live.by_week, live.scored) == (3, {"2026-11-23": 2, "2026-11-30": 1}, 3)
    entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75) + math.log(2)
    assert [live.log_loss, live.right] == pytest.approx([entropy, 0.75 + 0.5 + 1])
    assert found.seen["old"].rows == 1
    assert found.unread == 2


def test_of_several_classes_the_probabilities_are_in_the_recipes_order() -> None:
    shares = {"c": 0.2, "a": 0.5, "b": 0.3}
    lines = batch(
        line("1", probabilities=shares, label="a"), line("2", probabilities={"a": 0.5, "other": 0.5}, label="a")
    )
    found = read_answers([lines], "classification", ("a", "b", "c"), {"1", "2"}, set())
    assert [one.score for one in found.answers] == [(0.5, 0.3, 0.2), None]
    assert found.seen["m"].scored == 1
    assert found.seen["m"].right == pytest.approx(0.5)
    assert found.seen["m"].log_loss == pytest.approx(-sum(p * math.log(p) for p in shares.values()))


def test_numbers_have_no_expected_loss() -> None:
    lines = batch(line("1", prediction=12.5, interval=[10, 15]), line("2", prediction=None))
    found = read_answers([lines], "regression", (), {"1", "2"}, set())
    assert [one.score for one in found.answers] == [12.5, None]
    assert (found.seen["m"].rows, found.seen["m"].scored) == (2, 0)


def test_an_empty_log_has_nothing() -> None:
    assert read_answers([b"\n"], "classification", ("no", "yes"), set(), set()).seen == {}
