"""Puts an accepted model behind the dataset's endpoint: creates the endpoint, or updates the one that is live.

One run of a dataset at a time has the turn to do so, from here until its outcome is recorded. What the evaluation
compared with must still be live, and the newest data wins.
"""

from __future__ import annotations

from functools import partial

import boto3
from botocore.exceptions import ClientError

from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, logger, step
from sluice.dataset.aws.config import read_config
from sluice.dataset.config import Endpoint, read_whole_config
from sluice.endpoint.aws.deploying import Clients, answer_to, deploy, keep_scaling
from sluice.endpoint.aws.turns import take_free_turn
from sluice.endpoint.deployment import begun, busy, failed, overtaken, stale
from sluice.endpoint.network import no_vpc_reason
from sluice.messages import Deployment, DeployRequest
from sluice.runs.aws.executions import has_ended
from sluice.runs.aws.ledger import read_champion
from sluice.settings import DeploySettings

TURN_POLL_SECONDS = 30
"""Ten files may wait for one another for hours, and an execution has 25,000 events, of which a look makes nine."""

settings = DeploySettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
autoscaling = boto3.client("application-autoscaling", config=CLIENT_CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CLIENT_CONFIG)
clients = Clients(sagemaker, autoscaling, cloudwatch)


@step(DeployRequest)
def handler(request: DeployRequest) -> Deployment:
    run = request.run
    ended = partial(has_ended, stepfunctions)
    if not take_free_turn(dynamodb, settings.runs_table, run.dataset, run.execution_arn, ended):
        return busy(begun(settings.name_prefix, run), TURN_POLL_SECONDS)
    champion = read_champion(dynamodb, settings.runs_table, run.dataset)
    # From the ledger, not from the endpoint: a repeated call would find its own configuration live there.
    before = champion.before(run.run_id) if champion else None
    asked = begun(settings.name_prefix, run, (before.run_id, before.config_name) if before else None)
    # The champion may be this run itself, if the step is repeated.
    if before is champion and champion and champion.is_newer_than(run):
        return overtaken(asked, champion.run_id, run.key)
    if before is champion and asked.champion_run_id != request.evaluation.champion_run_id:
        return stale(asked)
    config = read_whole_config(read_json(s3, request.validation.config_uri))
    if reason := no_vpc_reason(config.endpoint, settings.subnet_ids, "the dataset's config.yaml"):
        return failed(asked, reason)
    try:
        applied = deploy(clients, settings, request, asked, config)
    except ClientError as error:
        answer = answer_to(error, asked)
        if before and answer.verdict == "failed":
            keep_scaling(
                clients, asked.endpoint_name, before.config_name, partial(endpoint_of, run.dataset, before.run_id)
            )
        return answer
    if applied.unguarded:
        logger.warning("SageMaker takes no guards for this endpoint; it is updated without")
    return applied.deployment


def endpoint_of(dataset: str, run_id: str) -> Endpoint:
    """What a run's configuration asks of the endpoint."""
    return read_config(s3, settings.artifact_bucket, dataset, run_id).endpoint
