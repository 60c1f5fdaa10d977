from __future__ import annotations

import pytest

from sluice.messages import (
    Approval,
    CrossValidation,
    Fault,
    Outcome,
    RecordRequest,
    Restoration,
    RunResult,
    Verification,
)
from sluice.runs.outcome import close, notice
from sluice.training.prices import training_price_usd
from tests.messages import GOOD

AT = "2026-11-23T09:05:00+00:00"


def closed(**changes: object) -> RunResult:
    return close(GOOD.model_copy(update=changes), AT, "artifacts")


def test_a_deployed_run_tells_what_it_made() -> None:
    result = closed()
    assert result.outcome is Outcome.DEPLOYED
    assert result.endpoint is not None
    assert result.endpoint.name == "sluice-breast-cancer"
    assert {"validation", "recipe", "train", "test", "model", "evaluation", "outcome"} <= set(result.artifacts)
    assert result.price_estimate_usd == training_price_usd("ml.m5.large", 62)
    assert result.trainer is not None
    assert result.trainer.instance_type == "ml.m5.large"


def test_a_run_that_ended_early_has_only_what_it_reached() -> None:
    result = close(RecordRequest(run=GOOD.run, outcome=Outcome.ERROR), AT, "artifacts")
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
    assert result.reasons == ("scores differ", "The previous model answers again: old is live.")
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
    assert training_price_usd("ml.m5.large", 3600, 2) == pytest.approx(0.23)


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


APPROVED = Approval(
    decision="approved", decided_by="user/alice", comment="looks right", decided_at="2026-11-23T09:04:30+00:00"
)


def test_the_record_and_the_notice_say_who_approved_when_and_why() -> None:
    result = closed(approval=APPROVED)
    assert result.approval == APPROVED
    _, text = notice(result, "incoming/a/b.csv")
    assert "Approved by user/alice at 2026-11-23 09:04 UTC: looks right" in text.splitlines()


@pytest.mark.parametrize(
    ("decision", "subject", "line"),
    [
        (
            "rejected",
            "Sluice: breast-cancer not deployed: the model was rejected",
            "Rejected by user/alice at 2026-11-23 09:04 UTC: looks right",
        ),
        (
            "expired",
            "Sluice: breast-cancer not deployed: nobody approved the model in time",
            "Nobody approved or rejected the model before the deadline, 2026-11-23 09:05 UTC.",
        ),
    ],
)
def test_the_notice_of_a_model_that_was_kept_back_blames_no_gate(decision: str, subject: str, line: str) -> None:
    approval = Approval(decision="expired") if decision == "expired" else APPROVED
    approval = Approval.model_validate({**approval.model_dump(), "decision": decision})
    told, text = notice(closed(outcome=Outcome.MODEL_REJECTED, approval=approval), "incoming/a/b.csv")
    assert told == subject
    assert line in text.splitlines()


def test_a_deadline_that_passed_is_recorded_with_the_time() -> None:
    result = closed(outcome=Outcome.MODEL_REJECTED, approval=Approval(decision="expired"))
    assert result.approval == Approval(decision="expired", decided_at=AT)


def test_a_rejected_file_has_no_accepted_rows_in_its_notice() -> None:
    _, text = notice(closed(outcome=Outcome.DATASET_REJECTED), "incoming/a/b.csv")
    assert "none is used" in text
    assert "accepted" not in text


def test_the_notice_compares_the_log_loss_with_the_baseline() -> None:
    _, text = notice(closed(), "incoming/a/b.csv")
    assert "Log loss is 0.1000 on 85 held-out rows, 15% of the baseline's 0.6602." in text
    assert "Cross-validated" not in text


def test_the_notice_says_what_all_rows_of_a_small_table_say() -> None:
    evaluation = GOOD.evaluation
    assert evaluation is not None
    assert evaluation.metrics is not None
    folds = CrossValidation(
        metric="log_loss",
        value=0.12,
        baseline=0.66,
        share=0.12 / 0.66,
        interval=(0.15, 0.21),
        rows=569,
        units=569,
        folds=5,
        times=3,
    )
    metrics = evaluation.metrics.model_copy(update={"cross_validated": folds})
    _, text = notice(closed(evaluation=evaluation.model_copy(update={"metrics": metrics})), "incoming/a/b.csv")
    assert (
        "Cross-validated over all 569 rows (5 folds, cut 3 times), log loss is 0.1200, 18% of the baseline's 0.6600 "
        "(95% interval 15% to 21%)."
    ) in text
