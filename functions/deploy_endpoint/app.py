"""Puts an accepted model behind the dataset's endpoint: creates the endpoint, or updates the one that is live.

One run of a dataset at a time has the turn to do so, from here until its outcome is recorded. Every call may be
repeated: names derive from the run, and what exists already is left as it is.
"""

from __future__ import annotations

import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

from sluice.config import DatasetConfig
from sluice.deployment import (
    POLL_SECONDS,
    endpoint_config_request,
    endpoint_name,
    endpoint_request,
    is_busy,
    kind_of,
    model_request,
    other_kind_reason,
)
from sluice.endpoints import describe_endpoint
from sluice.ledger import read_champion, take_turn
from sluice.messages import Deployment, DeployRequest
from sluice.objects import read_json
from sluice.settings import DeploySettings
from sluice.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.training_job import job_name, refusal

settings = DeploySettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)


@step(DeployRequest)
def handler(request: DeployRequest) -> Deployment:
    run = request.run
    name = job_name(settings.name_prefix, run)
    asked = Deployment(
        verdict="started",
        endpoint_name=endpoint_name(settings.name_prefix, run.dataset),
        config_name=name,
        model_name=name,
        wait_seconds=POLL_SECONDS,
    )
    if not take_turn(dynamodb, settings.runs_table, run.dataset, run.execution_arn, time.time()):
        return asked.model_copy(update={"verdict": "busy"})
    if champion := read_champion(dynamodb, settings.runs_table, run.dataset):
        # From the ledger, not from the endpoint: a repeated call would find its own configuration live there.
        before = {"previous_config_name": champion.config_name, "champion_run_id": champion.run_id}
        asked = asked.model_copy(update=before)
    config = DatasetConfig.model_validate(read_json(s3, request.validation.config_uri or ""))
    try:
        create_if_absent(sagemaker.create_model, model_request(run, request.training.model_uri or "", config, settings))
        create_if_absent(sagemaker.create_endpoint_config, endpoint_config_request(run, config, settings))
        return put_behind(asked, config.endpoint.kind, endpoint_request(run, settings))
    except ClientError as error:
        if reason := refusal(error.response["Error"]["Code"], error.response["Error"]["Message"]):
            return asked.model_copy(update={"verdict": "failed", "reasons": (reason,)})
        raise


def create_if_absent(create: Any, request: dict[str, Any]) -> None:
    """Creates a model or a configuration; one of this name is this run's own, made by an earlier try."""
    try:
        create(**request)
    except ClientError as error:
        if "already existing" not in error.response["Error"]["Message"]:
            raise


def put_behind(asked: Deployment, kind: str, creation: dict[str, Any]) -> Deployment:
    live = describe_endpoint(sagemaker, asked.endpoint_name)
    if live is None:
        sagemaker.create_endpoint(**creation)
        return asked
    status, current = live["EndpointStatus"], live["EndpointConfigName"]
    if current == asked.config_name and status != "Failed":
        return asked
    if is_busy(status):
        return asked.model_copy(update={"verdict": "busy"})
    if status == "Failed":
        # A first creation that failed leaves an endpoint that can only be deleted; it never answered anybody.
        sagemaker.delete_endpoint(EndpointName=asked.endpoint_name)
        return asked.model_copy(update={"verdict": "busy"})
    if (live_kind := kind_of(live)) != kind:
        reason = other_kind_reason(asked.endpoint_name, live_kind, kind)
        return asked.model_copy(update={"verdict": "failed", "reasons": (reason,)})
    sagemaker.update_endpoint(EndpointName=asked.endpoint_name, EndpointConfigName=asked.config_name)
    return asked.model_copy(update={"previous_config_name": asked.previous_config_name or current})
