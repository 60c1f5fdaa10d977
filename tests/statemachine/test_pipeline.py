"""Every path of the shipped state machine, with the functions' answers mocked."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sluice import messages
from tests.statemachine.conftest import DIES, Ended, Pipeline, fault

EVENTS = Path(__file__).parents[2] / "events"

REQUESTS: dict[str, type[messages.Message]] = {
    "ClaimRun": messages.ClaimRequest,
    "ValidateData": messages.ValidateRequest,
    "StartTraining": messages.StartTrainingRequest,
    "CheckTraining": messages.CheckTrainingRequest,
    "StartRefit": messages.StartRefitRequest,
    "EvaluateModel": messages.EvaluateRequest,
    "DeployEndpoint": messages.DeployRequest,
    "CheckEndpoint": messages.CheckEndpointRequest,
    "VerifyEndpoint": messages.VerifyRequest,
    "RestoreEndpoint": messages.RestoreRequest,
    "AskForApproval": messages.AskForApprovalRequest,
    "RecordOutcome": messages.RecordRequest,
    "RegisterModel": messages.RegisterRequest,
    "RenderReport": messages.RenderRequest,
    "CleanUp": messages.CleanUpRequest,
}

AFTERWARDS = {"RecordOutcome", "RegisterModel", "RenderReport", "CleanUp"}
"""From the outcome's record on: what fails here is no longer the run's outcome."""
ASIDE = {"RestoreEndpoint", "AskForApproval", "StartRefit"}
"""Not on the way to a deployment that goes well, that nobody is asked about and whose model is not refitted."""


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


LAST = read("record_outcome")
RUN_ID = LAST["run"]["run_id"]
REFIT_STARTED = {**LAST["training_started"], "job_name": f"{LAST['training_started']['job_name']}-full"}


def recorded(outcome: str, *reasons: str) -> dict[str, Any]:
    return messages.RunResult(
        outcome=messages.Outcome(outcome),
        run_id=RUN_ID,
        dataset="breast-cancer",
        reasons=reasons,
        finished_at="2026-11-23T09:05:00+00:00",
    ).as_json()


def answers(**changed: Any) -> dict[str, Any]:
    """What the functions answer on the way to a deployment, with changes by state name."""
    in_progress = {**LAST["training"], "status": "in_progress", "secondary_status": "Training", "wait_seconds": 9}
    creating = {**LAST["endpoint"], "status": "in_progress", "endpoint_status": "Creating", "wait_seconds": 10}
    return {
        "ClaimRun": {"verdict": "claimed"},
        "ValidateData": LAST["validation"],
        "StartTraining": LAST["training_started"],
        "CheckTraining": [in_progress, LAST["training"]],
        "StartRefit": REFIT_STARTED,
        "EvaluateModel": LAST["evaluation"],
        "DeployEndpoint": LAST["deployment"],
        "CheckEndpoint": [creating, LAST["endpoint"]],
        "VerifyEndpoint": LAST["verification"],
        "RecordOutcome": recorded("deployed"),
        "RegisterModel": {"verdict": "registered", "group": "sluice-breast-cancer", "version": 1},
        "RenderReport": {"verdict": "rendered", "report_uri": "s3://sluice-artifacts/report.html"},
        "CleanUp": {"verdict": "cleaned", "removed": []},
        "AskForApproval": {"verdict": "asked", "expires_at": "2026-11-26T09:00:00+00:00"},
        "RestoreEndpoint": {"verdict": "restored", "attempts": 1, "config_name": "old", "wait_seconds": 0},
        **changed,
    }


def outcome_recorded(ended: Ended) -> messages.RecordRequest:
    (payload,) = ended.payloads["RecordOutcome"]
    return messages.RecordRequest.model_validate(payload)


def test_a_good_table_is_validated_trained_evaluated_deployed_and_verified(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers())
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.output["outcome"] == "deployed"
    lambdas = [state for state in ended.states if state in REQUESTS]
    assert lambdas == [
        "ClaimRun", "ValidateData", "StartTraining", "CheckTraining", "CheckTraining", "EvaluateModel",
        "DeployEndpoint", "CheckEndpoint", "CheckEndpoint", "VerifyEndpoint", "RecordOutcome", "RegisterModel",
        "RenderReport", "CleanUp",
    ]  # fmt: skip
    assert outcome_recorded(ended).outcome == "deployed"


def test_every_function_gets_the_message_that_it_parses(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers())
    for state, request in REQUESTS.items():
        assert ended.payloads[state] or state in ASIDE, state
        for payload in ended.payloads[state]:
            request.model_validate(payload)


def test_the_run_is_claimed_with_its_names(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers())
    (claimed,) = ended.payloads["ClaimRun"]
    run = outcome_recorded(ended).run
    assert messages.Run.model_validate(claimed["run"]) == run
    assert run.execution_arn == ended.arn
    assert run.dataset == run.folder == "breast-cancer"
    assert run.version_id is None


def test_an_event_that_a_listing_made_up_is_run_as_that_of_s3_would_be(pipeline: Pipeline) -> None:
    event = event_for("incoming/churn/a.csv", **{"version-id": "v1"})
    first = outcome_recorded(pipeline.run(event, answers())).run
    del event["detail"]["object"]["sequencer"]
    again = outcome_recorded(pipeline.run(event, answers())).run
    assert again.run_id == first.run_id
    assert again.sequencer == ""


@pytest.mark.parametrize(
    ("changed", "outcome", "error"),
    [
        ({"ValidateData": {"verdict": "rejected", "reasons": ["no header"]}}, "dataset_rejected", "DatasetRejected"),
        (
            {"StartTraining": {"verdict": "failed", "reasons": ["quota 0"], "job_name": "j", "wait_seconds": 0}},
            "training_failed",
            "TrainingFailed",
        ),
        (
            {"CheckTraining": {"status": "failed", "job_name": "j", "secondary_status": "Failed", "reasons": ["bad"]}},
            "training_failed",
            "TrainingFailed",
        ),
        (
            {"CheckTraining": {"status": "stopped", "job_name": "j", "secondary_status": "MaxRuntimeExceeded"}},
            "training_failed",
            "TrainingFailed",
        ),
        ({"EvaluateModel": {"verdict": "rejected", "reasons": ["gate"]}}, "model_rejected", "ModelRejected"),
        (
            {"DeployEndpoint": {**LAST["deployment"], "verdict": "failed", "reasons": ["quota 0"]}},
            "deployment_failed",
            "DeploymentFailed",
        ),
        (
            {"DeployEndpoint": {**LAST["deployment"], "verdict": "superseded", "reasons": ["newer"]}},
            "superseded",
            "Superseded",
        ),
        (
            {"CheckEndpoint": {**LAST["endpoint"], "status": "rolled_back", "reasons": ["rolled back"]}},
            "deployment_failed",
            "DeploymentFailed",
        ),
        (
            {"CheckEndpoint": {**LAST["endpoint"], "status": "failed", "reasons": ["unhealthy"]}},
            "deployment_failed",
            "DeploymentFailed",
        ),
        (
            {"VerifyEndpoint": {"verdict": "failed", "reasons": ["scores differ"]}},
            "deployment_failed",
            "DeploymentFailed",
        ),
    ],
)
def test_what_does_not_deploy_ends_in_its_own_fail_state_with_the_reasons(
    pipeline: Pipeline, changed: dict[str, Any], outcome: str, error: str
) -> None:
    result = recorded(outcome, "the first reason", "the second")
    ended = pipeline.run(read("object_created"), answers(**changed, RecordOutcome=result))
    assert (ended.status, ended.error) == ("FAILED", error)
    assert ended.cause == "the first reason\nthe second"
    assert ended.states[-1] == error
    assert outcome_recorded(ended).outcome == outcome


def test_a_busy_endpoint_is_waited_for(pipeline: Pipeline) -> None:
    busy = {**LAST["deployment"], "verdict": "busy"}
    ended = pipeline.run(read("object_created"), answers(DeployEndpoint=[busy, busy, LAST["deployment"]]))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.states.count("DeployEndpoint") == 3


def test_a_model_that_was_compared_with_another_champion_is_evaluated_anew(pipeline: Pipeline) -> None:
    stale = {**LAST["deployment"], "verdict": "stale"}
    ended = pipeline.run(read("object_created"), answers(DeployEndpoint=[stale, LAST["deployment"]]))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.states.count("EvaluateModel") == 2


WENT_WRONG: list[dict[str, Any]] = [
    {"CheckEndpoint": {**LAST["endpoint"], "status": "rolled_back", "reasons": ["rolled back"]}},
    {"VerifyEndpoint": {"verdict": "failed", "reasons": ["scores differ"]}},
    {"DeployEndpoint": fault(cause="boom")},
    {"CheckEndpoint": fault(cause="boom")},
    {"VerifyEndpoint": fault(cause="boom")},
]


@pytest.mark.parametrize("changed", WENT_WRONG)
def test_what_goes_wrong_once_the_endpoint_may_have_changed_is_recorded_after_it_is_back(
    pipeline: Pipeline, changed: dict[str, Any]
) -> None:
    back = answers()["RestoreEndpoint"]
    going = {**back, "verdict": "in_progress", "config_name": "new", "wait_seconds": 10}
    ended = pipeline.run(
        read("object_created"), answers(**changed, RestoreEndpoint=[going, back], RecordOutcome=recorded("error"))
    )
    assert ended.status == "FAILED"
    first, second = ended.payloads["RestoreEndpoint"]
    assert (first["restoration"], second["restoration"]) == (None, going)
    assert outcome_recorded(ended).restoration == messages.Restoration.model_validate(back)
    assert ended.states.index("RecordOutcome") > ended.states.index("WaitForRestoration")


def test_a_restoration_that_fails_is_named_and_recorded(pipeline: Pipeline) -> None:
    ended = pipeline.run(
        read("object_created"),
        answers(
            VerifyEndpoint={"verdict": "failed", "reasons": ["scores differ"]},
            RestoreEndpoint=fault(cause="no right"),
            RecordOutcome=recorded("error"),
        ),
    )
    request = outcome_recorded(ended)
    assert (request.outcome, request.fault and request.fault.state) == ("error", "RestoreEndpoint")


ASKED = {**LAST["evaluation"], "approval_required": True}


def decided(decision: str) -> dict[str, Any]:
    return messages.Approval(decision=decision, decided_by="user/alice").model_dump(mode="json")


def test_a_model_that_a_person_approves_is_deployed(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers(EvaluateModel=ASKED), approval=decided("approved"))
    assert ended.status == "SUCCEEDED", ended.cause
    (asked,) = ended.payloads["AskForApproval"]
    messages.AskForApprovalRequest.model_validate(asked)
    assert outcome_recorded(ended).approval == messages.Approval(decision="approved", decided_by="user/alice")
    page = messages.RenderRequest.model_validate(ended.payloads["RenderReport"][0])
    assert page.outcome == page.result.outcome == "awaiting_approval"
    assert page.result.metrics


def test_a_model_that_a_person_rejects_is_not_deployed(pipeline: Pipeline) -> None:
    ended = pipeline.run(
        read("object_created"),
        answers(EvaluateModel=ASKED, RecordOutcome=recorded("model_rejected")),
        approval=decided("rejected"),
    )
    assert ended.error == "ModelRejected"
    assert "DeployEndpoint" not in ended.states
    assert outcome_recorded(ended).outcome == "model_rejected"


def test_a_model_that_nobody_decided_on_is_not_deployed(pipeline: Pipeline) -> None:
    ended = pipeline.run(
        read("object_created"),
        answers(EvaluateModel=ASKED, RecordOutcome=recorded("model_rejected")),
        throws={"AskForApproval": "States.Timeout"},
    )
    assert ended.error == "ModelRejected"
    request = outcome_recorded(ended)
    assert request.approval == messages.Approval(decision="expired")
    assert request.outcome == "model_rejected"


@pytest.mark.parametrize("end", [fault(cause="no right"), DIES])
def test_a_question_that_cannot_be_asked_is_asked_again_and_ends_by_name(pipeline: Pipeline, end: Any) -> None:
    ended = pipeline.run(
        read("object_created"), answers(EvaluateModel=ASKED, AskForApproval=end, RecordOutcome=recorded("error"))
    )
    assert ended.error == "PipelineError"
    assert ended.tries["AskForApproval"] == 5
    request = outcome_recorded(ended)
    assert (request.fault and request.fault.state) == "AskForApproval"


def test_an_approved_model_that_is_evaluated_anew_is_not_asked_about_again(pipeline: Pipeline) -> None:
    stale = {**LAST["deployment"], "verdict": "stale"}
    ended = pipeline.run(
        read("object_created"),
        answers(EvaluateModel=ASKED, DeployEndpoint=[stale, LAST["deployment"]]),
        approval=decided("approved"),
    )
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.states.count("AskForApproval") == 1


def test_leftovers_that_cannot_be_removed_take_nothing_from_the_outcome(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers(CleanUp=fault(cause="no right")))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.output == recorded("deployed")


def test_a_duplicate_ends_green_and_does_nothing(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers(ClaimRun={"verdict": "duplicate"}))
    assert ended.status == "SUCCEEDED", ended.cause
    run = ended.payloads["ClaimRun"][0]["run"]
    assert ended.output == {"outcome": "duplicate", "run_id": run["run_id"], "dataset": run["dataset"]}
    assert set(ended.states) & set(REQUESTS) == {"ClaimRun"}


def test_the_same_event_has_the_same_run(pipeline: Pipeline) -> None:
    runs = [pipeline.run(read("object_created"), answers()).payloads["ClaimRun"][0]["run"] for _ in range(2)]
    assert runs[0]["run_id"] == runs[1]["run_id"]
    assert runs[0]["execution_arn"] != runs[1]["execution_arn"]


def test_a_run_without_a_slot_queues(pipeline: Pipeline) -> None:
    queued = {"verdict": "queued", "wait_seconds": 20}
    ended = pipeline.run(read("object_created"), answers(ClaimRun=[queued, queued, {"verdict": "claimed"}]))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.states.count("WaitForSlot") == 2
    assert ended.states.count("ValidateData") == 1


def test_a_quota_that_others_use_up_is_waited_for(pipeline: Pipeline) -> None:
    busy = {**LAST["training_started"], "verdict": "busy"}
    ended = pipeline.run(read("object_created"), answers(StartTraining=[busy, LAST["training_started"]]))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.states.count("WaitForQuota") == 1


REFITTED = {**LAST["training"], "job_name": REFIT_STARTED["job_name"], "first": LAST["training"]}


def with_refit(*looks: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Answers of a run whose model is refitted. ``looks``: what is seen of the second job."""
    start = {**LAST["training_started"], "refit": True}
    return answers(StartTraining=start, CheckTraining=[LAST["training"], *looks], **changed)


def test_a_refit_is_followed_and_its_model_goes_on(pipeline: Pipeline) -> None:
    going = {**REFITTED, "status": "in_progress", "model_uri": None, "wait_seconds": 9}
    ended = pipeline.run(read("object_created"), with_refit(going, REFITTED))
    assert ended.status == "SUCCEEDED", ended.cause
    (asked,) = ended.payloads["StartRefit"]
    assert messages.StartRefitRequest.model_validate(asked).training.job_name == LAST["training"]["job_name"]
    first, *looks = map(messages.CheckTrainingRequest.model_validate, ended.payloads["CheckTraining"])
    assert (first.job_name, first.first) == (LAST["training"]["job_name"], None)
    assert {look.job_name for look in looks} == {REFIT_STARTED["job_name"]}
    assert {look.first and look.first.job_name for look in looks} == {LAST["training"]["job_name"]}
    for state in ("EvaluateModel", "DeployEndpoint", "RecordOutcome", "RegisterModel", "RenderReport"):
        (payload,) = ended.payloads[state]
        training = REQUESTS[state].model_validate(payload).model_dump()["training"]
        assert training["job_name"] == REFIT_STARTED["job_name"], state


def test_a_refit_that_is_refused_leaves_the_first_model_with_a_warning(pipeline: Pipeline) -> None:
    refused = {**REFIT_STARTED, "verdict": "failed", "reasons": ["No quota."], "wait_seconds": 0}
    ended = pipeline.run(read("object_created"), with_refit(StartRefit=refused))
    assert ended.status == "SUCCEEDED", ended.cause
    (payload,) = ended.payloads["EvaluateModel"]
    training = messages.EvaluateRequest.model_validate(payload).training
    assert (training.job_name, training.warnings) == (LAST["training"]["job_name"], ("No quota.",))
    assert "CheckRefit" not in ended.states


def test_a_refit_waits_for_a_quota_that_others_use_up(pipeline: Pipeline) -> None:
    busy = {**REFIT_STARTED, "verdict": "busy"}
    ended = pipeline.run(read("object_created"), with_refit(REFITTED, StartRefit=[busy, REFIT_STARTED]))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.states.count("WaitForRefitQuota") == 1


@pytest.mark.parametrize("state", ["StartRefit", "CheckRefit"])
def test_a_fault_of_a_refit_is_retried_recorded_and_named(pipeline: Pipeline, state: str) -> None:
    boom = fault(cause="boom")
    changed = {"StartRefit": boom} if state == "StartRefit" else {}
    ended = pipeline.run(read("object_created"), with_refit(boom, RecordOutcome=recorded("error"), **changed))
    request = outcome_recorded(ended)
    assert (request.outcome, request.fault and request.fault.state) == ("error", state)
    assert ended.tries[state] == 5
    assert request.training is not None
    assert request.training.job_name == LAST["training"]["job_name"]


def test_functions_that_lambda_throttles_are_tried_for_longer(pipeline: Pipeline) -> None:
    ended = pipeline.run(
        read("object_created"),
        answers(RecordOutcome=recorded("error")),
        throws={"EvaluateModel": "Lambda.TooManyRequestsException"},
    )
    assert ended.tries["EvaluateModel"] == 13, "one try and twelve retries"


@pytest.mark.parametrize("state", [state for state in REQUESTS if state not in AFTERWARDS | ASIDE])
def test_a_fault_that_outlives_its_retries_is_recorded_and_named(pipeline: Pipeline, state: str) -> None:
    result = recorded("error", f"{state} failed")
    ended = pipeline.run(read("object_created"), answers(**{state: fault(cause="boom")}, RecordOutcome=result))
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "PipelineError", f"{state} failed")
    request = outcome_recorded(ended)
    assert request.outcome == "error"
    assert request.fault is not None
    assert request.fault.state == state
    assert "boom" in request.fault.cause
    assert ended.tries[state] == len(ended.payloads[state]) == 5, "one try and four retries"


@pytest.mark.parametrize("state", [state for state in REQUESTS if state not in ASIDE])
def test_a_passing_fault_is_retried(pipeline: Pipeline, state: str) -> None:
    good = answers()[state]
    steps = [fault(), fault(), *(good if isinstance(good, list) else [good])]
    ended = pipeline.run(read("object_created"), answers(**{state: steps}))
    assert ended.status == "SUCCEEDED", ended.cause


@pytest.mark.parametrize(
    "error", ["States.Timeout", "Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError", "Lambda.Unknown"]
)
def test_a_function_that_ran_out_of_time_or_memory_is_not_tried_again(pipeline: Pipeline, error: str) -> None:
    result = recorded("error", "too slow")
    ended = pipeline.run(read("object_created"), answers(RecordOutcome=result), throws={"ValidateData": error})
    assert ended.error == "PipelineError"
    assert ended.tries["ValidateData"] == 1


def test_the_verification_is_told_which_try_is_its_last(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers(VerifyEndpoint=fault(), RecordOutcome=recorded("error")))
    assert [payload["last_try"] for payload in ended.payloads["VerifyEndpoint"]] == [False] * 4 + [True]


def test_a_variant_that_is_not_ready_is_waited_for_and_asked_again(pipeline: Pipeline) -> None:
    good = answers()["VerifyEndpoint"]
    looks = [{**good, "verdict": "not_ready", "waited_seconds": waited, "wait_seconds": 20} for waited in (20, 40)]
    ended = pipeline.run(read("object_created"), answers(VerifyEndpoint=[*looks, good]))
    assert ended.status == "SUCCEEDED", ended.cause
    asked = ended.payloads["VerifyEndpoint"]
    assert [payload["verification"] for payload in asked] == [None, *looks]
    assert not ended.payloads.get("RestoreEndpoint")


def test_an_outcome_that_cannot_be_recorded_never_ends_green(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers(RecordOutcome=fault(cause="no table")))
    assert (ended.status, ended.error) == ("FAILED", "OutcomeNotRecorded")
    assert ended.cause is not None
    assert "deployed" in ended.cause
    assert "no table" in ended.cause


def test_a_model_that_was_measured_is_registered_whatever_became_of_it(pipeline: Pipeline) -> None:
    rejected = {**LAST["evaluation"], "verdict": "rejected", "reasons": ["gate"]}
    ended = pipeline.run(
        read("object_created"), answers(EvaluateModel=rejected, RecordOutcome=recorded("model_rejected"))
    )
    (payload,) = ended.payloads["RegisterModel"]
    request = messages.RegisterRequest.model_validate(payload)
    assert request.outcome == request.result.outcome == "model_rejected"
    assert ended.error == "ModelRejected"


@pytest.mark.parametrize(
    "changed",
    [
        {"ValidateData": {"verdict": "rejected", "reasons": ["no header"]}},
        {"EvaluateModel": {"verdict": "rejected", "reasons": ["the model was not measured"], "metrics": None}},
    ],
)
def test_without_metrics_nothing_is_registered(pipeline: Pipeline, changed: dict[str, Any]) -> None:
    ended = pipeline.run(read("object_created"), answers(**changed))
    assert "RecordOutcome" in ended.states
    assert "RegisterModel" not in ended.states


def test_a_registry_that_fails_takes_nothing_from_the_outcome(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers(RegisterModel=fault(cause="no registry")))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.output == recorded("deployed")
    assert ended.tries["RegisterModel"] == 5


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"ValidateData": {"verdict": "rejected", "reasons": ["no header"]}},
        {"RegisterModel": fault(cause="no registry")},
    ],
)
def test_every_recorded_outcome_gets_its_page(pipeline: Pipeline, changed: dict[str, Any]) -> None:
    ended = pipeline.run(read("object_created"), answers(**changed))
    (payload,) = ended.payloads["RenderReport"]
    assert messages.RenderRequest.model_validate(payload).result.as_json() == recorded("deployed")


def test_a_page_that_is_not_drawn_takes_nothing_from_the_outcome(pipeline: Pipeline) -> None:
    ended = pipeline.run(read("object_created"), answers(RenderReport=fault(cause="no font")))
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.output == recorded("deployed")
    assert ended.tries["RenderReport"] == 3


def test_an_outcome_that_is_not_recorded_has_no_page(pipeline: Pipeline) -> None:
    assert "RenderReport" not in pipeline.run(read("object_created"), answers(RecordOutcome=fault())).states


def test_the_output_is_what_was_recorded(pipeline: Pipeline) -> None:
    assert pipeline.run(read("object_created"), answers()).output == recorded("deployed")


def event_for(key: str, **changes: Any) -> dict[str, Any]:
    event = copy.deepcopy(read("object_created"))
    event["detail"]["object"].update(key=key, **changes)
    return event


@pytest.mark.parametrize("key", ["incoming/churn/", "incoming/.DS_Store", "incoming/churn/._table.csv"])
def test_folder_markers_and_hidden_files_start_nothing(pipeline: Pipeline, key: str) -> None:
    ended = pipeline.run(event_for(key, size=0), answers())
    assert ended.output["outcome"] == "ignored"
    assert not set(ended.states) & {"ClaimRun", *REQUESTS}


@pytest.mark.parametrize(
    ("key", "folder", "dataset"),
    [
        ("incoming/churn/a.csv", "churn", "churn"),
        ("incoming/churn/2026/11/a.csv", "churn", "churn"),
        ('incoming/a+b c/it\'s "ü".csv', "a+b c", r"a-b-c-[0-9a-f]{8}"),
        ("incoming/Churn/a.csv", "Churn", r"churn-[0-9a-f]{8}"),
        ("incoming/データ/a.csv", "データ", r"[0-9a-f]{8}"),
        ("incoming/" + "long-" * 20 + "x/a.csv", "long-" * 20 + "x", r"long-long-long-long-[0-9a-f]{8}"),
        ("incoming/orders.csv", "", "orders"),
    ],
)
def test_any_folder_gets_a_name_that_every_service_takes(
    pipeline: Pipeline, key: str, folder: str, dataset: str
) -> None:
    ended = pipeline.run(event_for(key), answers())
    run = outcome_recorded(ended).run
    assert run.key == key
    assert run.folder == folder
    assert re.fullmatch(dataset, run.dataset), run.dataset


def test_runs_differ_by_the_object_version_and_by_nothing_else(pipeline: Pipeline) -> None:
    def run_id(**changes: Any) -> str:
        event = event_for("incoming/churn/a.csv", **changes)
        event["id"], event["time"] = "another", "2027-01-01T00:00:00Z"
        ended = pipeline.run(event, answers())
        if ended.output["outcome"] == "duplicate":
            return str(ended.output["run_id"])
        return outcome_recorded(ended).run.run_id

    first = run_id()
    assert run_id() == first
    assert run_id(sequencer="00FF") != first
    versioned = run_id(**{"version-id": "v1"})
    assert versioned != first
    assert run_id(**{"version-id": "v1", "sequencer": "00FF"}) == versioned
