"""Puts the model before back where a deployment went wrong after the endpoint was changed. Repeatable.

It is asked again until nothing of this run is live. What another run put live is not touched.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError

from sluice.aws.errors import is_in_progress, is_invalid, message_of
from sluice.aws.step import CLIENT_CONFIG, step
from sluice.endpoint.aws.calls import delete_endpoint, describe_endpoint
from sluice.endpoint.aws.turns import turn_holder
from sluice.endpoint.requests import POLL_SECONDS, is_busy
from sluice.messages import Restoration, RestoreRequest
from sluice.names import endpoint_config_name, endpoint_name
from sluice.runs.aws.ledger import Champion, read_champion
from sluice.settings import RestoreSettings

#: Updates back that themselves roll back: after so many a person has to look.
MAX_ATTEMPTS = 3

settings = RestoreSettings.load()
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)


@step(RestoreRequest)
def handler(request: RestoreRequest) -> Restoration:
    run = request.run
    attempts = request.restoration.attempts if request.restoration else 0
    holder = turn_holder(dynamodb, settings.runs_table, run.dataset)
    champion = read_champion(dynamodb, settings.runs_table, run.dataset)
    if champion and champion.run_id == run.run_id:
        # It was verified and recorded before; what went wrong came after.
        return Restoration(verdict="untouched", config_name=champion.config_name)
    name = endpoint_name(settings.name_prefix, run.dataset)
    ours = endpoint_config_name(settings.name_prefix, run)
    live = describe_endpoint(sagemaker, name)
    found = Restoration(verdict="restored" if attempts else "untouched", attempts=attempts)
    if live is None:
        return found
    found = found.model_copy(update={"config_name": live["EndpointConfigName"], "wait_seconds": POLL_SECONDS})
    mine = holder == run.execution_arn
    if not mine and ours not in configs_of(live):
        return found.model_copy(update={"config_name": None})
    # A stopped run may have lost its turn to another, whose own way back may lead to this run's model: wait for that.
    if is_busy(live["EndpointStatus"]) or (holder and not mine):
        return found.model_copy(update={"verdict": "in_progress"})
    if live["EndpointConfigName"] != ours:
        return found.model_copy(update={"verdict": "restored"})
    return go_back(name, champion, found)


def configs_of(live: dict[str, Any]) -> set[str | None]:
    """The configuration that answers, and the one that an update is about to put there."""
    return {live["EndpointConfigName"], live.get("PendingDeploymentSummary", {}).get("EndpointConfigName")}


def go_back(name: str, champion: Champion | None, found: Restoration) -> Restoration:
    if found.attempts >= MAX_ATTEMPTS:
        return failed(found, f"the endpoint returned to {found.config_name} {found.attempts} times")
    try:
        if champion:
            sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=champion.config_name)
        else:
            delete_endpoint(sagemaker, name)
    except ClientError as error:
        if is_invalid(error) and not is_in_progress(error):
            return failed(found, message_of(error))
        raise
    return found.model_copy(update={"verdict": "in_progress", "attempts": found.attempts + 1})


def failed(found: Restoration, why: str) -> Restoration:
    reason = (
        f"The model before could not be put back: {why}. The endpoint may answer with a model that was not verified; "
        "look at it in SageMaker's console, or remove it by `sluice retire`."
    )
    return found.model_copy(update={"verdict": "failed", "reasons": (reason,)})
