from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.prediction.forgetting import days_to_keep, without_key
from sluice.prediction.log import LogError


def line(**fields: Any) -> str:
    return json.dumps({"record": {"age": 1}, **fields}) + "\n"


def test_the_lines_of_a_key_go_and_the_others_stay_as_they_are() -> None:
    others = [line(key="18"), line(), line(key="017"), '{"record": {"age": "17"},  "later": 1}\n']
    text = line(key="17") + "".join(others) + line(key="17")
    assert without_key(text, "17", "customer") == ("".join(others), 2)
    assert without_key("".join(others), "17", "customer") == ("".join(others), 0)


@pytest.mark.parametrize("cell", [17, 17.0, "17", " 17 "])
def test_a_record_that_was_kept_before_the_column_was_the_key_goes_too(cell: object) -> None:
    text = line(record={"customer": cell})
    assert without_key(text, "17", "customer").removed == 1
    assert without_key(text, "17", None).removed == 0


@pytest.mark.parametrize("bad", ["s3cret\n", '["s3cret"]\n', '{"record": "s3cret"}\n'])
def test_what_is_no_line_of_the_log_is_named_and_not_guessed(bad: str) -> None:
    with pytest.raises(LogError, match="line 2 is no prediction") as refused:
        without_key(line() + bad, "17", None)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("days", "age", "left"), [(365, 0, 365), (365, 1, 180), (90, 30, 60), (90, 45, 30), (7, 3, 7), (30, 40, 7)]
)
def test_what_replaces_an_object_stays_no_longer_than_was_said_or_a_week(days: int, age: int, left: int) -> None:
    assert days_to_keep(days, age) == left
