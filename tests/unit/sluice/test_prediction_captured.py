from __future__ import annotations

import datetime
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dataset.recipe import Column, Target
from sluice.prediction.captured import NO_LEVEL_OF_ITS_OWN, Captured, read_captured, turn_back
from sluice.prediction.log import LogError, line_of, read_predictions
from sluice.prediction.rows import RowMaker
from tests.captured import COLUMNS, ID, LINE, OTHER, RECIPE, RECORD, event, version


@pytest.mark.parametrize("encoding", ["CSV", "BASE64"])
def test_who_asked_the_endpoint_directly_is_read_in_the_columns_of_the_table(encoding: str) -> None:
    found = read_captured([event(f"{LINE}\n{OTHER}", "0.3\n0.5\n", encoding=encoding), ""], version())
    assert (found.by_function, found.unread) == (0, 0)
    first, second = found.predictions
    assert (first.record, first.probability, first.label, first.outside) == (RECORD, 0.3, "no", ())
    assert (second.record, second.label) == ({**RECORD, "age": 20}, "yes")
    assert (first.id, first.key, first.request_id, first.model_version) == (None, None, ID, "4f1c09b2a7de")
    assert first.at == datetime.datetime(2026, 11, 5, 7, 8, 9, tzinfo=datetime.UTC)


def test_what_was_captured_is_written_as_the_log_has_it() -> None:
    found = read_captured([event(LINE, "0.3")], version()).predictions
    assert list(read_predictions(map(line_of, found))) == found


def test_scores_of_many_classes_and_numbers_are_read() -> None:
    many = version(Target(name="c", classes=("a", "b", "c")), (0.1, 0.2, 0.7))
    (found,) = read_captured([event(LINE, "[0.1, 0.7, 0.2]\n")], many).predictions
    assert (found.probabilities, found.label) == ({"a": 0.1, "b": 0.7, "c": 0.2}, "b")
    (number,) = read_captured([event(LINE, "12.5")], version(Target(name="n", task="regression"))).predictions
    assert (number.prediction, number.label) == (12.5, None)


def test_requests_of_the_predict_function_are_known_by_their_seal_and_left_to_its_log() -> None:
    sealed = event("\n".join([OTHER, OTHER, LINE, LINE, LINE]), "0.1\n0.1\n0.3\n0.3\n0.3")
    assert read_captured([sealed, event(LINE, "0.3")], version())[1:] == (3, 0)


@pytest.mark.parametrize(
    ("asked", "answered", "kind"),
    [
        ("1,2,3", "0.3", "text/csv"),
        ("a" + LINE[1:], "0.3", "text/csv"),
        (LINE, "0.3\n0.4", "text/csv"),
        (LINE, "nonsense", "text/csv"),
        ("{}", "0.3", "application/json"),
    ],
)
def test_what_is_not_of_the_model_is_counted(asked: str, answered: str, kind: str) -> None:
    assert read_captured([event(asked, answered, kind)], version()) == Captured([], 0, 1)


def test_a_request_without_its_answer_is_counted() -> None:
    alone = json.loads(event(LINE, "0.3"))
    del alone["captureData"]["endpointOutput"]
    assert read_captured([json.dumps(alone)], version()) == Captured([], 0, 1)


@pytest.mark.parametrize("line", ["s3cret", '["s3cret"]', '{"captureData": "s3cret"}'])
def test_a_line_that_is_no_captured_request_is_named_without_what_it_holds(line: str) -> None:
    with pytest.raises(LogError, match="line 2 is no captured request") as refused:
        read_captured([event(LINE, "0.3"), line], version())
    assert "s3cret" not in str(refused.value)


def test_each_kind_of_column_is_turned_back() -> None:
    kinds, _ = get_args(Column.__value__)
    assert {type(column) for column in COLUMNS} == set(get_args(kinds))


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "age": st.integers(-(2**24), 2**24),
    "price": st.floats(-1e30, 1e30),
    "active": st.booleans(),
    "plan": st.sampled_from(["basic", "gold"]),
    "city": st.sampled_from(["Oslo", "Rome"]),
    "street": st.sampled_from(["A", "B"]),
    "since": st.dates(datetime.date(1900, 1, 1), datetime.date(2999, 12, 31)).map(str),
    "seen": st.builds(
        "{}T{:02d}:00".format, st.dates(datetime.date(1900, 1, 1), datetime.date(2999, 12, 31)), st.integers(0, 23)
    ),
}


@given(st.fixed_dictionaries({name: st.none() | cells for name, cells in CELLS.items()}))
def test_features_are_turned_back_into_the_cells_that_they_were_made_from(record: dict[str, Any]) -> None:
    rows = RowMaker(RECIPE).rows([{**record, "note": "it came late"}])
    found = read_captured([event(rows.lines[0], "0.3")], version()).predictions[0]
    assert found.record == {**record, "note": NO_LEVEL_OF_ITS_OWN}
    assert set(found.outside) == set(rows.outside[0])


def test_a_level_that_has_no_feature_of_its_own_has_lost_its_name() -> None:
    texts = {"plan": "silver", "city": "Bern", "street": "C", "note": "lost"}
    cells = {**RECORD, **texts}
    rows = RowMaker(RECIPE).rows([cells])
    found = read_captured([event(rows.lines[0], "0.3")], version()).predictions[0]
    assert {name for name, cell in found.record.items() if cell == NO_LEVEL_OF_ITS_OWN} == set(texts)
    assert found.outside == ("plan", "city")  # whether training has seen the street, its features do not tell
    assert rows.outside[0] == ("plan", "city")


@given(st.lists(st.none() | st.floats(allow_nan=False), min_size=len(RECIPE.features), max_size=len(RECIPE.features)))
def test_whatever_somebody_sends_is_turned_into_some_record(features: list[float | None]) -> None:
    assert turn_back(RECIPE, features).record.keys() == RECORD.keys()
