from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from scoring.evaluation import Scored, measure
from scoring.gates import failures, judge
from sluice.dataset.config import Facet, Gates
from sluice.evaluation.document import BiasMetric, ChampionComparison, FacetBias, SliceResult
from sluice.messages import CrossValidation, GateCheck, Metrics

GOOD = measure(Scored(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])), 0.7, intervals=False)


def gates(text: dict[str, Any]) -> Gates:
    return Gates.model_validate(text)


def passed(checks: tuple[GateCheck, ...]) -> dict[str, bool]:
    return {check.name: check.passed for check in checks}


def test_without_gates_of_its_own_a_dataset_has_the_stacks() -> None:
    (gate,) = judge(GOOD, Gates(), 0.9)
    assert gate.name == "log_loss.max_of_prior"
    assert gate.passed
    assert gate.value == pytest.approx(GOOD.log_loss / 0.7)


def default(share: float, ends: tuple[float, float] | None, rows: int) -> GateCheck:
    """The check of a model for which neither dataset nor stack set a gate."""
    paired = {} if ends is None else {"log_loss": ends}
    metrics = GOOD.model_copy(update={"rows": rows, "log_loss": share * 0.7, "of_prior": paired, "intervals": {}})
    (gate,) = judge(metrics, Gates(), None)
    assert gate.name == "log_loss.max_of_prior"
    return gate


@pytest.mark.parametrize(
    ("share", "ends", "rows", "ok"),
    [
        (0.96, (0.93, 0.975), 3000, True),
        (0.96, (0.90, 1.02), 300, False),
        (0.96, None, 300, False),
        (0.89, (0.70, 1.05), 30, True),
        (0.89, (0.70, 1.05), 29, False),
        (0.60, (0.40, 0.85), 9, True),
        (0.998, (0.997, 0.999), 100_000, False),
    ],
)
def test_by_default_a_model_is_clearly_better_than_the_baseline_or_better_with_certainty(
    share: float, ends: tuple[float, float] | None, rows: int, ok: bool
) -> None:
    assert default(share, ends, rows).passed is ok


def test_rows_that_belong_together_count_as_one_towards_the_rows_that_show_a_model_to_be_clearly_better() -> None:
    clear = GOOD.model_copy(update={"log_loss": 0.85 * 0.7, "of_prior": {"log_loss": (0.6, 1.1)}, "rows": 3000})
    assert judge(clear, Gates(), None)[0].passed
    assert judge(clear, Gates(), None, groups=30)[0].passed
    assert not judge(clear, Gates(), None, groups=29)[0].passed
    surely = clear.model_copy(update={"of_prior": {"log_loss": (0.6, 0.9)}})
    assert judge(surely, Gates(), None, groups=9)[0].passed


def test_a_model_that_is_not_surely_better_is_told_so() -> None:
    said = default(0.96, (0.9, 1.02), 300).reason
    assert "96.00% of the 0.70000 that the baseline has" in said
    assert "the upper end of its interval (102.00%)" in said
    assert "more test rows make the interval narrower" in said


def test_a_share_that_the_stack_sets_asks_for_no_certainty_and_lets_nothing_else_through() -> None:
    surely = {"of_prior": {"log_loss": (0.93, 0.975)}, "rows": 3000}
    weak = GOOD.model_copy(update={"log_loss": 0.96 * 0.7, **surely})
    assert not judge(weak, Gates(), 0.9)[0].passed
    few = GOOD.model_copy(update={"log_loss": 0.89 * 0.7, "rows": 9})
    assert judge(few, Gates(), 0.9)[0].passed


def test_useless_models_hardly_ever_pass_by_default() -> None:
    """Scores that say nothing, and differ from the class shares by as little as a model that learned noise does."""
    rng = np.random.default_rng(5)
    passed = 0
    for seed in range(150):
        rows = (9, 22, 60)[seed % 3]
        labels = np.append([0, 1], (rng.random(rows - 2) < 0.4).astype(np.int64))
        scores = 1 / (1 + np.exp(-rng.normal(np.log(0.4 / 0.6), 0.3, rows)))
        shares = np.array([0.6, 0.4])
        baseline = float(-np.log(shares[labels]).mean())
        found = measure(Scored(labels, scores, seed=seed, replicates=200), baseline, shares=shares)
        passed += judge(found, Gates(), None)[0].passed
    assert passed <= 3


def cross_validated(share: float, ends: tuple[float, float], own: tuple[float, float] = (0.5, 1.2)) -> Metrics:
    """Of a small table, with the interval of the model's own share on the held-out rows."""
    folds = CrossValidation(
        metric="log_loss",
        value=share * 0.7,
        baseline=0.7,
        share=share,
        interval=ends,
        rows=400,
        units=400,
        folds=5,
        times=3,
    )
    return GOOD.model_copy(update={"rows": 60, "of_prior": {"log_loss": own}, "cross_validated": folds})


@pytest.mark.parametrize(
    ("share", "ends", "ok"),
    [
        (0.95, (0.91, 0.985), True),
        (0.95, (0.91, 0.986), False),
        (0.90, (0.75, 1.05), True),
        (0.901, (0.75, 1.05), False),
        (1.1, (1.0, 1.2), False),
    ],
)
def test_by_default_a_small_table_is_judged_by_all_of_its_rows(
    share: float, ends: tuple[float, float], ok: bool
) -> None:
    first, second = judge(cross_validated(share, ends), Gates(), None)
    assert (first.name, first.passed) == ("log_loss.max_of_prior", ok)
    assert (first.value, first.interval) == (share, ends)
    assert f"cross-validated over all 400 rows, log loss is {share * 0.7:.5f}" in first.reason
    assert (second.name, second.passed) == ("log_loss.max_of_prior on held-out rows", True)
    assert second.value == pytest.approx(GOOD.log_loss / GOOD.prior_log_loss)


def test_few_groups_of_a_small_table_must_be_better_with_certainty_however_many_rows_they_have() -> None:
    found = cross_validated(0.8, (0.6, 1.05))
    assert found.cross_validated is not None
    for groups, ok in ((30, True), (29, False)):
        few = found.model_copy(update={"cross_validated": found.cross_validated.model_copy(update={"units": groups})})
        assert judge(few, Gates(), None)[0].passed is ok


def test_a_model_that_is_surely_worse_on_the_held_out_rows_is_not_saved_by_the_others() -> None:
    (good, bad) = judge(cross_validated(0.8, (0.7, 0.88), own=(0.95, 1.4)), Gates(), None)
    assert (good.passed, bad.passed) == (True, False)
    assert "the lower end of its interval (95.00%) exceeds the maximum of 90%" in bad.reason
    assert "Models that are made in the same way do better on the other rows" in bad.reason


def test_what_few_rows_leave_open_is_told_with_what_to_do() -> None:
    said = judge(cross_validated(0.95, (0.9, 1.02)), Gates(), None)[0].reason
    assert "the upper end of its interval (102.00%) exceeds the maximum of 98.5%" in said
    assert "so few rows leave it open: give it more rows" in said
    assert "split.test" not in said, "all rows are measured already"


def test_limits_that_a_person_or_a_stack_set_are_about_the_held_out_rows_unless_they_say_otherwise() -> None:
    metrics = cross_validated(0.95, (0.91, 0.97))
    (own,) = judge(metrics, gates({"log_loss": {"max_of_prior": 0.5}}), None)
    assert own.value == pytest.approx(GOOD.log_loss / GOOD.prior_log_loss)
    (of_stack,) = judge(metrics, Gates(), 0.9)
    assert of_stack.value == own.value
    first, second = judge(metrics, gates({"log_loss": {"max_of_prior": 0.96, "cross_validated": True}}), None)
    assert (first.value, first.passed, second.passed) == (0.95, True, True)
    surely = {"max_of_prior": 0.96, "cross_validated": True, "certain": True, "max": 0.01}
    checks = judge(metrics, gates({"log_loss": surely}), None)
    assert passed(checks) == {
        "log_loss.max": False,
        "log_loss.max_of_prior": False,
        "log_loss.max_of_prior on held-out rows": True,
    }
    (large,) = judge(GOOD, gates({"log_loss": {"max_of_prior": 0.96, "cross_validated": True}}), None)
    assert large.value == own.value, "of a large table the held-out rows are enough"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"roc_auc": {"min": 0.7, "cross_validated": True}}, "only `log_loss` and `rmse` are cross-validated"),
        ({"log_loss": {"max": 0.7, "cross_validated": True}}, "`log_loss.max_of_prior`, which it is about"),
        ({"log_loss": {"cross_validated": True}}, "a gate needs a limit"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        gates(wrong)


def test_the_stack_may_have_gates_for_datasets_that_set_none() -> None:
    default = gates({"roc_auc": {"min": 0.8}})
    assert passed(judge(GOOD, Gates(), 0.9, default=default)) == {"roc_auc.min": True}
    assert passed(judge(GOOD, gates({"f1": {"min": 0.1}}), 0.9, default=default)) == {"f1.min": True}
    assert passed(judge(GOOD, Gates(), 0.9, default=Gates())) == {"log_loss.max_of_prior": True}


def test_gates_of_its_own_replace_the_stacks() -> None:
    found = judge(GOOD, gates({"accuracy": {"min": 0.5}, "log_loss": {"max": 0.01}}), 0.9)
    assert passed(found) == {"log_loss.max": False, "accuracy.min": True}
    (reason,) = failures(found)
    assert reason.startswith("Gate log_loss.max failed: log loss is 0.16425, which exceeds the maximum of 0.01")


def test_a_gate_with_nothing_to_measure_fails() -> None:
    nothing_predicted = measure(Scored(np.array([0, 1]), np.array([0.1, 0.2])), 0.7)
    (gate,) = judge(nothing_predicted, gates({"precision": {"min": 0.1}}), 0.9)
    assert gate.value is None
    assert not gate.passed


def test_a_prior_without_loss_leaves_nothing_to_beat() -> None:
    (gate,) = judge(measure(Scored(np.array([0, 1]), np.array([0.1, 0.9])), 0.0), Gates(), 0.9)
    assert not gate.passed


@pytest.mark.parametrize("limit", [0.5, 0.75, 1.0])
def test_a_value_at_the_limit_passes(limit: float) -> None:
    metrics = GOOD.model_copy(update={"accuracy": limit})
    (gate,) = judge(metrics, gates({"accuracy": {"min": limit}}), 0.9)
    assert gate.passed


@pytest.mark.parametrize(
    ("limits", "ends", "ok"),
    [
        ({"min": 0.7}, (0.72, 0.9), True),
        ({"min": 0.7}, (0.68, 0.9), False),
        ({"max": 0.9}, (0.7, 0.95), False),
        ({"min": 0.7}, None, False),
    ],
)
def test_a_gate_may_ask_for_certainty(limits: dict[str, float], ends: tuple[float, float] | None, ok: bool) -> None:
    metrics = GOOD.model_copy(update={"recall": 0.8, "intervals": {"recall": ends} if ends else {}})
    (by_value,) = judge(metrics, gates({"recall": limits}), 0.9)
    (certain,) = judge(metrics, gates({"recall": {**limits, "certain": True}}), 0.9)
    assert by_value.passed
    assert certain.passed is ok
    assert certain.interval == ends


def a_slice(value: str, rows: int, recall: float | None) -> SliceResult:
    return SliceResult(column="sex", value=value, rows=rows, metrics={"recall": recall})


@pytest.mark.parametrize(
    ("slices", "value", "ok"),
    [
        ([a_slice("f", 100, 0.5), a_slice("m", 900, 0.8)], 0.5, False),
        ([a_slice("f", 100, 0.7), a_slice("m", 900, 0.8)], 0.7, True),
        ([a_slice("f", 29, 0.1), a_slice("m", 900, 0.8)], 0.8, True),
        ([a_slice("f", 100, None), a_slice("m", 900, 0.8)], 0.8, True),
        ([a_slice("f", 100, None)], None, False),
        ([], None, False),
    ],
)
def test_the_worst_slice_that_is_large_enough_must_hold(
    slices: list[SliceResult], value: float | None, ok: bool
) -> None:
    (gate,) = judge(GOOD, gates({"recall": {"min_of_slice": 0.6}}), 0.9, slices=slices)
    assert (gate.value, gate.passed) == (value, ok)
    if value == 0.5:
        assert "sex = f, 100 rows" in gate.reason


def compared(**changes: Any) -> ChampionComparison:
    values: dict[str, Any] = {
        "run_id": "c" * 12,
        "policy": "not_worse",
        "comparable": True,
        "reason": "it is worse",
        "metrics": GOOD,
        "difference": 0.1,
        "interval": (0.05, 0.2),
        "margin": 0.01,
        "deploys": False,
    }
    return ChampionComparison.model_validate({**values, **changes})


def test_the_comparison_with_the_live_model_is_a_gate_beside_the_others() -> None:
    found = judge(GOOD, Gates(), 0.9, champion=compared())
    assert passed(found) == {"log_loss.max_of_prior": True, "champion.not_worse": False}
    assert found[-1].interval == (0.05, 0.2)


def test_a_metric_may_be_held_against_that_of_the_live_model() -> None:
    worse = GOOD.model_copy(update={"recall": 0.8})
    limits = gates({"recall": {"min_of_champion": 0.95}})
    live = compared(deploys=True)
    assert passed(judge(worse, limits, 0.9, champion=live))["recall.min_of_champion"] is False
    assert passed(judge(GOOD, limits, 0.9, champion=live))["recall.min_of_champion"] is True
    (default,) = judge(GOOD, limits, 0.9)
    assert default.name == "log_loss.max_of_prior", "a first model has nobody to be compared with, and no free pass"


@pytest.mark.parametrize(("policy", "deploys", "held"), [("ignore", True, True), ("not_worse", True, False)])
def test_a_live_model_without_metrics_fails_what_is_relative_to_it_unless_the_table_starts_anew(
    policy: str, deploys: bool, held: bool
) -> None:
    gone = compared(policy=policy, comparable=False, metrics=None, difference=None, interval=None, deploys=deploys)
    found = passed(judge(GOOD, gates({"recall": {"min": 0.1, "min_of_champion": 0.95}}), 0.9, champion=gone))
    assert found.get("recall.min_of_champion") is (False if held else None)


@pytest.mark.parametrize("empty", [{"recall": {}}, {"log_loss": {"certain": True}}, {"recall": {"min": None}}])
def test_a_gate_without_a_limit_is_refused(empty: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="needs a limit"):
        Gates.model_validate(empty)
    with pytest.raises(ValidationError, match="`min` or `max`"):
        Facet.model_validate({"column": "sex", "group": ["f"], "gates": {"DI": {}}})


def test_long_values_are_cut_in_what_is_said() -> None:
    facet = Facet(column="zip", group=tuple(f"{i:05d}" for i in range(2000)))
    assert facet.described == "00000, 00001, 00002 and 1997 more"
    (gate,) = judge(GOOD, gates({"recall": {"min_of_slice": 0.6}}), 0.9, slices=[a_slice("x" * 5000, 100, 0.5)])
    assert len(gate.reason) < 300


def test_bias_is_gated_by_facet() -> None:
    facet = Facet.model_validate({"column": "sex", "group": ["f"], "gates": {"DI": {"min": 0.8}, "TE": {"max": 0.1}}})
    unfair = BiasMetric(name="DI", title="Disparate impact", value=0.5, fair=1)
    unknown = BiasMetric(name="TE", title="Treatment equality", value=None, remark="no false positives", fair=0)
    found = FacetBias(
        column="sex",
        group="f",
        favoured_label="yes",
        rows=1,
        other_rows=1,
        pre_training=(),
        post_training=(unfair, unknown),
    )
    checks = judge(GOOD, Gates(), 0.9, facets=[(facet, found)])
    assert passed(checks[1:]) == {"DI.min sex = f": False, "TE.max sex = f": False}
    assert "no false positives" in checks[2].reason


def test_metrics_relative_to_the_prior_need_one() -> None:
    limits = gates({"brier": {"max_of_prior": 0.9}})
    prior = GOOD.model_copy(update={"brier": 0.25})
    assert judge(GOOD, limits, 0.9, prior=prior)[0].value == pytest.approx(0.025 / 0.25)
    assert judge(GOOD, limits, 0.9)[0].passed is False
