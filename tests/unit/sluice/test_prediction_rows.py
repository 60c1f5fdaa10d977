from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dataset.recipe import (
    BooleanColumn,
    DateColumn,
    DroppedColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Recipe,
    Target,
    TextScoreColumn,
)
from sluice.prediction.request import MAX_ERRORS, RefusedError
from sluice.prediction.rows import RowMaker, line_of

RECIPE = Recipe(
    target=Target(name="churn", classes=("no", "yes")),
    missing=("?",),
    columns=(
        DroppedColumn(name="id", reason="is an identifier"),
        NumberColumn(name="age", minimum=18, maximum=90),
        NumberColumn(name="old"),
        BooleanColumn(name="active"),
        OneHotColumn(name="plan", levels=("basic", "gold")),
        FrequencyRankColumn(name="city", levels=("Oslo", "Rome")),
        FrequencyRankColumn(name="street", levels=("A", "B"), all_listed=False),
        FrequencyRankColumn(name="ticket", levels=("T1", "T2"), once=("7", "S2")),
        DateColumn(name="since", minimum=datetime.date(2020, 1, 1), maximum=datetime.date(2024, 12, 31)),
        TextScoreColumn(name="remark", terms=("!", "late"), weights=((-100, 700),), always_known=True),
        TextScoreColumn(name="note", terms=("late",), weights=((700,),)),
    ),
)
RECORD: dict[str, Any] = {
    "age": 41,
    "old": 7,
    "active": True,
    "plan": "gold",
    "city": "Rome",
    "street": "B",
    "ticket": "T2",
    "since": "2024-12-31",
    "remark": "It was late.",
    "note": "soon",
}


def outside(**cells: Any) -> tuple[str, ...]:
    (found,) = RowMaker(RECIPE).rows([{**RECORD, **cells}]).outside
    return found


def errors(*records: dict[str, Any]) -> list[tuple[int, str, str]]:
    with pytest.raises(RefusedError) as refusal:
        RowMaker(RECIPE).rows(records)
    assert refusal.value.status == 400
    return [(error["record"], error["column"], error["message"]) for error in refusal.value.errors]


def test_records_become_lines_in_their_order() -> None:
    rows = RowMaker(RECIPE).rows([RECORD, {**RECORD, "age": None, "plan": "?", "churn": "yes", "id": 3}])
    assert rows.lines == (
        "41,7,1,0,1,2,2,2,2024,12,31,2,20088,0.7,0",
        ",7,1,,,2,2,2,2024,12,31,2,20088,0.7,0",
    )


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ({}, ()),
        ({"age": 18}, ()),
        ({"age": 17.999}, ("age",)),
        ({"age": "91"}, ("age",)),
        ({"age": None, "plan": "", "city": "?", "since": None}, ()),
        ({"old": 1e30}, ()),
        ({"plan": "platinum"}, ("plan",)),
        ({"city": "Lima"}, ("city",)),
        ({"street": "Z"}, ()),
        ({"ticket": "S2"}, ()),
        ({"ticket": " S2 "}, ()),
        ({"ticket": 7}, ()),
        ({"ticket": "?"}, ()),
        ({"ticket": "S3"}, ("ticket",)),
        ({"remark": "?"}, ()),
        ({"remark": "Trop tard!"}, ("remark",)),
        ({"note": "Trop tard!"}, ()),
        ({"since": "2019-12-31"}, ("since",)),
        ({"since": "2025-01-01", "age": 1, "city": "Lima"}, ("age", "city", "since")),
    ],
)
def test_what_training_has_not_seen_is_outside(cells: dict[str, Any], columns: tuple[str, ...]) -> None:
    assert outside(**cells) == columns


def test_every_misfit_is_named_with_its_record_and_column() -> None:
    good = dict(RECORD)
    del good["city"]
    assert errors(RECORD, {**RECORD, "age": "forty", "since": "soon"}, {**good, "town": 1}) == [
        (2, "age", "got 'forty'; expected a number such as 12.5"),
        (2, "since", "got 'soon'; expected a date such as 2026-11-23"),
        (
            3,
            "town",
            "unknown; the model was trained on `age`, `old`, `active`, `plan`, `city`, `street`, `ticket`, `since`, "
            "`remark`, `note`",
        ),
        (3, "city", "missing; send it, or null if its value is not known"),
    ]


def test_a_list_is_no_text() -> None:
    found = errors({**RECORD, "plan": ["gold"], "age": "x"})
    assert [(column, what.partition(",")[0]) for _, column, what in found] == [
        ("plan", "expected a number"),
        ("age", "got 'x'; expected a number such as 12.5"),
    ]


def test_many_misfits_are_counted_and_some_are_listed() -> None:
    with pytest.raises(RefusedError, match="300 values") as refusal:
        RowMaker(RECIPE).rows([{**RECORD, "age": "x"}] * 300)
    assert len(refusal.value.errors) == MAX_ERRORS


def test_a_column_that_all_records_lack_is_listed_once_and_cells_by_their_record() -> None:
    renamed = {("ages" if name == "age" else name): cell for name, cell in RECORD.items()}
    with pytest.raises(RefusedError, match="3 values") as refusal:
        RowMaker(RECIPE).rows([renamed, {**renamed, "old": "x"}, renamed])
    listed = [(error["record"], error.get("records"), error["column"]) for error in refusal.value.errors]
    assert listed == [(1, 3, "age"), (1, 3, "ages"), (2, None, "old")]


def test_a_column_that_some_records_lack_is_listed_for_each_of_them() -> None:
    without = {name: cell for name, cell in RECORD.items() if name != "age"}
    assert [(record, column) for record, column, _ in errors(without, RECORD, without)] == [(1, "age"), (3, "age")]


def test_a_missing_value_in_a_row_of_one_is_no_empty_line() -> None:
    assert line_of([math.nan]) == "nan"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_back_as_the_same_float32(number: float) -> None:
    (text,) = line_of([number, 0.0]).split(",")[:1]
    assert float(text) == number
    with np.errstate(over="ignore"):
        assert np.float32(text) == np.float32(number)


@pytest.mark.parametrize("key", ["id", "customer"])
@pytest.mark.parametrize(
    ("cell", "known"),
    [
        ("17", "17"),
        (" 17 ", "17"),
        (17, "17"),
        (17.0, "17"),
        (1.5, "1.5"),
        ("017", "017"),
        (True, "true"),
        (None, None),
        ("", None),
        ("?", None),
    ],
)
def test_a_key_is_text_however_it_is_sent_whether_the_model_knows_its_column_or_not(
    key: str, cell: Any, known: str | None
) -> None:
    found = RowMaker(RECIPE, key).rows([{**RECORD, key: cell}])
    assert found.keys == (known,)
    without = RowMaker(RECIPE).rows([RECORD])
    assert (found.lines, found.outside) == (without.lines, without.outside)


def test_a_record_without_its_key_is_predicted() -> None:
    assert RowMaker(RECIPE, "customer").rows([RECORD, {**RECORD, "customer": "a"}]).keys == (None, "a")


def test_a_key_that_is_no_value_is_refused_and_another_unknown_column_too() -> None:
    with pytest.raises(RefusedError) as refusal:
        RowMaker(RECIPE, "customer").rows([{**RECORD, "customer": ["a"], "costumer": 1}])
    assert {error["column"] for error in refusal.value.errors} == {"customer", "costumer"}
    with pytest.raises(RefusedError, match="does not fit"):
        RowMaker(RECIPE).rows([{**RECORD, "customer": "a"}])
