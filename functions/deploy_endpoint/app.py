"""Puts an accepted model behind the dataset's endpoint: creates the endpoint, or updates the one that is live.

Every call may be repeated: names derive from the run, and what exists already is left as it is.
"""

from __future__ import annotations

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
    model_request,
)
from sluice.ledger import read_champion
from sluice.messages import Deployment, DeployRequest
from sluice.objects import read_json
from sluice.settings import DeploySettings
from sluice.step import CLIENT_CONFIG, step
from sluice.training_job import quota_reason

settings = DeploySettings.load()
s3 = boto3.client("s3", config=CLIENT_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)


@step(DeployRequest)
def handler(request: DeployRequest) -> Deployment:
    run = request.run
    config = DatasetConfig.model_validate(read_json(s3, request.validation.config_uri or ""))
    model = model_request(run, request.training.model_uri or "", config, settings)
    endpoint_config = endpoint_config_request(run, config, settings)
    create_if_absent(sagemaker.create_model, model)
    create_if_absent(sagemaker.create_endpoint_config, endpoint_config)
    champion = read_champion(dynamodb, settings.runs_table, run.dataset)
    asked = Deployment(
        verdict="started",
        endpoint_name=endpoint_name(settings.name_prefix, run.dataset),
        config_name=endpoint_config["EndpointConfigName"],
        model_name=model["ModelName"],
        # From the ledger, not from the endpoint: a repeated call would find its own configuration live there.
        previous_config_name=champion.config_name if champion else None,
        champion_run_id=champion.run_id if champion else None,
        wait_seconds=POLL_SECONDS,
    )
    try:
        return put_behind(asked, describe(asked.endpoint_name), endpoint_request(run, settings))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceLimitExceeded":
            return asked.model_copy(
                update={"verdict": "failed", "reasons": (quota_reason(error.response["Error"]["Message"]),)}
            )
        raise


def create_if_absent(create: Any, request: dict[str, Any]) -> None:
    """Creates a model or a configuration; one of this name is this run's own, made by an earlier try."""
    try:
        create(**request)
    except ClientError as error:
        if "already existing" not in error.response["Error"]["Message"]:
            raise


def describe(name: str) -> dict[str, Any] | None:
    try:
        return dict(sagemaker.describe_endpoint(EndpointName=name))
    except ClientError as error:
        if "Could not find" in error.response["Error"]["Message"]:
            return None
        raise


def put_behind(asked: Deployment, live: dict[str, Any] | None, creation: dict[str, Any]) -> Deployment:
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
    sagemaker.update_endpoint(EndpointName=asked.endpoint_name, EndpointConfigName=asked.config_name)
    return asked.model_copy(update={"previous_config_name": asked.previous_config_name or current})
