"""Models of the folds are measured over all rows, each by a model that has not seen it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import log_loss, root_mean_squared_error

from scoring import cross_validation
from scoring.cross_validation import Fold, OutOfFold, out_of_fold, read_folds, summed_up
from scoring.xgboost import XGBoostModel
from sluice.dataset.config import DatasetConfig
from sluice.evaluation.metrics import tell_cross_validation

FOLDS = 5


@dataclass
class Shares:
    """A model that predicts the shares of the labels by the first feature, and says what it was trained on."""

    rounds: int = 7
    labels: Any = None
    features: Any = None
    seen: list[str] = field(default_factory=list)

    def retrained(self, train: Any, validation: Any, hyperparameters: Mapping[str, str], max_rounds: int) -> Shares:
        self.seen.append(f"{train[1].size} {validation[1].size} {hyperparameters['eta']}")
        return Shares(labels=train[1], features=train[0], seen=self.seen)

    def refitted(self, rows: Any, hyperparameters: Mapping[str, str]) -> Shares:
        self.seen.append(f"{rows[1].size} {hyperparameters['eta']}")
        return Shares(labels=rows[1], features=rows[0], seen=self.seen)

    def scores(self, features: Any) -> Any:
        known = {value: self.labels[self.features[:, 0] == value].mean() for value in np.unique(self.features[:, 0])}
        return np.array([known[value] for value in features[:, 0]])


def folded(labels: Any, features: Any, units: Any = None, times: int = 1) -> tuple[Fold, ...]:
    units = np.arange(labels.size) if units is None else units
    made = []
    for fold in range(FOLDS * times):
        place = (units // 5 ** (fold // FOLDS) - fold) % FOLDS
        parts = np.where(place == 0, 2, np.where(place == 1, 1, 0))
        made.append(Fold(parts, units, labels.astype(np.float64), features.astype(np.float32)))
    return tuple(made)


def table(rows: int = 400, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 3, (rows, 1))
    return (rng.random(rows) < 0.2 + 0.25 * features[:, 0]).astype(np.float64), features


def settings(**more: Any) -> dict[str, str]:
    return DatasetConfig.model_validate({"hyperparameters": more}).resolved_hyperparameters(2, 400)


@pytest.mark.parametrize("refits", [False, True])
def test_each_row_is_scored_by_a_model_that_was_trained_without_it(*, refits: bool) -> None:
    labels, features = table()
    model = Shares()
    found = out_of_fold(model, folded(labels, features), settings(), "classification", refits=refits)  # type: ignore[arg-type]
    assert found is not None
    assert model.seen == [text for _ in range(FOLDS) for text in ["240 80 0.05", *(["320 0.05"] if refits else [])]]
    scores, baseline, truth = [], [], []
    for fold in folded(labels, features):
        known = fold.parts < 2 if refits else fold.parts == 0
        tested = fold.parts == 2
        by_value = {v: labels[known & (features[:, 0] == v)].mean() for v in range(3)}
        scores += [by_value[v] for v in features[tested, 0]]
        dummy = DummyClassifier(strategy="prior").fit(features[fold.parts < 2], labels[fold.parts < 2])
        baseline += dummy.predict_proba(features[tested])[:, 1].tolist()
        truth += labels[tested].tolist()
    told = summed_up(found, "classification", 1)
    assert told is not None
    assert told.value == pytest.approx(log_loss(truth, scores))
    assert told.baseline == pytest.approx(log_loss(truth, baseline))
    assert told.share == pytest.approx(told.value / told.baseline)
    assert (told.metric, told.rows, told.folds, told.times) == ("log_loss", 400, 5, 1)
    assert told.interval[0] < told.share < told.interval[1] < 1


def test_of_numbers_the_errors_are_rooted_once_over_all_rows() -> None:
    rng = np.random.default_rng(3)
    features = rng.integers(0, 3, (300, 1))
    labels = 10 * features[:, 0] + rng.normal(0, 4, 300)
    found = out_of_fold(Shares(), folded(labels, features), settings(), "regression", refits=True)  # type: ignore[arg-type]
    assert found is not None
    told = summed_up(found, "regression", 1)
    assert told is not None
    scores, baseline, truth = [], [], []
    for fold in folded(labels, features):
        known, tested = fold.parts < 2, fold.parts == 2
        by_value = {v: labels[known & (features[:, 0] == v)].mean() for v in range(3)}
        scores += [by_value[v] for v in features[tested, 0]]
        baseline += DummyRegressor().fit(features[known], labels[known]).predict(features[tested]).tolist()
        truth += labels[tested].tolist()
    assert told.value == pytest.approx(root_mean_squared_error(truth, scores))
    assert told.baseline == pytest.approx(root_mean_squared_error(truth, baseline))
    assert told.interval[0] < told.share < told.interval[1]


def test_xgboost_trains_as_the_jobs_do() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 2)).astype(np.float32)
    labels = (rng.random(300) < 1 / (1 + np.exp(-2 * features[:, 0]))).astype(np.float64)
    sent = settings(num_round=60)
    first = folded(labels, features)[:1]
    run = xgboost.train({"nthread": 1}, xgboost.DMatrix(features, labels), 20)
    found = out_of_fold(XGBoostModel(run), first, sent, "classification", refits=True)
    assert found is not None
    train, watched, tested = ((features[first[0].parts == part], labels[first[0].parts == part]) for part in range(3))
    own = {key: value for key, value in sent.items() if key not in {"num_round", "early_stopping_rounds"}}
    one = xgboost.train(
        {**own, "nthread": 1},
        xgboost.DMatrix(*train),
        60,
        evals=[(xgboost.DMatrix(*watched), "watched")],
        early_stopping_rounds=50,
        verbose_eval=False,
    )
    known = first[0].parts < 2
    again = xgboost.train(
        {**own, "nthread": 1}, xgboost.DMatrix(features[known], labels[known]), one.best_iteration + 1
    )
    assert found.losses.mean() == pytest.approx(log_loss(tested[1], again.inplace_predict(tested[0])), rel=1e-6)


def test_nothing_is_measured_if_a_fold_lacks_a_class_or_a_part_or_it_is_too_much_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels, features = table()
    fold, *others = folded(labels, features)
    lonely = Fold(fold.parts, fold.units, np.where(fold.parts == 0, 0.0, labels), fold.features)
    unwatched = Fold(np.where(fold.parts == 1, 0, fold.parts), fold.units, labels, fold.features)
    for odd in (lonely, unwatched):
        assert out_of_fold(Shares(), [odd, *others], settings(), "classification", refits=True) is None  # type: ignore[arg-type]
    cells = FOLDS * 400 * 2
    monkeypatch.setattr(cross_validation, "MAX_WORK", 2 * 7 * cells - 1)
    assert out_of_fold(Shares(), [fold, *others], settings(), "classification", refits=True) is None  # type: ignore[arg-type]
    monkeypatch.setattr(cross_validation, "MAX_WORK", 2 * 7 * cells)
    assert out_of_fold(Shares(), [fold, *others], settings(), "classification", refits=True) is not None  # type: ignore[arg-type]


def losses(rows: int, seed: int = 0, copies: int = 1) -> OutOfFold:
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(rows), copies)
    own, baseline = (np.repeat(rng.gamma(4, mean / 4, rows), copies) for mean in (0.6, 0.69))
    return OutOfFold(own, baseline, units, FOLDS * copies)


def test_the_interval_counts_what_stays_together_once_and_a_row_that_is_tested_thrice_once() -> None:
    once, thrice = summed_up(losses(200), "classification", 1), summed_up(losses(200, copies=3), "classification", 3)
    assert once is not None
    assert thrice is not None
    assert thrice.interval == pytest.approx(once.interval)
    assert (thrice.rows, thrice.units, thrice.folds, thrice.times) == (200, 200, 5, 3)


def test_the_interval_does_not_depend_on_the_order_of_the_rows() -> None:
    found = losses(300)
    turned = OutOfFold(found.losses[::-1], found.baseline[::-1], found.units[::-1], found.folds)
    assert summed_up(turned, "classification", 1) == summed_up(found, "classification", 1)


def test_a_baseline_without_loss_leaves_nothing_to_tell() -> None:
    found = losses(50)
    assert summed_up(OutOfFold(found.losses, 0 * found.baseline, found.units, FOLDS), "classification", 1) is None


def test_a_file_of_folds_is_read_with_as_many_features_as_each_fold_has(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    path.write_text("0,2,0,1,0.5,\n0,0,1,0,1.5,2\n1,1,0,1,7\n1,0,1,0,\n")
    first, second = read_folds(path)
    assert (first.parts.tolist(), first.units.tolist(), first.labels.tolist()) == ([2, 0], [0, 1], [1, 0])
    assert first.features.shape == (2, 2)
    assert np.isnan(first.features[0, 1])
    assert second.features[0].tolist() == [7]
    assert np.isnan(second.features[1, 0])
    path.write_text("0,2,0,1,0.5\n0,0,1,0,1.5,2\n")
    with pytest.raises(ValueError, match=r"folds\.csv has rows with different numbers of columns"):
        read_folds(path)


def test_it_is_told_in_one_sentence() -> None:
    told = summed_up(losses(200, copies=3), "classification", 3)
    assert told is not None
    found = told.model_copy(update={"value": 0.6, "baseline": 0.69, "share": 0.87, "interval": (0.8, 0.94)})
    assert tell_cross_validation(found) == (
        "Cross-validated over all 200 rows (5 folds, cut 3 times), log loss is 0.6000, 87% of the baseline's 0.6900 "
        "(95% interval 80% to 94%)."
    )
