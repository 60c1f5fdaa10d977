"""Before the stack goes, what its runs made goes: endpoints, what they stand on, alarms, what still runs.

A custom resource of the template: CloudFormation calls it when it is made, changed and deleted, and waits for the
answer at an address that it gives. Buckets with objects keep a stack from being deleted, and are left to a person.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3

from sluice.aws.step import CLIENT_CONFIG, logger
from sluice.endpoint.aws.teardown import (
    RELEASE_SECONDS,
    SERVED,
    Patience,
    delete_alarms,
    delete_served,
    made_alarms,
    stop_jobs,
    stop_runs,
)
from sluice.settings import TearDownSettings

ANSWER_SECONDS = 60
"""Of the function's time, what is kept for the answer: without one CloudFormation waits for an hour."""

settings = TearDownSettings.load()
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
autoscaling = boto3.client("application-autoscaling", config=CLIENT_CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CLIENT_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)


def handler(event: dict[str, Any], context: Any) -> None:
    logger.append_keys(step="TearDown", request_id=context.aws_request_id)
    reason = None
    try:
        if event["RequestType"] == "Delete":
            patience = Patience(context.get_remaining_time_in_millis() / 1000 - ANSWER_SECONDS)
            tear_down(event["ResourceProperties"]["StateMachineArn"], patience)
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation waits an hour for an answer
        logger.exception("fault")
        reason = f"{type(error).__name__}: {error}"
    respond(event, reason)


def tear_down(state_machine: str, patience: Patience) -> None:
    stop_runs(stepfunctions, state_machine, logger.info)
    stop_jobs(sagemaker, settings.name_prefix, logger.info, patience)
    alarms = made_alarms(cloudwatch, sagemaker, settings.name_prefix)
    gone = delete_served(sagemaker, autoscaling, settings.name_prefix, logger.info, SERVED, patience=patience)
    delete_alarms(cloudwatch, alarms, logger.info)
    if gone and settings.kms_key_arn:
        patience.rest(RELEASE_SECONDS)


def respond(event: dict[str, Any], reason: str | None) -> None:
    """Answers CloudFormation. A failure keeps the stack, with the reason: nothing continues to cost unnoticed."""
    body = {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": (reason or "done")[:1000],
        "PhysicalResourceId": event.get("PhysicalResourceId") or "what-the-runs-made",
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    # An empty content type: the address is signed without one.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"], data=json.dumps(body).encode(), headers={"content-type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
