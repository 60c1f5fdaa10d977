from __future__ import annotations

import pytest

from sluice.messages import Approval, Fault, Outcome, RecordRequest, Restoration, RunResult, Verification
from sluice.runs.outcome import close, notice
from sluice.training.prices import training_price_usd
from tests.messages import GOOD

AT = "2026-11-23T09:05:00+00:00"


def closed(**changes: object) -> RunResult:
    return close(GOOD.model_copy(update=changes), AT, "artifacts", "ml.m5.large")


def test_a_deployed_run_tells_what_it_made() -> None:
    result = closed()
    assert result.outcome is Outcome.DEPLOYED
    assert result.endpoint is not None
    assert result.endpoint.name == "sluice-breast-cancer"
    assert {"validation", "recipe", "train", "test", "model", "evaluation", "outcome"} <= set(result.artifacts)
    assert result.price_estimate_usd == training_price_usd("ml.m5.large", 62)


def test_a_run_that_ended_early_has_only_what_it_reached() -> None:
    result = close(RecordRequest(run=GOOD.run, outcome=Outcome.ERROR), AT, "artifacts", "ml.m5.large")
    assert result.metrics is None
    assert result.endpoint is None
    assert set(result.artifacts) == {"decision", "outcome", "report"}
    assert result.reasons


def test_the_reasons_are_those_of_the_step_that_ended_the_run() -> None:
    verification = Verification(verdict="failed", reasons=("scores differ",))
    assert closed(outcome=Outcome.DEPLOYMENT_FAILED, verification=verification).reasons == ("scores differ",)


@pytest.mark.parametrize(
    ("approval", "said"),
    [
        (Approval(decision="rejected", decided_by="user/alice", comment="too few rows"), "user/alice: too few rows"),
        (Approval(decision="expired"), "Nobody approved"),
    ],
)
def test_a_model_that_a_person_kept_back_says_so(approval: Approval, said: str) -> None:
    (reason,) = closed(outcome=Outcome.MODEL_REJECTED, approval=approval).reasons
    assert said in reason


RESTORED = Restoration(verdict="restored", attempts=1, config_name="old")


def test_after_a_failed_deployment_the_record_names_what_is_live() -> None:
    verification = Verification(verdict="failed", reasons=("scores differ",))
    result = closed(outcome=Outcome.DEPLOYMENT_FAILED, verification=verification, restoration=RESTORED)
    assert result.reasons == ("scores differ", "The model before answers: old is live.")
    assert result.endpoint is not None
    assert result.endpoint.config == "old"


def test_an_endpoint_that_was_removed_again_is_not_recorded() -> None:
    gone = RESTORED.model_copy(update={"config_name": None})
    result = closed(outcome=Outcome.DEPLOYMENT_FAILED, restoration=gone)
    assert result.endpoint is None
    assert "removed" in result.reasons[-1]


def test_a_model_before_that_did_not_come_back_is_said_last() -> None:
    failed = Restoration(verdict="failed", reasons=("look at it",), config_name="new")
    result = closed(outcome=Outcome.DEPLOYMENT_FAILED, restoration=failed)
    assert result.reasons[-1] == "look at it"
    assert result.endpoint is not None


def test_a_fault_names_its_state_and_the_way_out() -> None:
    fault = Fault(state="EvaluateModel", error="Lambda.Unknown", cause="boom")
    first, second = closed(outcome=Outcome.ERROR, fault=fault).reasons
    assert first == "EvaluateModel failed with Lambda.Unknown: boom"
    assert "again" in second


def test_an_unknown_instance_type_has_no_price_rather_than_a_wrong_one() -> None:
    assert training_price_usd("ml.unknown.large", 60) is None
    assert training_price_usd("ml.m5.large", 3600) == pytest.approx(0.115)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_notice_fits_sns(outcome: Outcome) -> None:
    run = GOOD.run.model_copy(update={"dataset": "d" * 28})
    subject, text = notice(closed(outcome=outcome, run=run), 'incoming/ünïcode/"a".csv')
    assert len(subject) <= 100
    assert subject.isascii()
    assert "incoming/ünïcode" in text


def test_a_notice_says_why_and_what_to_do() -> None:
    assert GOOD.validation is not None
    rejected = GOOD.validation.model_copy(update={"verdict": "rejected", "reasons": ("line 3: too short",)})
    _, text = notice(closed(outcome=Outcome.DATASET_REJECTED, validation=rejected), "incoming/a/b.csv")
    assert "- line 3: too short" in text
