from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pytest
import xgboost

from scoring.metrics import Floats, Ints
from scoring.xgboost import training_report as subject
from scoring.xgboost.training_report import Rows, column_contributions, read_curves, training_report
from sluice.dataset.recipe import (
    BooleanColumn,
    DateColumn,
    DroppedColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Recipe,
    Target,
    TargetRates,
    TextScoreColumn,
)
from sluice.evaluation.document import ClassCount, LearningCurve, TrainingFinding, TrainingReport

LOG = """\
[2026-08-24 09:14:02.113 ip-10-0-1-7.ec2.internal:7 INFO utils.py:28] RULE_JOB_STOP_SIGNAL_FILENAME: None
[2026-08-24:09:14:02:INFO] Imported framework sagemaker_xgboost_container.training
[2026-08-24:09:14:02:INFO] Train matrix has 1400 rows and 9 columns
[09:14:02] WARNING: /workspace/src/learner.cc:782:
Parameters: { "foo" } are not used. [3]
[0]\ttrain-logloss:0.62027\tvalidation-logloss:0.62471
[2026-08-24:09:14:03:INFO] [1]#011train-logloss:0.56528#011validation-logloss:0.57402
[2]\ttrain-logloss:0.52405\tvalidation-logloss:0.53668
[3]\ttrain-logloss:0.49
"""
"""As the container of version 3.2-0 writes it, with what a log group holds around it."""

COUNTRIES: Final = ("at", "ch", "de")


def recipe(classes: tuple[str, ...]) -> Recipe:
    return Recipe(
        target=Target(name="churn", classes=classes),
        missing=("NA",),
        columns=(
            DroppedColumn(name="id", reason="every value is another"),
            NumberColumn(name="age"),
            OneHotColumn(name="country", levels=COUNTRIES),
            DroppedColumn(name="note", reason="constant"),
            FrequencyRankColumn(name="city", levels=tuple("abcdefgh")),
            DateColumn(name="since"),
            BooleanColumn(name="member"),
            NumberColumn(name="noise"),
        ),
    )


COLUMNS: Final = ["age", "country", "city", "since", "member", "noise"]


def features(rng: np.random.Generator, size: int) -> Rows:
    """The recipe's 12 features with holes; where a cell is missing, so are all the features made from it."""
    country = np.eye(3)[rng.integers(3, size=size)]
    days = rng.integers(10_000, 20_000, size=size)
    since = np.column_stack([1970 + days // 365, days % 12 + 1, days % 28 + 1, days % 7 + 1, days])
    blocks = [
        rng.normal(40, 10, size=(size, 1)),
        country,
        rng.integers(1, 10, size=(size, 1)),
        since,
        rng.integers(2, size=(size, 1)),
        rng.normal(size=(size, 1)),
    ]
    rows = np.column_stack([np.where(rng.random((size, 1)) < 0.08, np.nan, block) for block in blocks])
    return rows.astype(np.float32)


@dataclass(frozen=True)
class Case:
    """A model that was really trained, and the test rows that it is told of."""

    booster: xgboost.Booster
    recipe: Recipe
    rows: Rows
    labels: Ints
    scores: Floats
    predicted: Ints

    def report(self, **given: Any) -> TrainingReport:
        defaults: dict[str, Any] = {
            "classes": self.recipe.target.classes,
            "class_counts": (),
            "curves": (),
            "early_stopping_rounds": None,
        }
        return training_report(
            self.booster,
            self.recipe,
            self.rows,
            self.labels,
            self.scores,
            self.predicted,
            **defaults | given,
        )

    def of_rows(self, order: Ints) -> Case:
        return replace(
            self,
            rows=self.rows[order],
            labels=self.labels[order],
            scores=self.scores[order],
            predicted=self.predicted[order],
        )


def trained(classes: tuple[str, ...], test_rows: int = 700, rounds: int = 20, **parameters: Any) -> Case:
    """Labels follow age, country and date with some noise, and nothing else."""
    rng = np.random.default_rng(7)
    rows = features(rng, 2_000 + test_rows)
    filled = np.nan_to_num(rows, nan=0)
    signal = filled[:, 0] / 10 + 2 * filled[:, 1] + (filled[:, 9] - 15_000) / 4_000 + rng.normal(size=len(rows))
    count = len(classes)
    labels = np.digitize(signal, np.quantile(signal, np.arange(1, count) / count)).astype(np.int64)
    objective = {"objective": "binary:logistic"} if count == 2 else {"objective": "multi:softprob", "num_class": count}
    booster = xgboost.train(
        objective | {"max_depth": 4, "nthread": 1, "seed": 0} | parameters,
        xgboost.DMatrix(rows[:2_000], label=labels[:2_000]),
        num_boost_round=rounds,
    )
    test, truth = rows[2_000:], labels[2_000:]
    scores = booster.inplace_predict(test).astype(np.float64)
    predicted = (scores >= 0.4).astype(np.int64) if count == 2 else scores.argmax(axis=1)
    return Case(booster, recipe(classes), test, truth, scores, predicted)


@pytest.fixture(scope="module")
def binary() -> Case:
    return trained(("no", "yes"))


@pytest.fixture(scope="module")
def four_classes() -> Case:
    return trained(("a", "b", "c", "d"))


@pytest.fixture(params=["binary", "four_classes"])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found


# The curves


def test_the_curves_are_read_out_of_a_log_with_all_that_is_in_it() -> None:
    (curve,) = read_curves(LOG.splitlines(keepends=True))
    assert curve.metric == "logloss"
    assert curve.train == (0.62027, 0.56528, 0.52405, 0.49)
    assert curve.validation == (0.62471, 0.57402, 0.53668, 0.53668), "a line that is cut off holds the value before"


def test_a_training_that_was_started_again_counts_from_its_last_start() -> None:
    first = [f"[{n}]\ttrain-logloss:0.{9 - n}\tvalidation-logloss:0.{9 - n}" for n in range(6)]
    again = [f"[{n}]\ttrain-logloss:0.{8 - n}\tvalidation-logloss:0.{8 - n}" for n in range(3)]
    (curve,) = read_curves(first + again)
    assert curve.validation == (0.8, 0.7, 0.6)


def test_each_metric_has_its_curve_in_the_order_of_the_log() -> None:
    curves = read_curves(["[0]\ttrain-auc:0.7\ttrain-error@0.7:0.3\tvalidation-auc:0.6\tvalidation-error@0.7:0.4"])
    assert curves == (
        LearningCurve(metric="auc", train=(0.7,), validation=(0.6,)),
        LearningCurve(metric="error@0.7", train=(0.3,), validation=(0.4,)),
    )


def test_rounds_without_a_finite_value_hold_the_one_before_and_the_first_the_one_after() -> None:
    lines = [
        "[1]\tvalidation-auc:0.5",
        "[2]\tvalidation-auc:nan",
        "[3]\tvalidation-auc:-inf",
        "[5]\tvalidation-auc:0.7",
    ]
    (curve,) = read_curves(lines)
    assert curve.validation == (0.5, 0.5, 0.5, 0.5, 0.5, 0.7)
    assert curve.train == ()


def test_a_metric_without_any_finite_value_has_no_curve() -> None:
    assert read_curves(["[0]\ttrain-auc:nan\tvalidation-auc:nan"]) == ()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[0]",
        "[0]\ttrain-logloss",
        "[0] training started",
        "[x]\ttrain-logloss:0.5",
        "[0]\ttrain-logloss:abc",
        "[999999]\ttrain-logloss:0.5",
        "[99999999999999999999]\ttrain-logloss:0.5",
        "train-logloss:0.5",
        "[2026-08-24:09:14:02:INFO] train-logloss:0.5",
        "[0]" + "\t" * 50_000,
    ],
)
def test_what_is_no_round_is_passed_over(line: str) -> None:
    assert read_curves([line]) == ()


# What the model learned


def test_contributions_and_bias_add_up_to_the_margin(case: Case) -> None:
    shap, bias = column_contributions(case.booster, case.recipe, case.rows)
    margin = case.booster.predict(xgboost.DMatrix(case.rows), output_margin=True, strict_shape=True)
    assert shap.shape == (len(case.rows), margin.shape[1], len(COLUMNS))
    np.testing.assert_allclose(shap.sum(axis=2) + bias, margin, atol=1e-4)


def test_a_columns_contribution_is_the_sum_of_those_of_its_features(case: Case) -> None:
    shap, _ = column_contributions(case.booster, case.recipe, case.rows[:20])
    raw = case.booster.predict(xgboost.DMatrix(case.rows[:20]), pred_contribs=True, strict_shape=True)
    np.testing.assert_allclose(shap[:, :, COLUMNS.index("country")], raw[:, :, 1:4].sum(axis=2), atol=1e-6)
    np.testing.assert_allclose(shap[:, :, COLUMNS.index("since")], raw[:, :, 5:10].sum(axis=2), atol=1e-6)
    np.testing.assert_allclose(shap[:, :, COLUMNS.index("noise")], raw[:, :, 11], atol=1e-6)


@pytest.mark.parametrize(("kind", "field"), [("total_gain", "gain"), ("total_cover", "cover"), ("weight", "weight")])
def test_importances_are_xgboosts_summed_over_a_columns_features(case: Case, kind: str, field: str) -> None:
    found = {importance.column: getattr(importance, field) for importance in case.report().importances}
    scores: dict[str, float] = case.booster.get_score(importance_type=kind)  # type: ignore[assignment]
    numbers = {"age": [0], "country": [1, 2, 3], "city": [4], "since": [5, 6, 7, 8, 9], "member": [10], "noise": [11]}
    assert found == pytest.approx({name: sum(scores.get(f"f{n}", 0) for n in of) for name, of in numbers.items()})


def test_importances_come_by_shap_and_leave_out_dropped_columns(case: Case) -> None:
    importances = case.report().importances
    assert sorted(importance.column for importance in importances) == sorted(COLUMNS)
    values = [importance.shap for importance in importances if importance.shap is not None]
    assert values == sorted(values, reverse=True)
    assert {importance.column for importance in importances[:3]} == {"age", "country", "since"}


def test_the_rank_and_the_rates_of_a_text_are_one_column() -> None:
    rng = np.random.default_rng(0)
    rates = TargetRates(prior=(0.4,), levels=tuple((share,) for share in (0.1, 0.9, 0.2, 0.8)))
    columns = (NumberColumn(name="age"), FrequencyRankColumn(name="city", levels=tuple("abcd"), rates=rates))
    made = Recipe(target=Target(name="churn", classes=("no", "yes")), missing=(), columns=columns)
    rows = np.array(
        [made.apply({"age": float(age), "city": "abcde"[city]}) for age, city in rng.integers((60, 5), size=(400, 2))],
        np.float32,
    )
    labels = (rng.random(400) < rows[:, 2]).astype(np.int64)
    booster = xgboost.train({"objective": "binary:logistic", "seed": 0}, xgboost.DMatrix(rows, labels), 10)
    scores = np.asarray(booster.inplace_predict(rows), np.float64)
    predicted = (scores >= 0.5).astype(np.int64)
    report = Case(booster, made, rows, labels, scores, predicted).report()
    assert [importance.column for importance in report.importances] == ["city", "age"]
    of_features = booster.predict(xgboost.DMatrix(rows), pred_contribs=True)
    of_columns, _ = column_contributions(booster, made, rows)
    assert of_columns[:, 0] == pytest.approx(np.column_stack([of_features[:, 0], of_features[:, 1:3].sum(axis=1)]))
    assert np.abs(of_features[:, 2]).max() > 0


def test_the_scores_of_a_free_text_are_one_column() -> None:
    rng = np.random.default_rng(0)
    remark = TextScoreColumn(name="remark", terms=("fine", "late"), weights=((900, -900), (-900, 900), (10, -10)))
    columns = (NumberColumn(name="age"), remark)
    made = Recipe(target=Target(name="kind", classes=("a", "b", "c")), missing=(), columns=columns)
    known = rng.integers(3, size=300)
    cells = [("all fine", "too late", "")[text] for text in known]
    rows = np.array([made.apply({"age": float(i % 60), "remark": cell}) for i, cell in enumerate(cells)], np.float32)
    labels = np.where(rng.random(300) < 0.8, known, rng.integers(3, size=300)).astype(np.int64)
    parameters = {"objective": "multi:softprob", "num_class": 3, "seed": 0}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, labels), 10)
    scores = np.asarray(booster.inplace_predict(rows), np.float64)
    report = Case(booster, made, rows, labels, scores, scores.argmax(axis=1)).report()
    assert [importance.column for importance in report.importances] == ["remark", "age"]
    assert report.mistakes


def test_the_mean_shap_is_over_the_rows_and_classes(four_classes: Case) -> None:
    few = four_classes.of_rows(np.arange(40))
    shap, _ = column_contributions(few.booster, few.recipe, few.rows)
    found = {importance.column: importance.shap for importance in few.report().importances}
    assert found == pytest.approx(dict(zip(COLUMNS, np.abs(shap).mean(axis=(0, 1)), strict=True)))


def test_a_booster_that_names_its_features_tells_the_same(binary: Case) -> None:
    named = xgboost.Booster(model_file=bytearray(binary.booster.save_raw("ubj")))
    named.feature_names = [f"column {number}" for number in range(12)]
    assert replace(binary, booster=named).report() == binary.report()


def test_a_column_that_no_split_uses_has_no_importance_and_no_points() -> None:
    stumps = trained(("no", "yes"), test_rows=50, rounds=2, max_depth=1)
    report = stumps.report()
    unused = [importance for importance in report.importances if importance.weight == 0]
    assert len(unused) >= 4
    assert {(importance.gain, importance.cover, importance.shap) for importance in unused} == {(0, 0, 0)}
    assert {column.column for column in report.shap}.isdisjoint(importance.column for importance in unused)


def test_the_sample_is_bounded_and_takes_all_rows_where_there_are_few(binary: Case) -> None:
    assert len(binary.rows) > subject.SHAP_ROWS
    report = binary.report()
    assert report.shap_rows == subject.SHAP_ROWS
    assert {len(column.points) for column in report.shap} == {subject.SHAP_POINTS}
    few = binary.of_rows(np.arange(30)).report()
    assert few.shap_rows == 30
    assert {len(column.points) for column in few.shap} == {30}


def test_a_large_model_is_looked_at_over_fewer_rows(binary: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    splits_by_column = [importance.weight for importance in binary.report().importances]
    monkeypatch.setattr(subject, "_ROWS_TIMES_SPLITS", 100 * sum(splits_by_column))
    assert binary.report().shap_rows == 100
    monkeypatch.setattr(subject, "_SHAP_CELLS", 1)
    assert binary.report().shap_rows == 50


def test_at_most_fifteen_columns_have_points() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 20)).astype(np.float32)
    labels = (rows.sum(axis=1) > 0).astype(np.int64)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, labels), 30)
    scores = booster.inplace_predict(rows).astype(np.float64)
    wide = recipe(("no", "yes")).model_copy(update={"columns": tuple(NumberColumn(name=f"c{n}") for n in range(20))})
    report = Case(booster, wide, rows, labels, scores, (scores > 0.5).astype(np.int64)).report()
    assert [column.column for column in report.shap] == [importance.column for importance in report.importances[:15]]


def test_a_position_is_the_rank_of_a_value_among_the_columns(binary: Case) -> None:
    few = binary.of_rows(np.arange(100))
    points = {column.column: column.points for column in few.report().shap}
    ages = few.rows[:, 0]
    positions = [point.position for point in points["age"]]
    assert sum(position is None for position in positions) == np.isnan(ages).sum() > 0
    known = sorted(position for position in positions if position is not None)
    assert known == pytest.approx(np.linspace(0, 1, len(known)), abs=1e-9), "no two rows are of the same age"
    held = {point.position for point in points["member"]} - {None}
    assert len(held) == 2, "rows of the same value share the mean of their ranks"


def test_a_higher_value_that_raises_the_score_pushes_up(binary: Case) -> None:
    points = {column.column: column.points for column in binary.report().shap}["age"]
    known = [(point.position, point.shap) for point in points if point.position is not None]
    assert np.corrcoef(np.array(known).T)[0, 1] > 0.8


@pytest.mark.parametrize("column", ["country", "since"])
def test_a_column_of_several_features_has_no_position(case: Case, column: str) -> None:
    points = {found.column: found.points for found in case.report().shap}[column]
    assert {point.position for point in points} == {None}


@pytest.mark.parametrize(("column", "start"), [("country", 1), ("city", 4)])
def test_the_effect_of_a_category_is_the_mean_shap_value_of_its_rows(case: Case, column: str, start: int) -> None:
    few = case.of_rows(np.arange(100))
    shap, _ = subject.column_contributions(few.booster, few.recipe, few.rows)
    place = COLUMNS.index(column)
    pushes = shap[:, 0, place] if shap.shape[1] == 1 else shap[np.arange(100), few.predicted, place]
    names = np.array([_level_of(column, row[start:]) for row in few.rows])
    (levels,) = [found.levels for found in few.report().shap if found.column == column]
    told = {level.level: level for level in levels}
    assert len(told) == min(8, len(set(names)))
    for name, level in told.items():
        assert level.rows == (names == name).sum() > 0
        assert level.shap == pytest.approx(pushes[names == name].mean(), abs=1e-6)
    assert [level.rows for level in levels] == sorted((level.rows for level in levels), reverse=True)
    assert min(level.rows for level in levels) >= max(
        ((names == name).sum() for name in set(names) - set(told)), default=0
    ), "the most frequent ones are told"


def _level_of(column: str, features: Rows) -> str:
    if np.isnan(features[0]):
        return "(missing)"
    if column == "country":
        return str(COUNTRIES[int(np.argmax(features[:3]))])
    return str([*"abcdefgh", "(another value)"][int(features[0]) - 1])


def test_a_category_that_training_did_not_see_is_another_value(binary: Case) -> None:
    few = binary.of_rows(np.arange(100))
    few.rows[:60, 1:4] = 0
    (levels,) = [found.levels for found in few.report().shap if found.column == "country"]
    assert (levels[0].level, levels[0].rows) == ("(another value)", 60)


@pytest.mark.parametrize("column", ["age", "since", "member", "noise"])
def test_what_is_no_category_has_no_levels(case: Case, column: str) -> None:
    assert [found.levels for found in case.report().shap if found.column == column] in ([()], [])


def test_a_column_of_one_value_lies_in_the_middle(binary: Case) -> None:
    few = binary.of_rows(np.arange(40))
    few.rows[:, 0] = np.where(np.isnan(few.rows[:, 0]), np.nan, 40)
    points = {column.column: column.points for column in few.report().shap}["age"]
    assert {point.position for point in points} == {0.5, None}


# Mistakes


def test_mistakes_are_the_wrong_rows_with_the_least_probability_for_their_label(case: Case) -> None:
    mistakes = case.report().mistakes
    both = np.column_stack([1 - case.scores, case.scores]) if case.scores.ndim == 1 else case.scores
    of_truth = both[np.arange(len(case.labels)), case.labels]
    wrong = np.flatnonzero(case.labels != case.predicted)
    expected = wrong[np.argsort(of_truth[wrong])][:10] + 1
    assert [mistake.row for mistake in mistakes] == expected.tolist()
    for mistake in mistakes:
        index = mistake.row - 1
        assert mistake.label == case.recipe.target.classes[case.labels[index]]
        assert mistake.predicted == case.recipe.target.classes[case.predicted[index]]
        assert mistake.score == pytest.approx(of_truth[index])
        sizes = [abs(contribution.shap) for contribution in mistake.contributions]
        assert len(sizes) == 5
        assert sizes == sorted(sizes, reverse=True)


def test_contributions_of_a_mistake_speak_for_the_class_that_was_predicted(case: Case) -> None:
    shap, _ = column_contributions(case.booster, case.recipe, case.rows)
    mistakes = case.report().mistakes
    assert len({mistake.predicted for mistake in mistakes}) > 1, "or the sign would go untested"
    for mistake in mistakes:
        number = case.recipe.target.classes.index(mistake.predicted)
        of_row = shap[mistake.row - 1]
        towards = of_row[number] if len(of_row) > 1 else of_row[0] * (1 if number == 1 else -1)
        by_column = dict(zip(COLUMNS, towards, strict=True))
        for contribution in mistake.contributions:
            assert contribution.shap == pytest.approx(by_column[contribution.column], abs=1e-6)


def test_a_model_without_errors_has_no_mistakes(binary: Case) -> None:
    assert replace(binary, predicted=binary.labels).report().mistakes == ()


# The whole


def test_the_order_of_the_rows_changes_nothing_but_their_numbers(case: Case) -> None:
    # Equal rows and equal scores, so that ties have to be broken.
    case = case.of_rows(np.concatenate([np.arange(600), np.arange(100)]))
    order = np.random.default_rng(3).permutation(700)
    before, after = case.report(), case.of_rows(order).report()
    assert before.model_copy(update={"mistakes": ()}) == after.model_copy(update={"mistakes": ()})
    without_rows = [
        [mistake.model_copy(update={"row": 1}) for mistake in report.mistakes] for report in (before, after)
    ]
    assert without_rows[0] == without_rows[1]
    assert np.array_equal(
        case.rows[[mistake.row - 1 for mistake in before.mistakes]],
        case.rows[order][[mistake.row - 1 for mistake in after.mistakes]],
        equal_nan=True,
    )


def test_of_mistakes_with_the_same_score_the_same_rows_are_told_in_any_order() -> None:
    stump = trained(("no", "yes"), test_rows=300, rounds=1, max_depth=1)
    order = np.random.default_rng(3).permutation(300)
    before, after = stump.report().mistakes, stump.of_rows(order).report().mistakes
    assert len({mistake.score for mistake in before}) == 1
    assert [mistake.row - 1 for mistake in before] == [int(order[mistake.row - 1]) for mistake in after]


def test_the_seed_decides_the_sample(binary: Case) -> None:
    assert binary.report(seed=1) == binary.report(seed=1)
    assert binary.report(seed=1).importances != binary.report(seed=2).importances


def test_a_report_survives_json(case: Case) -> None:
    report = case.report(curves=read_curves(LOG.splitlines()), class_counts=counts((60, 1_200)))
    assert TrainingReport.model_validate_json(report.model_dump_json()) == report


def test_an_empty_test_set_leaves_the_importances_of_the_model(case: Case) -> None:
    report = case.of_rows(np.arange(0)).report()
    assert (report.shap_rows, report.shap, report.mistakes) == (0, (), ())
    assert {importance.shap for importance in report.importances} == {None}
    gains = [importance.gain for importance in report.importances]
    assert gains == sorted(gains, reverse=True)


# How the training went


@pytest.fixture
def model(binary: Case) -> Case:
    """What is said of the training hangs on few of the test rows or none."""
    return binary.of_rows(np.arange(5))


def curve(validation: list[float], train: list[float] | None = None, metric: str = "logloss") -> LearningCurve:
    return LearningCurve(
        metric=metric, train=tuple(validation if train is None else train), validation=tuple(validation)
    )


def counts(train: tuple[int, ...], held_out: int = 100) -> tuple[ClassCount, ...]:
    labels = ["no", "yes", *(f"class {number}" for number in range(2, len(train)))]
    return tuple(
        ClassCount(label=label, train=number, validation=held_out, test=held_out)
        for label, number in zip(labels, train, strict=True)
    )


def found(report: TrainingReport) -> dict[str, TrainingFinding]:
    return {finding.rule: finding for finding in report.findings}


def fall(start: float, end: float, rounds: int) -> list[float]:
    return [float(value) for value in np.linspace(start, end, rounds)]


def of_rounds(case: Case, rounds: int) -> Case:
    """The model as early stopping would have cut it."""
    return replace(case, booster=case.booster[:rounds])


def test_a_training_that_went_well_has_no_findings(model: Case) -> None:
    validation = [*fall(0.69, 0.40, 20), *fall(0.401, 0.41, 10)]
    report = model.report(
        curves=(curve(validation, fall(0.69, 0.35, 30)),), class_counts=counts((900, 1_100)), early_stopping_rounds=10
    )
    assert report.findings == ()
    assert (report.rounds, report.rounds_trained, report.best_round, report.stopped_early) == (20, 30, 19, True)


def test_all_rounds_that_were_asked_for_are_no_early_stop(model: Case) -> None:
    report = model.report(curves=(curve([*fall(0.69, 0.40, 15), *[0.41] * 5]),), early_stopping_rounds=10)
    assert (report.rounds_trained, report.best_round, report.stopped_early) == (20, 14, False)


def test_of_best_rounds_that_the_log_does_not_tell_apart_the_models_last_counts(model: Case) -> None:
    validation = [*fall(0.69, 0.40, 18), 0.4, 0.4, 0.4, *[0.41] * 10]
    assert model.report(curves=(curve(validation),), early_stopping_rounds=10).best_round == 19
    assert of_rounds(model, 5).report(curves=(curve(validation),), early_stopping_rounds=10).best_round == 17


@pytest.mark.parametrize(("metric", "best"), [("auc", 2), ("aucpr", 2), ("accuracy", 2), ("logloss", 0), ("error", 0)])
def test_the_best_round_is_the_highest_for_metrics_of_which_more_is_better(model: Case, metric: str, best: int) -> None:
    assert model.report(curves=(curve([0.5, 0.6, 0.7, 0.6], metric=metric),)).best_round == best


def test_the_last_metric_is_the_one_that_is_watched(model: Case) -> None:
    curves = (curve([0.5, 0.7, 0.6], metric="auc"), curve([0.6, 0.5, 0.4]), curve([], [0.5, 0.5, 0.5], metric="mae"))
    assert model.report(curves=curves).best_round == 2


def test_a_gap_and_a_rise_are_overfitting(model: Case) -> None:
    validation = [*fall(0.69, 0.40, 20), *fall(0.401, 0.46, 10)]
    train = [*fall(0.69, 0.25, 20), *fall(0.24, 0.1, 10)]
    finding = found(model.report(curves=(curve(validation, train),), early_stopping_rounds=10))["overfitting"]
    assert finding.severity == "warning"
    assert "after 20 rounds logloss is 0.25 on the training part but 0.4 on the validation part" in finding.what
    assert "max_depth" in finding.what


def test_without_early_stopping_the_gap_where_the_model_ends_counts(model: Case) -> None:
    validation = [*fall(0.69, 0.40, 10), *fall(0.41, 0.60, 10)]
    train = [*fall(0.69, 0.38, 10), *fall(0.37, 0.1, 10)]
    finding = found(model.report(curves=(curve(validation, train),)))["overfitting"]
    assert "after 20 rounds logloss is 0.1 on the training part but 0.6" in finding.what
    assert "at 0.4 after 10" in finding.what


@pytest.mark.parametrize(
    ("validation", "train"),
    [
        pytest.param(0.33, [*fall(0.69, 0.25, 20), *fall(0.24, 0.1, 10)], id="a small gap"),
        pytest.param(0.05, [*fall(0.69, 0.01, 20), *fall(0.01, 0.001, 10)], id="a gap next to 0"),
        pytest.param(0.40, [], id="no values of the training part"),
    ],
)
def test_no_gap_to_speak_of_is_no_overfitting(model: Case, validation: float, train: list[float]) -> None:
    values = [*fall(0.69, validation, 20), *fall(validation + 0.01, validation + 0.1, 10)]
    assert "overfitting" not in found(model.report(curves=(curve(values, train),), early_stopping_rounds=10))


def test_a_gap_without_a_rise_is_no_overfitting(model: Case) -> None:
    values = [*fall(0.69, 0.4, 20), *[0.4001] * 10]
    report = model.report(curves=(curve(values, [*fall(0.69, 0.1, 20), *[0.1] * 10]),), early_stopping_rounds=10)
    assert "overfitting" not in found(report)


def test_overfitting_is_seen_in_a_metric_of_which_more_is_better(model: Case) -> None:
    values = [*fall(0.5, 0.7, 20), *fall(0.69, 0.6, 10)]
    curves = (curve(values, [*fall(0.6, 0.95, 20), *fall(0.95, 1, 10)], metric="aucpr"),)
    assert "overfitting" in found(model.report(curves=curves, early_stopping_rounds=10))


def test_a_validation_metric_that_hardly_moves_is_no_learning(model: Case) -> None:
    values = [0.6931, 0.6925, 0.6920, *[0.7] * 10]
    report = of_rounds(model, 3).report(curves=(curve(values),), early_stopping_rounds=10)
    finding = found(report)["no_learning"]
    assert "0.6931 at the start and 0.692 at its best" in finding.what
    assert "`churn`" in finding.what
    assert "stopped_at_once" not in found(report), "one cause, one sentence"


@pytest.mark.parametrize(("metric", "values"), [("logloss", [0.69, 0.65]), ("auc", [0.6, 0.65]), ("error", [0.4, 0.3])])
def test_a_validation_metric_that_moves_is_learning(model: Case, metric: str, values: list[float]) -> None:
    report = model.report(curves=(curve(values, metric=metric),), class_counts=counts((900, 1_100)))
    assert "no_learning" not in found(report)


def test_a_first_tree_that_says_it_all_has_learned(model: Case) -> None:
    values = [0.2, *[0.21] * 10]
    one_tree = of_rounds(model, 1)
    with_counts = one_tree.report(curves=(curve(values),), class_counts=counts((900, 1_100)), early_stopping_rounds=10)
    assert "no_learning" not in found(with_counts), "the class shares alone would have 0.69"
    assert "stopped_at_once" in found(with_counts)


def test_a_model_without_splits_has_learned_nothing() -> None:
    flat = trained(("no", "yes"), test_rows=50, rounds=3, gamma=1e9)
    report = flat.report()
    assert "no column helped to tell rows apart" in found(report)["no_learning"].what
    assert {importance.shap for importance in report.importances} == {0.0}
    assert report.shap == ()
    assert all(mistake.contributions == () for mistake in report.mistakes)


def test_a_training_that_ended_at_its_best_should_go_on(model: Case) -> None:
    report = model.report(curves=(curve(fall(0.69, 0.5, 20)),), early_stopping_rounds=10)
    finding = found(report)["still_improving"]
    assert finding.severity == "note"
    assert "20 of 20 rounds" in finding.what
    assert "num_round above 20" in finding.what


@pytest.mark.parametrize(
    ("after", "patience"),
    [
        pytest.param([0.51] * 3, None, id="the best round is not among the last"),
        pytest.param([0.51], 1, id="early stopping ended it"),
    ],
)
def test_a_training_that_was_over_should_not_go_on(model: Case, after: list[float], patience: int | None) -> None:
    report = model.report(curves=(curve([*fall(0.69, 0.5, 20), *after]),), early_stopping_rounds=patience)
    assert "still_improving" not in found(report)


@pytest.mark.parametrize("best", [0, 1, 2, 3])
def test_a_best_round_among_the_first_three_is_stopped_at_once(model: Case, best: int) -> None:
    values = [0.6, 0.55, 0.5, 0.45][: best + 1] + [0.62] * 10
    report = of_rounds(model, best + 1).report(
        curves=(curve(values),), class_counts=counts((900, 1_100)), early_stopping_rounds=10
    )
    assert ("stopped_at_once" in found(report)) == (best <= 2)


def test_an_early_best_round_that_stopped_nothing_is_not_stopped_at_once(model: Case) -> None:
    report = model.report(curves=(curve([0.6, 0.5, *[0.62] * 18]),))
    assert report.best_round == 1
    assert "stopped_at_once" not in found(report)


def test_three_rounds_that_were_all_that_was_asked_for_are_not_stopped_at_once(model: Case) -> None:
    report = of_rounds(model, 3).report(curves=(curve([0.6, 0.5, 0.4]),), early_stopping_rounds=10)
    assert set(found(report)) == {"still_improving"}


def test_a_rare_class_is_told_with_the_weight_that_evens_it_out(model: Case) -> None:
    finding = found(model.report(class_counts=counts((1_960, 40))))["class_imbalance"]
    assert "Of 2,000 training rows 40 (2.00%) are `yes` and 1,960 are `no`" in finding.what
    assert "scale_pos_weight to about 49," in finding.what


def test_where_the_positive_class_is_the_common_one_the_weight_is_below_1(model: Case) -> None:
    finding = found(model.report(class_counts=counts((40, 1_960))))["class_imbalance"]
    assert "scale_pos_weight to about 0.02," in finding.what


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((2_100, 900, 900, 100), id="a share of 2.5 %"),
        pytest.param((478, *(18,) * 29), id="a ratio of 27 at a share that is fair among thirty"),
    ],
)
def test_of_many_classes_a_rare_one_is_told_without_a_weight(model: Case, numbers: tuple[int, ...]) -> None:
    class_counts = counts(numbers)
    classes = tuple(count.label for count in class_counts)
    finding = found(model.report(classes=classes, class_counts=class_counts))["class_imbalance"]
    assert "scale_pos_weight" not in finding.what


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((1_890, 110), id="5.5 %"),
        pytest.param((100,) * 30, id="30 classes of 3.3 % each"),
        pytest.param((0, 0), id="no rows"),
    ],
)
def test_classes_that_are_even_enough_are_no_imbalance(model: Case, numbers: tuple[int, ...]) -> None:
    assert "class_imbalance" not in found(model.report(class_counts=counts(numbers)))


def test_a_class_without_training_rows_is_told_too(model: Case) -> None:
    report = found(model.report(class_counts=counts((500, 500, 500, 0))))
    assert "0 (0.00%) are `class 3`" in report["class_imbalance"].what
    assert "`class 3` (0 to train on" in report["few_rows_of_class"].what


def test_few_rows_to_learn_from_are_a_warning_and_few_to_measure_on_a_note(model: Case) -> None:
    learn = found(model.report(class_counts=counts((500, 49, 500, 500))))["few_rows_of_class"]
    assert learn.severity == "warning"
    assert "`yes` (49 to train on" in learn.what
    assert "`no`" not in learn.what
    measure = found(model.report(class_counts=counts((500, 500, 500, 500), held_out=19)))["few_rows_of_class"]
    assert measure.severity == "note"
    assert "few_rows_of_class" not in found(model.report(class_counts=counts((50, 50, 50, 50), held_out=20)))


def test_of_many_classes_with_few_rows_five_are_named(model: Case) -> None:
    what = found(model.report(class_counts=counts((9,) * 12)))["few_rows_of_class"].what
    assert what.count("to train on,") == 5
    assert "and 7 more" in what


@pytest.mark.parametrize("curves", [(), (curve([], [0.5, 0.4]),)], ids=["no log", "the training part alone"])
def test_a_log_that_tells_nothing_is_a_note(model: Case, curves: tuple[LearningCurve, ...]) -> None:
    report = model.report(curves=curves, early_stopping_rounds=10)
    assert found(report)["no_curve"].severity == "note"
    assert (report.best_round, report.stopped_early) == (None, False)
    assert report.rounds_trained == (2 if curves else None)


def test_a_real_training_tells_its_best_round_as_xgboost_does() -> None:
    rng = np.random.default_rng(5)
    rows = features(rng, 900)
    labels = (np.nan_to_num(rows[:, 0]) / 10 + rng.normal(size=900) > 4).astype(np.int64)
    train, validation = xgboost.DMatrix(rows[:400], labels[:400]), xgboost.DMatrix(rows[400:700], labels[400:700])
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        {"objective": "binary:logistic", "eval_metric": "logloss", "eta": 0.3, "nthread": 1, "seed": 0},
        train,
        num_boost_round=200,
        evals=[(train, "train"), (validation, "validation")],
        evals_result=history,
        verbose_eval=False,
        callbacks=[xgboost.callback.EarlyStopping(rounds=10, data_name="validation", save_best=True)],
    )
    pairs = zip(history["train"]["logloss"], history["validation"]["logloss"], strict=True)
    lines = [f"[{n}]\ttrain-logloss:{t:.5f}\tvalidation-logloss:{v:.5f}" for n, (t, v) in enumerate(pairs)]
    scores = booster.inplace_predict(rows[700:]).astype(np.float64)
    case = Case(booster, recipe(("no", "yes")), rows[700:], labels[700:], scores, (scores >= 0.5).astype(np.int64))
    report = case.report(curves=read_curves(lines), early_stopping_rounds=10)
    assert report.best_round == booster.best_iteration == report.rounds - 1
    assert report.rounds_trained == report.rounds + 10
    assert report.stopped_early
    assert "overfitting" in found(report)
    assert math.isfinite(sum(importance.shap or 0 for importance in report.importances))
