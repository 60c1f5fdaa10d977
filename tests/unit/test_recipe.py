"""The recipe applied to single records. That SQL gives the same numbers is held by ``tabular/test_transform.py``."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from sluice.dataset.numbers import Notation
from sluice.dataset.recipe import (
    BooleanColumn,
    Column,
    DateColumn,
    DroppedColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Problem,
    Recipe,
    RecordError,
    Target,
    TargetRates,
    TextScoreColumn,
)

RECIPE = Recipe(
    target=Target(name="churn", classes=("no", "yes")),
    missing=("NA", "?"),
    columns=(
        DroppedColumn(name="id", reason="is an identifier"),
        NumberColumn(name="age", integer=True),
        BooleanColumn(name="active"),
        OneHotColumn(name="plan", levels=("basic", "gold")),
        FrequencyRankColumn(name="city", levels=("Oslo", "Rome", "Bern")),
        DateColumn(name="since", parts=("year", "month", "day", "weekday", "days", "hour")),
    ),
)
RECORD = {"age": "41", "active": "Yes", "plan": "gold", "city": "Rome", "since": "2024-02-29T13:45:00Z"}


def applied(**cells: str | float | bool | None) -> dict[str, float]:
    names = [feature.name for feature in RECIPE.features]
    return dict(zip(names, RECIPE.apply({**RECORD, **cells}), strict=True))


def test_features_are_listed_in_file_order_with_their_source_columns() -> None:
    assert [(feature.name, feature.source) for feature in RECIPE.features] == [
        ("age", "age"),
        ("active", "active"),
        ("plan=basic", "plan"),
        ("plan=gold", "plan"),
        ("city#rank", "city"),
        ("since.year", "since"),
        ("since.month", "since"),
        ("since.day", "since"),
        ("since.weekday", "since"),
        ("since.days", "since"),
        ("since.hour", "since"),
    ]


def test_a_whole_record_becomes_numbers() -> None:
    assert RECIPE.apply(RECORD) == [41, 1, 0, 1, 2, 2024, 2, 29, 4, 19782, 13]


def test_json_values_mean_what_their_text_means() -> None:
    assert applied(age=41, active=True) == applied(age=" 41 ", active="true")


@pytest.mark.parametrize("blank", [None, "", "  ", "NA", " ? ", "\u00a0", math.nan])
def test_a_missing_cell_makes_every_feature_of_its_column_missing(blank: str | float | None) -> None:
    features = RECIPE.apply(dict.fromkeys(RECORD, blank))
    assert len(features) == len(RECIPE.features)
    assert all(math.isnan(feature) for feature in features)


def test_an_unseen_level_is_zero_in_every_one_hot_feature() -> None:
    features = applied(plan="platinum")
    assert (features["plan=basic"], features["plan=gold"]) == (0, 0)


def test_an_unseen_level_ranks_after_the_rarest() -> None:
    assert applied(city="Lima")["city#rank"] == 4


def test_levels_are_told_apart_by_case() -> None:
    assert applied(plan="GOLD")["plan=gold"] == 0


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"age": "forty"}, "column `age`: got 'forty'; expected a number such as 12.5"),
        ({"age": "1_000"}, "column `age`: got '1_000'; expected a number such as 12.5"),
        ({"age": "٤٢"}, "column `age`: got '٤٢'; expected a number such as 12.5"),
        ({"age": True}, "column `age`: got True; expected a number such as 12.5"),
        ({"age": "inf"}, "column `age`: got 'inf'; expected a number such as 12.5"),
        ({"age": "1e39"}, "column `age`: got '1e39'; expected a finite number that fits 32-bit floating point"),
        ({"age": math.inf}, "column `age`: got inf; expected a finite number that fits 32-bit floating point"),
        ({"age": 10**400}, "column `age`: got 1"),
        ({"active": "perhaps"}, "column `active`: got 'perhaps'; expected true or false, yes or no"),
        ({"since": "2023-02-29"}, "column `since`: got '2023-02-29'; "),
        ({"since": "29.02.2024"}, "column `since`: got '29.02.2024'; expected a date such as 2026-11-23"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_column(cells: dict[str, str | float | bool], said: str) -> None:
    with pytest.raises(RecordError) as refusal:
        applied(**cells)
    assert refusal.value.problems[0].startswith(said)


def test_absent_and_unknown_columns_are_named_together() -> None:
    record = {name: cell for name, cell in RECORD.items() if name != "city"} | {"town": "Rome"}
    with pytest.raises(RecordError) as refusal:
        RECIPE.apply(record)
    assert refusal.value.problems == [
        "column `town`: unknown; the model was trained on `age`, `active`, `plan`, `city`, `since`",
        "column `city`: missing; send it, or null if its value is not known",
    ]


def test_dropped_columns_and_the_target_may_come_along() -> None:
    assert RECIPE.apply({**RECORD, "id": "C-17", "churn": "no"}) == RECIPE.apply(RECORD)


def test_labels_become_class_numbers() -> None:
    assert [RECIPE.class_number(" no"), RECIPE.class_number("yes")] == [0, 1]
    with pytest.raises(RecordError, match="target `churn`: got 'maybe'; known: no, yes"):
        RECIPE.class_number("maybe")


def test_a_recipe_survives_being_written_and_read() -> None:
    assert Recipe.model_validate_json(RECIPE.model_dump_json()) == RECIPE


@pytest.mark.parametrize(
    ("notation", "cell", "number"),
    [
        ("decimal_comma", "-1.234.567,5", -1234567.5),
        ("decimal_comma", "1\u202f234,5", 1234.5),
        ("decimal_comma", ",5", 0.5),
        ("decimal_comma", "1.234", 1234),
        ("thousands_comma", "+1,234,567.5e1", 12345675),
        ("thousands_comma", "1234.5", 1234.5),
        ("thousands_blank", "1 234.5", 1234.5),
        ("thousands_blank", "1'234\u2019567", None),
        ("thousands_comma", "12,34", None),
        ("thousands_comma", "0,123", None),
        ("thousands_comma", "1,234,5", None),
        ("decimal_comma", "1.5", None),
        ("decimal_comma", "1.234.5", None),
        ("plain", "1,5", None),
    ],
)
def test_a_number_is_read_in_the_notation_of_its_column(notation: Notation, cell: str, number: float | None) -> None:
    recipe = RECIPE.model_copy(update={"columns": (NumberColumn(name="x", notation=notation),)})
    if number is None:
        with pytest.raises(RecordError, match="expected a number such as"):
            recipe.apply({"x": cell})
    else:
        assert recipe.apply({"x": cell}) == [number]


def test_a_json_number_has_no_notation() -> None:
    recipe = RECIPE.model_copy(update={"columns": (NumberColumn(name="x", notation="decimal_comma"),)})
    assert recipe.apply({"x": 1.234}) == [1.234]


def test_a_recipe_from_before_notations_is_read_as_plain_numbers() -> None:
    assert NumberColumn.model_validate({"name": "x", "kind": "number", "integer": True}).notation == "plain"


def test_a_recipe_of_another_schema_version_is_refused() -> None:
    with pytest.raises(ValueError, match="schema_version"):
        Recipe.model_validate({**RECIPE.model_dump(), "schema_version": Recipe.newest() + 1})


def test_problems_of_a_record_have_their_columns_apart() -> None:
    with pytest.raises(RecordError) as refusal:
        applied(age="forty", town="Rome")
    assert refusal.value.by_column == (
        Problem("town", "unknown; the model was trained on `age`, `active`, `plan`, `city`, `since`"),
        Problem("age", "got 'forty'; expected a number such as 12.5"),
    )
    assert refusal.value.problems == [str(problem) for problem in refusal.value.by_column]


def test_a_recipe_from_before_ranges_knows_none() -> None:
    number = NumberColumn.model_validate({"name": "x", "kind": "number"})
    ranked = FrequencyRankColumn.model_validate({"name": "x", "kind": "frequency_rank", "levels": ["a"]})
    assert (number.minimum, number.maximum, ranked.all_listed) == (None, None, True)
    assert DateColumn.model_validate({"name": "x", "kind": "date"}).maximum is None


@pytest.mark.parametrize("column", RECIPE.columns)
def test_the_width_of_a_column_is_the_number_of_its_features(column: Column) -> None:
    assert column.width == len(column.feature_names())


def test_levels_that_training_saw_once_rank_as_those_that_it_did_not_see() -> None:
    ranked = FrequencyRankColumn(name="ticket", levels=("A", "B"), once=("C",))
    assert [list(ranked.numbers(cell)) for cell in ("A", "B", "C", "D")] == [[1.0], [2.0], [3.0], [3.0]]


def test_after_the_rank_follow_the_rates_of_the_level_or_those_of_all_rows() -> None:
    rates = TargetRates(prior=(0.3,), levels=((0.1,), (0.65,)))
    city = FrequencyRankColumn(name="city", levels=("Oslo", "Rome"), once=("Bern",), rates=rates)
    assert city.feature_names() == ("city#rank", "city#rate1")
    assert [list(city.numbers(cell)) for cell in ("Oslo", "Rome", "Bern", "Lima")] == [
        [1, 0.1],
        [2, 0.65],
        [3, 0.3],
        [3, 0.3],
    ]


@pytest.mark.parametrize("levels", [((0.1,),), ((0.1,), (0.2, 0.3)), ((0.1,), (0.2,), (0.3,))])
def test_rates_that_are_not_those_of_the_levels_are_refused(levels: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValidationError, match="the rates of column `city` are not those of its levels"):
        FrequencyRankColumn(name="city", levels=("Oslo", "Rome"), rates=TargetRates(prior=(0.3,), levels=levels))


def test_a_text_is_the_sum_of_its_terms_weights_by_the_square_root_of_their_number() -> None:
    remark = TextScoreColumn(
        name="remark", terms=("came late", "late", "thanks"), weights=((900, 700, -400), (0, 1, 2))
    )
    assert remark.feature_names() == ("remark#score1", "remark#score2")
    assert [list(remark.numbers(cell)) for cell in ("It came LATE. Thanks!", "late", "soon", 7)] == [
        [round(1.2 / 3**0.5, 4), round(0.003 / 3**0.5, 4)],
        [0.7, 0.001],
        [0, 0],
        [0, 0],
    ]
    assert [remark.knows(cell) for cell in ("late!", "soon", "", 7)] == [True, False, False, False]


@pytest.mark.parametrize("weights", [((1,),), ((1, 2), (1,)), ((1, 2, 3),)])
def test_weights_that_are_not_those_of_the_terms_are_refused(weights: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValidationError, match="the weights of column `remark` are not those of its terms"):
        TextScoreColumn(name="remark", terms=("late", "thanks"), weights=weights)


def test_a_recipe_of_version_2_has_no_rates() -> None:
    old = {**RECIPE.model_dump(), "schema_version": 2}
    del old["columns"][4]["rates"]
    read = Recipe.read(old)
    assert read.schema_version == 2
    assert read.features == RECIPE.features
    assert read.apply(RECORD) == RECIPE.apply(RECORD)


def test_a_recipe_of_version_1_ranks_as_it_did() -> None:
    old = {**RECIPE.model_dump(), "schema_version": 1}
    del old["columns"][4]["once"], old["columns"][4]["rates"]
    read = Recipe.read(old)
    assert read.schema_version == 1
    assert read.apply(RECORD) == RECIPE.apply(RECORD)
    del old["schema_version"]
    assert Recipe.read(old) == read, "a document without a version is of the first one"


def test_a_recipe_with_other_columns_has_their_features() -> None:
    """Features that were looked at before are not those of the copy."""
    name, other = (NumberColumn(name=name) for name in ("age", "income"))
    recipe = Recipe(target=Target(name="label", classes=("no", "yes")), missing=(), columns=(name,))
    assert [feature.name for feature in recipe.features] == ["age"]
    wider = recipe.model_copy(update={"columns": (name, other)})
    assert [feature.name for feature in wider.features] == ["age", "income"]
