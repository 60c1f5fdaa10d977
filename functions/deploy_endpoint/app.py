"""Puts an accepted model behind the dataset's endpoint: creates the endpoint, or updates the one that is live.

One run of a dataset at a time has the turn to do so, from here until its outcome is recorded. What the evaluation
compared with must still be live, and the newest data wins. Every call may be repeated: names derive from the run, and
what exists already is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from sluice.aws.errors import already_exists, code_of, is_in_progress, message_of
from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, logger, step
from sluice.dataset.config import DatasetConfig
from sluice.endpoint.aws.calls import describe_endpoint
from sluice.endpoint.aws.turns import take_free_turn
from sluice.endpoint.network import no_vpc_reason
from sluice.endpoint.requests import (
    POLL_SECONDS,
    alarm_requests,
    endpoint_config_request,
    endpoint_request,
    is_busy,
    kind_of,
    model_request,
    other_kind_reason,
    update_request,
    variant_names,
)
from sluice.messages import Deployment, DeployRequest, Run
from sluice.names import endpoint_config_name, endpoint_name, model_name, model_of_config
from sluice.runs.aws.executions import has_ended
from sluice.runs.aws.ledger import Champion, Deployed, read_champion
from sluice.settings import DeploySettings
from sluice.training.job import refusal

#: Ten files may wait for one another for hours, and an execution has 25,000 events, of which a look makes nine.
TURN_POLL_SECONDS = 30

settings = DeploySettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CLIENT_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)


@step(DeployRequest)
def handler(request: DeployRequest) -> Deployment:
    run = request.run
    asked = Deployment(
        verdict="started",
        endpoint_name=endpoint_name(settings.name_prefix, run.dataset),
        config_name=endpoint_config_name(settings.name_prefix, run),
        model_name=model_name(settings.name_prefix, run),
        wait_seconds=POLL_SECONDS,
    )
    if not take_free_turn(
        dynamodb, settings.runs_table, run.dataset, run.execution_arn, partial(has_ended, stepfunctions)
    ):
        return asked.model_copy(update={"verdict": "busy", "wait_seconds": TURN_POLL_SECONDS})
    champion = read_champion(dynamodb, settings.runs_table, run.dataset)
    # From the ledger, not from the endpoint: a repeated call would find its own configuration live there.
    before = before_this(champion, run.run_id)
    if before:
        seen = {"previous_config_name": before.config_name, "champion_run_id": before.run_id}
        asked = asked.model_copy(update=seen)
    if before is champion and (other := overtaken(request, champion)):
        return asked.model_copy(update=other)
    config = DatasetConfig.model_validate(read_json(s3, request.validation.config_uri or ""))
    if reason := no_vpc_reason(config.endpoint, settings.subnet_ids, "the dataset's config.yaml"):
        return asked.model_copy(update={"verdict": "failed", "reasons": (reason,)})
    configuration = endpoint_config_request(
        run, config, settings, model_of_config(before.config_name) if before else None
    )
    try:
        create_if_absent(sagemaker.create_model, model_request(run, request.training.model_uri or "", config, settings))
        create_if_absent(sagemaker.create_endpoint_config, configuration)
        return put_behind(asked, run, config, variant_names(configuration))
    except ClientError as error:
        if is_in_progress(error):
            return asked.model_copy(update={"verdict": "busy"})
        if reason := refusal(code_of(error), message_of(error)):
            return asked.model_copy(update={"verdict": "failed", "reasons": (reason,)})
        raise


def overtaken(request: DeployRequest, champion: Champion | None) -> dict[str, Any] | None:
    """What became of the challenge since the evaluation; None where it stands."""
    run = request.run
    if champion and champion.is_newer_than(run):
        reason = (
            f"Run {champion.run_id} is live and was trained on a file that came later than {run.key}; the newest data "
            "wins. To deploy this file all the same, drop it again."
        )
        return {"verdict": "superseded", "reasons": (reason,)}
    if (champion and champion.run_id) != request.evaluation.champion_run_id:
        return {"verdict": "stale"}
    return None


def before_this(champion: Champion | None, run_id: str) -> Deployed | None:
    """The model that this run's replaces; the champion may be this run already, where a step is repeated."""
    if champion and champion.run_id == run_id:
        return champion.history[0] if champion.history else None
    return champion


def create_if_absent(create: Callable[..., Any], request: dict[str, Any]) -> None:
    """Creates a model or a configuration; one of this name is this run's own, made by an earlier try."""
    try:
        create(**request)
    except ClientError as error:
        if not already_exists(error):
            raise


def put_behind(asked: Deployment, run: Run, config: DatasetConfig, variants: frozenset[str]) -> Deployment:
    live = describe_endpoint(sagemaker, asked.endpoint_name)
    if live is None:
        put_alarms(run, config)
        sagemaker.create_endpoint(**endpoint_request(run, settings))
        return asked
    status, current = live["EndpointStatus"], live["EndpointConfigName"]
    if current == asked.config_name and status != "Failed":
        return asked
    if is_busy(status):
        # An update that an earlier try asked for is this run's own.
        pending = live.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
        return asked if pending == asked.config_name else asked.model_copy(update={"verdict": "busy"})
    if status == "Failed":
        # A first creation that failed leaves an endpoint that can only be deleted; it never answered anybody.
        sagemaker.delete_endpoint(EndpointName=asked.endpoint_name)
        return asked.model_copy(update={"verdict": "busy"})
    if (live_kind := kind_of(live)) != config.endpoint.kind:
        reason = other_kind_reason(asked.endpoint_name, run.dataset, live_kind, config.endpoint.kind)
        return asked.model_copy(update={"verdict": "failed", "reasons": (reason,)})
    there = next((item.get("CurrentInstanceCount", 0) for item in live.get("ProductionVariants", [])), 0)
    instances = there if config.endpoint.autoscaling else config.endpoint.instance_count
    update(asked, config, put_alarms(run, config), instances, guarded=variants == variant_names(live))
    return asked.model_copy(update={"previous_config_name": asked.previous_config_name or current})


def put_alarms(run: Run, config: DatasetConfig) -> list[str]:
    """Makes the endpoint's alarms. Returns the names of those that may roll an update back.

    One that is on already has nothing to say about a new model, which may be what turns it off.
    """
    requests = alarm_requests(run, config, settings)
    names = [request["AlarmName"] for request in requests]
    found = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    for request in requests:
        cloudwatch.put_metric_alarm(**request)
    on = {alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"}
    if on:
        logger.warning("an alarm that is on already does not guard this update", extra={"alarms": sorted(on)})
    return [name for name in names if name not in on]


def update(asked: Deployment, config: DatasetConfig, alarms: list[str], instances: int, *, guarded: bool) -> None:
    request = update_request(asked, config.endpoint, alarms, instances, guarded=guarded)
    try:
        sagemaker.update_endpoint(**request)
    except ClientError as error:
        # The developer guide is of two minds about guards on serverless endpoints: the page on exclusions leaves them
        # out of rolling updates only, the overview names real-time and asynchronous endpoints alone.
        unguarded = config.endpoint.kind == "serverless" and "DeploymentConfig" in message_of(error)
        if not (guarded and unguarded):
            raise
        logger.warning("SageMaker takes no guards for this endpoint; it is updated without")
        sagemaker.update_endpoint(**update_request(asked, config.endpoint, alarms, instances, guarded=False))
