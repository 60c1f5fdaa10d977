"""Puts the model before back if a deployment went wrong after the endpoint was changed. Repeatable.

It is asked again until nothing of this run is live. What another run put live is not touched.
"""

from __future__ import annotations

import boto3

from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.dataset.aws.config import read_config
from sluice.endpoint.aws.calls import describe_endpoint, go_back
from sluice.endpoint.aws.scaling import put_scaling
from sluice.endpoint.aws.turns import turn_holder
from sluice.endpoint.restoration import failed, next_step
from sluice.messages import Restoration, RestoreRequest
from sluice.names import endpoint_config_name, endpoint_name
from sluice.runs.aws.ledger import read_champion
from sluice.settings import RestoreSettings

settings = RestoreSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
autoscaling = boto3.client("application-autoscaling", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)


@step(RestoreRequest)
def handler(request: RestoreRequest) -> Restoration:
    run = request.run
    holder = turn_holder(dynamodb, settings.runs_table, run.dataset)
    champion = read_champion(dynamodb, settings.runs_table, run.dataset)
    if champion and champion.run_id == run.run_id:
        # It was verified and recorded before; what went wrong came after.
        return Restoration(verdict="untouched", config_name=champion.config_name)
    name, mine = endpoint_name(settings.name_prefix, run.dataset), holder == run.execution_arn
    live = describe_endpoint(sagemaker, name)
    following = next_step(
        live,
        endpoint_config_name(settings.name_prefix, run),
        mine=mine,
        taken=holder is not None and not mine,
        attempts=request.restoration.attempts if request.restoration else 0,
    )
    if following.do == "scale" and live and champion and live["EndpointConfigName"] == champion.config_name:
        put_scaling(autoscaling, name, read_config(s3, settings.artifact_bucket, run.dataset, champion.run_id).endpoint)
    if (
        following.do == "go back"
        and live
        and (said := go_back(sagemaker, autoscaling, name, live, champion.config_name if champion else None))
    ):
        return failed(following.restoration, said)
    return following.restoration
