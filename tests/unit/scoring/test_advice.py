"""Every gate that fails says what to do about it, and says what fits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import numpy as np
import pytest

from scoring.champion import compare
from scoring.evaluation import Scored, measure
from scoring.gates import failures, judge
from scoring.number_metrics import ScoredNumbers, measure_numbers
from sluice.dataset.config import BiasName, ChampionPolicy, Facet, Gates, Limits
from sluice.evaluation.document import BiasMetric, ChampionComparison, FacetBias, SliceResult
from sluice.evaluation.metrics import METRICS, Metric, of_task
from sluice.messages import AnyMetrics, GateCheck, Metrics, TargetNumbers

RNG: Final = np.random.default_rng(0)
LABELS: Final = np.arange(120) % 2
MODEL: Final = measure(Scored(LABELS, (RNG.random(120) + LABELS) / 2), 0.7)
MANY: Final = measure(Scored(np.arange(120) % 3, RNG.dirichlet([1, 1, 1], 120)), 1.1)
BASELINE: Final = TargetNumbers(mean=0, median=0, low=-16, high=16, minimum=-30, maximum=30, deviation=10)
TRUTH: Final = RNG.normal(0, 10, 120)
OF_NUMBERS: Final = measure_numbers(ScoredNumbers(TRUTH, TRUTH + RNG.normal(0, 4, 120), 6.0), BASELINE)
LIMITS: Final = [name for name in Limits.model_fields if name not in {"certain", "cross_validated"}]
BIAS: Final[tuple[BiasName, ...]] = get_args(BiasName.__value__)
CLASSES: Final = of_task("classification")
NUMBERS: Final = of_task("regression")
EACH: Final = pytest.mark.parametrize("metric", CLASSES.values(), ids=CLASSES)
EACH_OF_NUMBERS: Final = pytest.mark.parametrize("metric", NUMBERS.values(), ids=NUMBERS)


def unreachable(key: str) -> float:
    """A limit that fails whatever is measured."""
    return 1e-9 if key.startswith("max") else 1e9


def only(checks: tuple[GateCheck, ...], name: str) -> GateCheck:
    (found,) = (check for check in checks if check.name == name)
    return found


def advised(check: GateCheck) -> str:
    """The advice of a check that failed: what follows the first full stop."""
    assert not check.passed
    found = re.fullmatch(r"(.+?)\. ([A-Z].+[^.])", check.reason)
    assert found, check.reason
    return found[2]


def held(metric: Metric, key: str, metrics: AnyMetrics = MODEL, **given: Any) -> GateCheck:
    """A gate that fails: the limit of ``key`` is out of reach. Configurations with such limits are refused."""
    limits = Limits.model_validate({key: unreachable(key), "certain": given.pop("certain", False)})
    wanted = Gates.model_construct(None, **{metric.name: limits})
    assert isinstance(wanted, Gates)
    return only(judge(metrics, wanted, 0.9, **given), f"{metric.name}.{key}")


def live(metrics: AnyMetrics | None = MODEL) -> ChampionComparison:
    return ChampionComparison(
        run_id="c" * 12, policy="ignore", comparable=True, reason="It is not asked.", metrics=metrics, deploys=True
    )


def a_slice(rows: int, metrics: Mapping[str, float | None]) -> SliceResult:
    return SliceResult(column="sex", value="f", rows=rows, metrics=dict(metrics))


def everything_beside(metrics: AnyMetrics) -> dict[str, Any]:
    values = {name: getattr(metrics, name) for name in of_task(metrics.task)}
    return {"prior": metrics, "champion": live(metrics), "slices": [a_slice(100, values), a_slice(200, values)]}


@pytest.mark.parametrize("metrics", [MODEL, MANY], ids=["two classes", "three classes"])
@pytest.mark.parametrize("key", LIMITS)
@EACH
def test_a_metric_beyond_a_limit_comes_with_advice_that_names_the_key_to_change(
    metric: Metric, key: str, metrics: Metrics
) -> None:
    if metric.name == "mcc":  # of a negative one no share can be taken
        metrics = metrics.model_copy(update={"mcc": 0.5})
    said = advised(held(metric, key, metrics, **everything_beside(metrics)))
    assert f"`gates.{metric.name}.{key}`" in said
    too_good = key.startswith("max") is metric.higher_is_better
    assert ("gives the target away" in said) is too_good
    assert ("more rows" in said) is not too_good
    if len(metrics.confusion_matrix) > 2:
        assert "cutoff" not in said, "there is none from three classes on"


@pytest.mark.parametrize("key", LIMITS)
@EACH_OF_NUMBERS
def test_a_metric_of_numbers_beyond_a_limit_has_such_advice_and_nothing_of_classes(metric: Metric, key: str) -> None:
    said = advised(held(metric, key, OF_NUMBERS, **everything_beside(OF_NUMBERS)))
    assert f"`gates.{metric.name}.{key}`" in said
    too_good = key.startswith("max") is metric.higher_is_better and metric.name != "coverage"
    assert ("gives the target away" in said) is too_good
    assert ("more rows" in said) is not too_good
    assert not re.search("cutoff|class|scale_pos_weight", said)


@pytest.mark.parametrize("key", LIMITS)
@pytest.mark.parametrize("name", ["r2", "pinball", "coverage"])
def test_a_metric_of_numbers_without_a_value_comes_with_advice_on_how_to_get_one(name: str, key: str) -> None:
    empty = OF_NUMBERS.model_copy(update={name: None, "intervals": {}, "of_prior": {}})
    said = advised(held(METRICS[name], key, empty, **everything_beside(empty)))
    assert f"`gates.{name}.{key}`" in said
    if not key.endswith("of_slice"):
        assert ("validation rows" in said) is (name != "r2")


def test_another_cutoff_is_advised_only_for_metrics_that_it_changes() -> None:
    advising = {name for name, metric in CLASSES.items() if "cutoff" in advised(held(metric, "min"))} | {
        name for name, metric in CLASSES.items() if "cutoff" in advised(held(metric, "max"))
    }
    assert advising == {"accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc"}


def test_weights_of_classes_are_named_for_calibration_alone() -> None:
    weighing = {
        name
        for name, metric in CLASSES.items()
        for key in ("min", "max")
        if "scale_pos_weight" in advised(held(metric, key))
    }
    assert weighing == {"expected_calibration_error"}


@EACH
def test_a_model_that_is_worse_than_the_live_one_is_not_said_to_be_too_good(metric: Metric) -> None:
    key = "min_of_champion" if metric.higher_is_better else "max_of_champion"
    assert advised(held(metric, key, champion=live())).startswith("The live model stays")


@pytest.mark.parametrize("metrics", [MODEL, MANY], ids=["two classes", "three classes"])
@pytest.mark.parametrize("key", LIMITS)
@EACH
def test_a_metric_without_a_value_comes_with_advice_on_how_to_get_one(
    metric: Metric, key: str, metrics: Metrics
) -> None:
    if metric.name in {"log_loss", "accuracy"}:
        return  # they always have one
    empty = metrics.model_copy(update={metric.name: None, "intervals": {}})
    beside = everything_beside(empty)
    said = advised(held(metric, key, empty, **beside))
    assert f"`gates.{metric.name}.{key}`" in said
    if not key.endswith("of_slice"):
        assert "more rows of" in said


@pytest.mark.parametrize(
    ("slices", "part"),
    [
        ([], "Name columns under `slices`"),
        ([a_slice(29, {"recall": 0.9})], "No slice has 30 test rows or more"),
        ([a_slice(30, {"recall": None})], "No large slice has rows to measure it on"),
    ],
)
def test_a_gate_on_slices_without_any_says_why(slices: list[SliceResult], part: str) -> None:
    assert part in advised(held(METRICS["recall"], "min_of_slice", slices=slices))


@pytest.mark.parametrize("other", [None, 0.0])
@pytest.mark.parametrize("key", ["min_of_prior", "min_of_champion"])
def test_a_share_of_nothing_is_not_a_want_of_rows(key: str, other: float | None) -> None:
    nothing = MODEL.model_copy(update={"recall": other})
    said = advised(held(METRICS["recall"], key, prior=nothing, champion=live(nothing)))
    assert said.endswith(f"set `min` in place of `gates.recall.{key}` in config.yaml")


@pytest.mark.parametrize("key", ["min", "max", "min_of_prior", "max_of_prior"])
def test_a_value_that_keeps_the_limit_without_certainty_wants_test_rows(key: str) -> None:
    limit = 0.9 if key.startswith("max") else 0.7
    ends = (0.5, 1.0)
    metrics = MODEL.model_copy(update={"recall": 0.8, "intervals": {"recall": ends}})
    limits = Limits.model_validate({key: limit, "certain": True})
    (check,) = judge(
        metrics, Gates.model_validate({"recall": limits}), 0.9, prior=MODEL.model_copy(update={"recall": 1.0})
    )
    assert "`split.test`" in advised(check)
    assert "end of its interval" in check.reason


def facets(name: BiasName, value: float | None, **given: Any) -> list[tuple[Facet, FacetBias]]:
    limits = {"max": -9e9, "min": 9e9}
    facet = Facet.model_validate({"column": "sex", "group": ["f"], "gates": {name: limits}, **given})
    metric = BiasMetric(name=name, title="Title", value=value, fair=0)
    found = FacetBias(
        column="sex", group="f", favoured_label="yes", rows=1, other_rows=1, pre_training=(metric,), post_training=()
    )
    return [(facet, found)]


def of_facet(name: BiasName, value: float | None, metrics: Metrics = MODEL) -> Iterator[GateCheck]:
    yield from judge(metrics, Gates(), 9e9, facets=facets(name, value))[1:]


@pytest.mark.parametrize("name", BIAS)
def test_a_failed_bias_gate_is_not_told_to_bring_more_rows(name: BiasName) -> None:
    checks = list(of_facet(name, 0.5))
    assert len(checks) == 2
    for check in checks:
        said = advised(check)
        assert ("more rows" in said) is (name == "CI"), "only the group's share of the rows grows with rows"
        assert ("training does not change" in said) is (name in {"DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"})
        key = check.name.split()[0].partition(".")[2]
        assert said.endswith(f"change `gates.{name}.{key}` of the facet `sex` in config.yaml")


def test_class_imbalance_is_told_whose_rows_are_few() -> None:
    largest, least = of_facet("CI", 0.5)
    if largest.name.startswith("CI.min"):
        largest, least = least, largest
    assert "more rows of the group" in advised(largest)
    assert "more rows outside the group" in advised(least)


@pytest.mark.parametrize("name", BIAS)
def test_a_bias_metric_without_a_value_says_how_to_get_one(name: BiasName) -> None:
    for check in of_facet(name, None):
        assert ("`condition_on`" in advised(check)) is (name in {"CDDL", "CDDPL"})


def test_no_cutoff_is_advised_for_a_bias_of_many_classes() -> None:
    assert "cutoff" in advised(next(of_facet("DI", 0.5)))
    assert "cutoff" not in advised(next(of_facet("DI", 0.5, MANY)))


@pytest.mark.parametrize("policy", ["not_worse", "better"])
@pytest.mark.parametrize("better", [0.0, 0.001, -0.001, -0.2])
def test_the_comparison_with_the_live_model_says_what_to_do(policy: str, better: float) -> None:
    scores = np.where(LABELS == 1, 0.7, 0.3) + RNG.normal(0, 0.05, LABELS.size)
    own = Scored(LABELS, scores + np.where(LABELS == 1, better, -better))
    asked = ChampionPolicy.model_validate({"policy": policy, "margin": 0.0001})
    found = compare(own, scores, "c" * 12, asked, 0.7)
    if found.deploys:
        assert better > 0
        return
    assert re.search(r"More test rows would tell|Give it more rows|set `champion: ", found.reason), found.reason


def test_a_gate_that_passes_gives_no_advice() -> None:
    checks = judge(MODEL, Gates.model_validate({"accuracy": {"min": 0.1}, "log_loss": {"max_of_prior": 0.99}}), 0.9)
    assert all(check.passed for check in checks)
    assert [check.reason for check in checks if ". " in check.reason] == []
    assert failures(checks) == ()
