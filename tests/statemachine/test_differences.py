"""Where MiniStack's Step Functions is not AWS's, as docs/local-aws.md says.

None of it is wanted: a test that fails here says that MiniStack has changed, and that a row of the page can go.
"""

from __future__ import annotations

import json
import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from following.execution import training_log
from sluice.names import TRAINING_LOG_GROUP
from tests.statemachine.conftest import ACCOUNT, DIES, END_SECONDS, REGION, Pipeline, client, fault
from tests.statemachine.test_pipeline import answers, outcome_recorded, read, recorded

WAITS_FOR_LONG: dict[str, Any] = {
    "StartAt": "Wait",
    "QueryLanguage": "JSONata",
    "TimeoutSeconds": 1,
    "States": {
        "Wait": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {
                "FunctionName": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:AskForApprovalFunction",
                "Payload": {"task_token": "{% $states.context.Task.Token %}"},
            },
            "TimeoutSeconds": 2,
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Waited"}],
            "End": True,
        },
        "Waited": {"Type": "Succeed"},
    },
}
"""The execution may take one second, its wait takes two."""


def ended(pipeline: Pipeline, definition: dict[str, Any]) -> dict[str, Any]:
    """The description of an execution of a machine of the test's own, once it is over."""
    stepfunctions = pipeline.stepfunctions
    machine = stepfunctions.create_state_machine(
        name=f"own-{uuid.uuid4().hex[:8]}",
        definition=json.dumps(definition),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
    )["stateMachineArn"]
    arn = stepfunctions.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    deadline = time.monotonic() + END_SECONDS
    while (found := stepfunctions.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline, f"{arn} did not end"
        time.sleep(0.02)
    return dict(found)


def test_an_exception_does_not_reach_a_catch_under_the_name_of_its_class(pipeline: Pipeline) -> None:
    run = pipeline.run(read("object_created"), answers(ClaimRun=fault(), RecordOutcome=recorded("error")))
    failed = outcome_recorded(run).fault
    assert failed is not None
    assert failed.error == "Runtime.HandlerError"


def test_a_process_that_ends_is_taken_for_an_exception_and_tried_again(pipeline: Pipeline) -> None:
    run = pipeline.run(read("object_created"), answers(ValidateData=DIES, RecordOutcome=recorded("error")))
    failed = outcome_recorded(run).fault
    assert failed is not None
    assert failed.error == "Runtime.HandlerError"
    assert run.tries["ValidateData"] == 5


def test_a_throttled_function_is_not_called_so(pipeline: Pipeline, ministack: str) -> None:
    lambdas = client(ministack, "lambda")
    lambdas.put_function_concurrency(FunctionName="ValidateDataFunction", ReservedConcurrentExecutions=0)
    try:
        run = pipeline.run(read("object_created"), answers(RecordOutcome=recorded("error")))
    finally:
        lambdas.delete_function_concurrency(FunctionName="ValidateDataFunction")
    failed = outcome_recorded(run).fault
    assert failed is not None
    assert failed.error == "Lambda.Unknown"


def test_the_time_of_an_execution_is_not_looked_at(pipeline: Pipeline) -> None:
    pipeline.answer("AskForApproval", {"verdict": "asked"})
    assert ended(pipeline, WAITS_FOR_LONG)["status"] == "SUCCEEDED"


def test_the_output_of_a_succeed_state_is_ignored(pipeline: Pipeline) -> None:
    done = {"Type": "Succeed", "Output": {"said": "this"}}
    found = ended(pipeline, {"StartAt": "Done", "QueryLanguage": "JSONata", "States": {"Done": done}})
    assert json.loads(found["output"]) == {}


def test_the_history_does_not_say_what_a_function_was_sent(pipeline: Pipeline) -> None:
    run = pipeline.run(read("object_created"), answers(ClaimRun={"verdict": "duplicate"}))
    history = pipeline.stepfunctions.get_execution_history(executionArn=run.arn)["events"]
    (scheduled,) = [event["taskScheduledEventDetails"] for event in history if event["type"] == "TaskScheduled"]
    assert "parameters" not in scheduled


def test_an_execution_cannot_be_redriven(pipeline: Pipeline) -> None:
    run = pipeline.run(read("object_created"), answers(ClaimRun={"verdict": "duplicate"}))
    with pytest.raises(ClientError):
        pipeline.stepfunctions.redrive_execution(executionArn=run.arn)


def test_two_runs_that_are_followed_at_once_each_show_their_own_training(ministack: str) -> None:
    """FilterLogEvents by the prefix of a stream is put right in local/ministack.py."""
    logs = client(ministack, "logs")
    logs.create_log_group(logGroupName=TRAINING_LOG_GROUP)
    jobs = {f"job-{number}-{uuid.uuid4().hex[:6]}": number for number in (3, 7)}
    for job, number in jobs.items():
        stream = {"logGroupName": TRAINING_LOG_GROUP, "logStreamName": f"{job}/algo-1"}
        logs.create_log_stream(**stream)
        line = f"[{number}]\ttrain-logloss:0.{number}"
        logs.put_log_events(**stream, logEvents=[{"timestamp": time.time_ns() // 1_000_000, "message": line}])
    followed: Any = SimpleNamespace(logs=logs)
    for job, number in jobs.items():
        assert training_log(followed, job) == [f"[{number}]\ttrain-logloss:0.{number}"]
    assert training_log(followed, "job-of-nobody") == []
    assert len(logs.filter_log_events(logGroupName=TRAINING_LOG_GROUP)["events"]) == len(jobs)
