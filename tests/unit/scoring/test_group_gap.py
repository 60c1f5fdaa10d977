"""What a model loses on new values of an identifier is measured where there is something to lose, and only there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import xgboost

from scoring.group_gap import (
    GroupSample,
    measure_group_gap,
    measure_group_gaps,
    read_group_sample,
    tell_group_gap,
)
from scoring.xgboost.model import XGBoostModel
from sluice.dataset.recipe import NumberColumn, Recipe, Target
from sluice.evaluation.document import Evaluation, GroupGap, ValueGap
from sluice.training.hyperparameters import DEFAULTS, objective_of

FEATURES: Final = 5
ANY: Final = XGBoostModel(xgboost.Booster())
"""Others of its kind are trained; it is not asked itself."""


def settings(classes: int = 2) -> dict[str, str]:
    chosen = {**DEFAULTS, "eta": 0.3, "early_stopping_rounds": 10, **objective_of(classes)}
    return {name: str(value) for name, value in chosen.items()}


def recipe(classes: int = 2, *names: str) -> Recipe:
    columns = tuple(NumberColumn(name=name) for name in names or [f"x{i}" for i in range(FEATURES)])
    return Recipe(target=Target(name="y", classes=tuple(map(str, range(classes)))), missing=(), columns=columns)


def sample(labels: Any, groups: Any, features: Any, seed: int = 0) -> GroupSample:
    order = np.random.default_rng([seed, 9]).permutation(len(labels))
    return GroupSample("machine", np.asarray(labels), np.asarray(groups), order, np.asarray(features, np.float32))


def machines(number: int = 120, rows: int = 8, classes: int = 2, seed: int = 0) -> GroupSample:
    """Each machine has a label that chance made, and looks alike in all of its rows."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(number), rows)
    looks = rng.normal(size=(number, FEATURES))[groups] + 0.02 * rng.normal(size=(len(groups), FEATURES))
    return sample(rng.integers(0, classes, number)[groups], groups, looks, seed)


def plain(seed: int, rows: int = 900) -> GroupSample:
    """The label follows from a feature, and from no machine."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, FEATURES))
    labels = (features[:, 0] + rng.normal(size=rows) > 0).astype(int)
    return sample(labels, np.unique(rng.integers(0, 150, rows), return_inverse=True)[1], features, seed)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_label_that_chance_gave_each_machine_is_known_by_heart_and_not_of_a_new_one(classes: int) -> None:
    found = measure_group_gap(ANY, recipe(classes), machines(classes=classes), settings(classes))
    assert found is not None
    assert (found.column, found.groups, found.rows) == ("machine", 120, 960)
    assert found.prior == pytest.approx(np.log(classes), abs=0.02)
    assert found.known < 0.3 * found.prior
    assert found.new > 0.95 * found.prior, "nothing can be said of a new machine"
    assert found.difference == pytest.approx(found.new - found.known)
    assert found.flatters
    low, high = found.interval
    assert 0.4 * found.prior < low < found.difference < high
    assert "The test flatters the model, because it knows the values of `machine`" in tell_group_gap(found)
    assert "`split: {group_by: machine}`" in tell_group_gap(found)


@pytest.mark.parametrize("seed", range(5))
def test_a_label_that_follows_from_the_columns_alone_has_no_gap(seed: int) -> None:
    found = measure_group_gap(ANY, recipe(), plain(seed), settings())
    assert found is not None
    assert found.interval[0] <= 0 <= found.interval[1]
    assert found.new < 0.85 * found.prior
    assert not found.flatters
    assert not tell_group_gap(found).startswith("The test flatters")


def test_the_same_rows_give_the_same_figures() -> None:
    assert measure_group_gap(ANY, recipe(), plain(1), settings()) == measure_group_gap(
        ANY, recipe(), plain(1), settings()
    )


def test_a_feature_of_the_identifier_itself_is_none_for_new_values() -> None:
    """As with ``group_by``. With it, the trees would cut between its numbers, which say nothing."""
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(100), 8)
    labels = rng.integers(0, 2, 100)[groups]
    features = np.column_stack([rng.permutation(100)[groups], rng.normal(size=800)])
    found = measure_group_gap(ANY, recipe(2, "machine", "x"), sample(labels, groups, features), settings())
    assert found is not None
    assert found.known < 0.75 * found.prior
    assert found.new == pytest.approx(found.prior, abs=0.05)
    assert measure_group_gap(ANY, recipe(2, "machine"), sample(labels, groups, features[:, :1]), settings()) is None


def test_the_interval_counts_values_and_not_rows() -> None:
    """The same row twenty times is no more evidence than once."""
    few, many = machines(40, 3), machines(40, 30)
    ends = [measure_group_gap(ANY, recipe(), rows, settings()) for rows in (few, many)]
    widths = [found.interval[1] - found.interval[0] for found in ends if found is not None]
    assert len(widths) == 2
    assert widths[1] > 0.3 * widths[0]


def test_what_too_few_values_have_is_not_measured() -> None:
    assert measure_group_gap(ANY, recipe(), machines(19, 20), settings()) is None
    assert measure_group_gap(ANY, recipe(), machines(20, 20), settings()) is not None
    of_one_machine = machines(60, 6, classes=2)
    labels = (of_one_machine.groups == 7).astype(np.int64)
    lonely = sample(labels, of_one_machine.groups, of_one_machine.features)
    assert measure_group_gap(ANY, recipe(), lonely, settings()) is None


class Watched(XGBoostModel):
    """Says how many rounds the models that are trained may have."""

    def retrained(
        self,
        train: tuple[Any, Any],
        validation: tuple[Any, Any],
        hyperparameters: Mapping[str, str],
        max_rounds: int,
    ) -> XGBoostModel:
        asked.append(max_rounds)
        return XGBoostModel.retrained(self, train, validation, hyperparameters, 1)


asked: list[int] = []


def test_the_work_is_bounded_for_wide_tables_and_many_classes() -> None:
    asked.clear()
    features = np.zeros((900, 600), np.float32)
    features[:, :FEATURES] = plain(0).features
    wide = sample(plain(0).labels, plain(0).groups, features)
    names = [f"x{i}" for i in range(600)]
    assert measure_group_gap(Watched(xgboost.Booster()), recipe(2, *names), wide, settings()) is not None
    assert measure_group_gap(Watched(xgboost.Booster()), recipe(), machines(rows=4), settings()) is not None
    assert {*asked[:10]} == {1_000_000_000 // (900 * 600)}
    assert min(asked[10:]) > int(settings()["num_round"]), "a small table is trained in full"


def test_the_rounds_end_at_the_best_one_on_the_rows_that_are_watched() -> None:
    rows = plain(3)
    train, watched = ((rows.features[i], rows.labels[i]) for i in (slice(0, 600), slice(600, None)))
    model = ANY.retrained(train, watched, settings(), 2000)
    data = xgboost.DMatrix(watched[0], watched[1])
    losses = [
        float(model.booster[: i + 1].eval(data).partition(":")[2]) for i in range(model.booster.num_boosted_rounds())
    ]
    assert losses[-1] == min(losses)
    assert ANY.retrained(train, watched, settings(), 3).booster.num_boosted_rounds() <= 3


NUMBERS: Final = Recipe(target=Target(name="y", task="regression"), missing=(), columns=recipe().columns)
OF_NUMBERS: Final = settings(0)


def numbers_of_machines(spread: float, noise: float, seed: int = 0) -> GroupSample:
    """Each machine has a number of its own, from a normal distribution with that spread, and rows differ by noise."""
    rng = np.random.default_rng(seed)
    rows = machines(seed=seed)
    own = rng.normal(1000, spread, 120) if spread else np.full(120, 1000.0)
    return sample(own[rows.groups] + rng.normal(0, noise, rows.groups.size), rows.groups, rows.features, seed)


def test_a_number_that_chance_gave_each_machine_is_known_by_heart_and_not_of_a_new_one() -> None:
    found = measure_group_gap(ANY, NUMBERS, numbers_of_machines(50, 10), OF_NUMBERS)
    assert found is not None
    assert (found.loss, found.groups, found.rows, found.flatters) == ("RMSE", 120, 960, True)
    assert found.prior == pytest.approx(np.hypot(50, 10), rel=0.1), "in the unit of the target"
    assert 9 < found.known < 25
    assert found.new > 0.9 * found.prior, "nothing can be said of a new machine"
    low, high = found.interval
    assert 20 < low < found.difference == pytest.approx(found.new - found.known)
    assert found.difference < high
    told = tell_group_gap(found)
    assert told.startswith("The test flatters the model, because it knows the values of `machine` from training")
    assert f"RMSE is {found.known:.4g}, on new ones {found.new:.4g}" in told


@pytest.mark.parametrize("seed", range(3))
def test_a_number_that_follows_from_the_columns_alone_has_no_gap(seed: int) -> None:
    rows = plain(seed)
    numbers = 100 * rows.features[:, 0] + 50 * np.random.default_rng([seed, 5]).normal(size=rows.groups.size)
    found = measure_group_gap(ANY, NUMBERS, sample(numbers, rows.groups, rows.features, seed), OF_NUMBERS)
    assert found is not None
    assert found.interval[0] <= 0 <= found.interval[1]
    assert found.new < 0.7 * found.prior
    assert not found.flatters


def test_of_several_identifiers_each_is_measured_and_they_share_the_work() -> None:
    asked.clear()
    features = np.zeros((900, 600), np.float32)
    features[:, :FEATURES] = plain(0).features
    wide = sample(plain(0).labels, plain(0).groups, features)
    small = sample(plain(0).labels, plain(0).groups % 10, features)
    found = measure_group_gaps(
        Watched(xgboost.Booster()), recipe(2, *(f"x{i}" for i in range(600))), [wide, small, wide], settings()
    )
    assert [one.groups for one in found] == [wide.groups.max() + 1] * 2, "of ten values nothing can be said"
    assert {*asked} == {1_000_000_000 // 3 // (900 * 600)}
    assert measure_group_gaps(ANY, recipe(), [], settings()) == ()


def test_the_gap_that_an_earlier_release_wrote_is_read_and_the_first_one_is_written_for_it() -> None:
    known = {"run_id": "a" * 12, "dataset": "d", "job_name": "j", "model_uri": "s3://b/m", "target": "y"}
    rest = {"classes": ("no", "yes"), "verdict": "accepted"}
    earlier = Evaluation.read({**known, **rest, "group_gap": GroupGap.of(FOUND).model_dump()})
    assert (earlier.group_gaps, earlier.gaps) == ((), (FOUND,))
    other = FOUND.model_copy(update={"column": "Haus"})
    now = Evaluation(**known, **rest, group_gaps=(FOUND, other), group_gap=GroupGap.of(FOUND))
    assert Evaluation.read(now.model_dump(mode="json")).gaps == (FOUND, other)
    assert Evaluation.read({**known, **rest}).gaps == ()


def test_a_sample_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "group_sample.csv"
    path.write_text("1,0,2,0.5,\n0,0,0,,3\n1,1,1,-2,4\n")
    read = read_group_sample(path, "machine", 2)
    assert read.column == "machine"
    assert (read.labels.tolist(), read.groups.tolist(), read.numbers.tolist()) == ([1, 0, 1], [0, 0, 1], [2, 0, 1])
    np.testing.assert_array_equal(read.features, np.array([[0.5, np.nan], [np.nan, 3], [-2, 4]], np.float32))
    path.write_text("-1.5,0,2,0.5,\n0.25,0,0,,3\n")
    assert read_group_sample(path, "machine", 2, "regression").labels.tolist() == [-1.5, 0.25]
    with pytest.raises(ValueError, match="6 features were expected"):
        read_group_sample(path, "machine", 4)


FOUND: Final = ValueGap(
    column="Kunde",
    groups=300,
    rows=1800,
    folds=5,
    loss="log loss",
    known=0.605,
    new=0.687,
    difference=0.082,
    interval=(0.063, 0.101),
    flatters=True,
    prior=0.69,
)


@pytest.mark.parametrize(("column", "written"), [("no: of visits", '"no: of visits"'), ("Kunde", "Kunde")])
def test_the_setting_can_be_pasted(column: str, written: str) -> None:
    told = tell_group_gap(FOUND.model_copy(update={"column": column}))
    assert f"set `split: {{group_by: {written}}}` in config.yaml" in told
    assert "log loss is 0.605, on new ones 0.687 (difference 0.082, 95 % interval 0.063 to 0.101" in told


def test_a_large_difference_that_may_be_chance_says_that_too_few_values_can_tell() -> None:
    told = tell_group_gap(FOUND.model_copy(update={"interval": (-0.02, 0.18), "flatters": False}))
    assert told.startswith("Too few values of `Kunde` tell whether the test flatters the model")
    assert "`split: {group_by: Kunde}`" in told


def test_a_small_difference_is_not_worth_another_split_however_sure_it_is() -> None:
    told = tell_group_gap(FOUND.model_copy(update={"difference": 0.009, "interval": (0.007, 0.011), "flatters": False}))
    assert told.startswith("The test hardly flatters the model")
    assert "group_by" not in told
    assert "0.007 to 0.011" in told
