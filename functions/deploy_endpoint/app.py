"""Puts an accepted model behind the dataset's endpoint: creates the endpoint, or updates the one that is live.

One run of a dataset at a time has the turn to do so, from here until its outcome is recorded. What the evaluation
compared with must still be live, and the newest data wins. Every call may be repeated: names derive from the run, and
what exists already is left as it is.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from sluice.aws.errors import is_in_progress, is_not_found, message_of
from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, logger, step
from sluice.dataset.aws.config import read_config
from sluice.dataset.config import DatasetConfig, read_whole_config
from sluice.endpoint.aws.alarms import put_alarms
from sluice.endpoint.aws.calls import (
    create_endpoint,
    create_if_absent,
    delete_endpoint,
    describe_endpoint,
    update_endpoint,
)
from sluice.endpoint.aws.scaling import put_scaling
from sluice.endpoint.aws.turns import take_free_turn
from sluice.endpoint.deployment import begun, busy, failed, next_step
from sluice.endpoint.network import no_vpc_reason
from sluice.endpoint.requests import (
    alarm_requests,
    endpoint_config_request,
    endpoint_request,
    instance_count,
    model_request,
    update_request,
    variant_names,
)
from sluice.messages import Deployment, DeployRequest, Run
from sluice.names import model_of_config
from sluice.runs.aws.executions import has_ended
from sluice.runs.aws.ledger import Champion, Deployed, read_champion
from sluice.settings import DeploySettings
from sluice.training.aws.refusal import refusal

TURN_POLL_SECONDS = 30
"""Ten files may wait for one another for hours, and an execution has 25,000 events, of which a look makes nine."""

settings = DeploySettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
autoscaling = boto3.client("application-autoscaling", config=CLIENT_CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CLIENT_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)


@step(DeployRequest)
def handler(request: DeployRequest) -> Deployment:
    run = request.run
    if not take_free_turn(
        dynamodb, settings.runs_table, run.dataset, run.execution_arn, partial(has_ended, stepfunctions)
    ):
        return busy(begun(settings.name_prefix, run), TURN_POLL_SECONDS)
    champion = read_champion(dynamodb, settings.runs_table, run.dataset)
    # From the ledger, not from the endpoint: a repeated call would find its own configuration live there.
    before = before_this(champion, run.run_id)
    asked = begun(settings.name_prefix, run, (before.run_id, before.config_name) if before else None)
    if before is champion and (other := overtaken(request, champion)):
        return asked.model_copy(update=other)
    config = read_whole_config(read_json(s3, request.validation.config_uri))
    if reason := no_vpc_reason(config.endpoint, settings.subnet_ids, "the dataset's config.yaml"):
        return failed(asked, reason)
    try:
        return deploy(request, asked, config, before)
    except ClientError as error:
        return refused(error, run, asked, before)


def overtaken(request: DeployRequest, champion: Champion | None) -> dict[str, Any] | None:
    """What became of the challenge since the evaluation; None if it stands."""
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
    """The model that this run's replaces; the champion may be this run already, if a step is repeated."""
    if champion and champion.run_id == run_id:
        return champion.history[0] if champion.history else None
    return champion


def deploy(request: DeployRequest, asked: Deployment, config: DatasetConfig, before: Deployed | None) -> Deployment:
    """Makes the model and its configuration, and asks for what the endpoint needs next."""
    run = request.run
    previous = model_of_config(before.config_name) if before else None
    configuration = endpoint_config_request(run, config, settings, previous)
    create_if_absent(sagemaker.create_model, model_request(run, request.training, config, settings))
    create_if_absent(sagemaker.create_endpoint_config, configuration)
    live = describe_endpoint(sagemaker, asked.endpoint_name)
    following = next_step(asked, live, config.endpoint, run.dataset)
    if following.do == "create":
        put_alarms(cloudwatch, alarm_requests(run, config, settings))
        create_endpoint(sagemaker, endpoint_request(run, settings))
    elif following.do == "delete":
        delete_endpoint(sagemaker, autoscaling, asked.endpoint_name)
    elif following.do == "update" and live:
        guarded = variant_names(configuration) == variant_names(live)
        alarms = put_alarms(cloudwatch, alarm_requests(run, config, settings))
        update(asked, config, live, alarms, guarded=guarded)
    return following.deployment


def update(asked: Deployment, config: DatasetConfig, live: dict[str, Any], alarms: list[str], *, guarded: bool) -> None:
    endpoint = config.endpoint
    instances = instance_count(live) if endpoint.autoscaling else endpoint.instance_count
    wanted = update_request(asked, endpoint, alarms, instances, guarded=guarded)
    if not update_endpoint(sagemaker, autoscaling, wanted, live, scales=endpoint.autoscaling is not None):
        logger.warning("SageMaker takes no guards for this endpoint; it is updated without")


def refused(error: ClientError, run: Run, asked: Deployment, before: Deployed | None) -> Deployment:
    """What an error of SageMaker means for the deployment.

    Raises:
        ClientError: asking again may help. What this run made a moment ago may not be found yet: SageMaker's reads are
            eventually consistent, see CreateEndpointConfig in its API reference.
    """
    if is_in_progress(error):
        return busy(asked)
    not_seen_yet = is_not_found(error) and asked.config_name in message_of(error)
    reason = None if not_seen_yet else refusal(error)
    if reason is None:
        raise error
    if before:
        keep_scaling(run, before, asked.endpoint_name)
    return failed(asked, reason)


def keep_scaling(run: Run, before: Deployed, endpoint: str) -> None:
    """Puts the autoscaling of the model that stays live into force again: the update may have ended it.

    An endpoint that is not there, or has something else live, has no autoscaling of that model.
    """
    live = describe_endpoint(sagemaker, endpoint)
    if live and live["EndpointConfigName"] == before.config_name:
        wanted = read_config(s3, settings.artifact_bucket, run.dataset, before.run_id)
        put_scaling(autoscaling, endpoint, wanted.endpoint)
