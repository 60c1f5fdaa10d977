from __future__ import annotations

import pytest

from sluice.dataset.config import DatasetConfig
from sluice.evaluation.document import Evaluation
from sluice.messages import Approval, Outcome, RecordRequest, RejectedFile
from sluice.runs.decision import Decision, decide
from sluice.runs.outcome import close
from tests.evaluations import evaluation
from tests.messages import GOOD

AT = "2026-11-23T09:05:00+00:00"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
CONFIG = DatasetConfig.model_validate({"gates": {"recall": {"min": 0.9}}, "hyperparameters": {"eta": 0.3}})


def decided(request: RecordRequest = GOOD, document: Evaluation | None = None) -> Decision:
    return decide(request, document, CONFIG, close(request, AT, "artifacts"))


def test_a_live_model_can_be_traced_to_its_file_its_data_and_its_grounds() -> None:
    decision = decided(document=evaluation())
    assert decision.source.key == GOOD.run.key
    assert decision.data.test_sha256 == "4b" * 32
    assert decision.data.recipe_sha256 == "c1" * 32
    assert decision.model is not None
    assert decision.model.sha256 == "9f" * 32
    assert decision.model.training_image == IMAGE
    assert decision.grounds is not None
    assert decision.grounds.gates_asked == CONFIG.gates
    assert decision.grounds.champion is not None
    assert decision.live is not None
    assert decision.live.config_name == "sluice-breast-cancer-4f1c09b2a7de"
    assert decision.decided_by.kind == "pipeline"
    assert decision.decided_by.execution == "4f1c09b2", "a name: the ARN holds the account"
    assert decision.decided_at == AT


def test_without_the_whole_evaluation_it_has_what_the_messages_carry() -> None:
    decision = decided()
    assert decision.grounds is not None
    assert GOOD.evaluation is not None
    assert decision.grounds.metrics == GOOD.evaluation.metrics
    assert decision.grounds.champion is None
    assert decision.model is not None
    assert decision.model.hyperparameters["eta"] == "0.3"


def test_a_refused_file_has_a_decision_too() -> None:
    validation = RejectedFile(reasons=("no header",), report_uri="s3://b/validation.json", contract_version=2)
    request = RecordRequest(run=GOOD.run, outcome=Outcome.DATASET_REJECTED, validation=validation)
    decision = decided(request)
    assert decision.reasons == ("no header",)
    assert decision.data.contract_version == 2
    assert (decision.model, decision.grounds, decision.live) == (None, None, None)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.DEPLOYED])
def test_only_a_deployment_makes_something_live(outcome: Outcome) -> None:
    assert decided(GOOD.model_copy(update={"outcome": outcome})).live is None


def test_the_champion_that_was_replaced_is_named() -> None:
    assert GOOD.deployment is not None
    deployment = GOOD.deployment.model_copy(update={"previous_config_name": "old", "champion_run_id": "000000000001"})
    decision = decided(GOOD.model_copy(update={"deployment": deployment}))
    assert decision.live is not None
    assert (decision.live.previous_config_name, decision.live.previous_run_id) == ("old", "000000000001")


def test_the_document_reads_back() -> None:
    decision = decided(document=evaluation())
    assert Decision.model_validate_json(decision.model_dump_json()) == decision


def test_a_persons_word_is_in_the_decision_with_who_gave_it() -> None:
    approval = Approval(decision="approved", decided_by="user/alice", comment="looks right")
    decision = decided(GOOD.model_copy(update={"approval": approval}))
    assert (decision.decided_by.kind, decision.decided_by.person) == ("person", "user/alice")
    assert decision.approval == approval
    expired = decided(GOOD.model_copy(update={"approval": Approval(decision="expired")}))
    assert expired.decided_by.kind == "pipeline"
    assert expired.approval is not None
    assert expired.approval.decided_at == expired.decided_at
