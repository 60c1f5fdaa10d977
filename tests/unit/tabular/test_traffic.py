from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sluice.dataset.numbers import Quantity
from sluice.dataset.recipe import BooleanColumn, Column, DateColumn, NumberColumn, OneHotColumn, Recipe, Target
from sluice.monitoring.question import ColumnQuestion, Question, ScoreQuestion, SeenColumn, SeenTraffic, ValueKind
from tabular.traffic import count_traffic

RUN = "4f1c09b2a7de"
AGE = ColumnQuestion(
    NumberColumn(name="age"), "number", 100, 0.0, edges=(20.0, 40.0), shares=(0.3, 0.3, 0.4), minimum=10, maximum=80
)
PLAN = ColumnQuestion(
    OneHotColumn(name="plan", levels=("gold", "tin")),
    "text",
    100,
    0.0,
    levels=("gold", "tin"),
    shares=(0.5, 0.49, 0.01),
    known=frozenset({"gold", "tin", "rare"}),
)
PAID = ColumnQuestion(BooleanColumn(name="paid"), "boolean", 100, 0.0, shares=(0.5, 0.5))


def question(*columns: ColumnQuestion, **more: Any) -> Question:
    return Question(RUN, "classification", ("no", "yes"), ("?",), columns, **more)


def line(record: Any, run: str = RUN, **more: Any) -> bytes:
    about = {"at": "2026-11-30 10:00:00.123", "request_id": "r", "model_version": run, "outside": []}
    return json.dumps({**about, "record": record, **more}).encode() + b"\n"


def counted(asked: Question, *lines: bytes) -> SeenTraffic:
    """The same whether the lines come together or one by one."""
    together = count_traffic(asked, [b"".join(lines)])
    assert count_traffic(asked, lines) == together
    return together


def of(column: ColumnQuestion, cells: Sequence[Any]) -> SeenColumn:
    (seen,) = counted(question(column), *(line({column.name: cell}) for cell in cells)).columns
    return seen


def test_numbers_are_counted_by_the_contracts_edges_as_the_recipe_reads_them() -> None:
    seen = of(AGE, [20, 20.5, "40", " 41 ", 81, -1.5, None, "", "?", "old", "inf"])
    assert seen == SeenColumn(filled=6, missing=3, bins=(2, 2, 2), outside=2, minimum=-1.5, maximum=81, unread=2)


def test_levels_are_counted_with_all_others_in_one_bin_and_those_apart_that_the_contract_does_not_list() -> None:
    seen = of(PLAN, ["gold", " gold", "tin", "rare", "new", "GOLD", None, "?"])
    assert seen == SeenColumn(filled=6, missing=2, bins=(2, 1, 3), unseen=2)


def test_a_truth_value_is_the_same_in_json_and_in_every_word() -> None:
    seen = of(PAID, [True, "yes", "T", False, "No", None, "maybe"])
    assert seen == SeenColumn(filled=5, missing=1, bins=(2, 3), unread=1)


FORMS = [
    NumberColumn(name="price", notation="decimal_comma"),
    NumberColumn(name="price", notation="thousands_comma"),
    NumberColumn(name="price", form=Quantity(units={"": 1.0, "kg": 1000.0})),
]


@pytest.mark.parametrize("column", FORMS)
def test_a_json_number_is_what_it_is_in_a_column_whose_texts_are_written_otherwise(column: NumberColumn) -> None:
    recipe = Recipe(target=Target(name="t", classes=("a", "b")), missing=("?",), columns=(column,))
    texts = ["1.5 kg", "3"] if column.form else ["1.234", "1,234"]
    cells: list[Any] = [1.234, 1234, *texts, None, "?"]
    wanted = [recipe.apply({"price": cell})[0] for cell in cells[:4]]
    seen = of(ColumnQuestion(column, "number", 9, 0.0, edges=(2.0,), shares=(0.5, 0.5), minimum=0, maximum=2000), cells)
    assert seen.bins == (sum(value <= 2 for value in wanted), sum(value > 2 for value in wanted))
    assert (seen.minimum, seen.maximum, seen.filled, seen.missing) == (min(wanted), max(wanted), 4, 2)


def test_a_number_that_means_no_value_as_text_is_a_number_in_json_as_the_recipe_has_it() -> None:
    asked = Question(RUN, "classification", ("no", "yes"), ("-999",), (AGE,))
    (seen,) = counted(asked, line({"age": -999}), line({"age": "-999"}), line({"age": 30})).columns
    assert (seen.filled, seen.missing, seen.outside) == (2, 1, 1)


def test_dates_and_columns_without_terms_are_counted_as_there_or_missing() -> None:
    columns: tuple[Column, ...] = (
        DateColumn(name="day"),
        NumberColumn(name="n"),
        OneHotColumn(name="x", levels=("a",)),
    )
    kinds: tuple[ValueKind, ...] = ("date", "number", "text")
    asked = question(*(ColumnQuestion(c, kind) for c, kind in zip(columns, kinds, strict=True)))
    seen = counted(asked, line({"day": "2026-11-30", "n": 5, "x": "a"}), line({"day": None, "n": None, "x": "b"}))
    assert [(one.filled, one.missing, one.bins, one.unseen) for one in seen.columns] == [
        (1, 1, (), 0),
        (1, 1, (), 0),
        (2, 0, (), 0),
    ]


def test_scores_of_the_positive_class_and_labels_are_counted() -> None:
    asked = question(AGE, score=ScoreQuestion((0.1, 0.5), (5, 3, 2)), labels={"no": 8, "yes": 2})
    scored = [(0.05, "no"), (0.1, "no"), (0.3, "yes"), (0.9, "yes")]
    seen = counted(asked, *(line({"age": 3}, probability=score, label=label) for score, label in scored))
    assert (seen.scores, seen.labels) == ((2, 1, 1), {"no": 2, "yes": 2})


def test_of_many_classes_the_likeliests_score_counts() -> None:
    asked = Question(RUN, "classification", ("a", "b", "c"), (), (AGE,), ScoreQuestion((0.5,), (5, 5)))
    many = [{"a": 0.2, "b": 0.7, "c": 0.1}, {"a": 0.3, "b": 0.4, "c": 0.3}]
    assert counted(asked, *(line({"age": 3}, probabilities=one, label="b") for one in many)).scores == (1, 1)


def test_predicted_numbers_are_scores() -> None:
    asked = Question(RUN, "regression", (), (), (AGE,), ScoreQuestion((10.0, 20.0), (5, 3, 2)))
    assert counted(asked, *(line({"age": 3}, prediction=value) for value in (10, 11, 30.5))).scores == (1, 1, 1)


def test_predictions_of_other_models_and_lines_that_are_none_are_told_apart() -> None:
    asked = question(AGE)
    torn = line({"age": 5})[:-9] + b"\n"
    lines = [
        line({"age": 5}),
        line({"age": 6}, run="other"),
        torn,
        b"[1]\n",
        b"null\n",
        b'{"at": 3}\n',
        line({"age": 7}),
    ]
    seen = count_traffic(asked, [b"".join(lines)])
    assert (seen.rows, seen.others, seen.unread) == (2, 1, 4)
    assert seen.columns[0].maximum == 7


def test_lines_with_fields_of_later_releases_and_halves_of_characters_are_read() -> None:
    seen = counted(question(PLAN), line({"plan": "gold", "more": [1]}, id="x", key="c-1"), line({"plan": "\ud800"}))
    assert (seen.rows, seen.columns[0].bins) == (2, (1, 0, 1))


def test_an_empty_log_has_no_rows() -> None:
    asked = question(AGE, PLAN, score=ScoreQuestion((0.5,), (1, 1)), labels={"no": 1, "yes": 1})
    seen = count_traffic(asked, [])
    assert (seen.rows, seen.scores, seen.labels) == (0, (0, 0), {})
    assert count_traffic(asked, [b"", b"\n"]) == seen


def test_columns_may_have_any_name() -> None:
    names = ["label", "c0", "x 1", "record", "model_version", ""]
    asked = question(
        *(ColumnQuestion(NumberColumn(name=name), "number", 9, 0.0, (1.0,), (), (0.5, 0.5)) for name in names)
    )
    seen = counted(asked, line({name: i for i, name in enumerate(names)}, label="yes", probability=0.5))
    assert [one.minimum for one in seen.columns] == [0, 1, 2, 3, 4, 5]
