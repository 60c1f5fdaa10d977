"""Removes what nothing uses any more: after each deployment its dataset's, and once a day that of all datasets.

The daily round also retires endpoints that nobody called for as long as their configuration allows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from sluice.aws.step import CLIENT_CONFIG, logger, step
from sluice.dataset.aws.config import read_config
from sluice.endpoint.aws.calls import describe_endpoint
from sluice.endpoint.aws.leftovers import datasets_with_endpoints, remove_alarms, remove_unused
from sluice.endpoint.aws.operations import Clients, OperationRefusedError, StackNames, retire, turn
from sluice.endpoint.aws.teardown import Patience
from sluice.endpoint.aws.turns import CLEANING
from sluice.endpoint.requests import VARIANT
from sluice.messages import CleanedUp, CleanUpRequest
from sluice.names import endpoint_name
from sluice.runs.aws.ledger import read_champion
from sluice.settings import CleanSettings

CLEANING_SECONDS = 300
"""Of the function's time, what is kept from waiting for endpoints: the other datasets are cleaned up as well."""

settings = CleanSettings.load()
stack = StackNames(settings.runs_table, settings.artifact_bucket, settings.name_prefix)
clients = Clients.of(lambda service: boto3.client(service, config=CLIENT_CONFIG))  # type: ignore[call-overload]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Of a run, or of the schedule, whose event names none."""
    if "run" in event:
        return of_run(event, context)
    # A function that is warm has the run of its last call on each line still.
    logger.remove_keys(["run_id"])
    logger.append_keys(step="CleanUp", request_id=context.aws_request_id)
    patience = Patience(context.get_remaining_time_in_millis() / 1000 - CLEANING_SECONDS)
    return {"datasets": daily_round(f"daily round {context.aws_request_id}", patience)}


@step(CleanUpRequest)
def of_run(request: CleanUpRequest) -> CleanedUp:
    removed = clean(request.run.dataset, CLEANING + request.run.execution_arn)
    return CleanedUp(verdict="skipped") if removed is None else CleanedUp(verdict="cleaned", removed=removed)


def daily_round(holder: str, patience: Patience) -> int:
    found = datasets_with_endpoints(clients.sagemaker, settings.name_prefix)
    for dataset, endpoint in found.items():
        logger.append_keys(dataset=dataset)
        try:
            if is_idle(dataset, endpoint):
                removed: tuple[str, ...] | None = retire(
                    clients, stack=stack, dataset=dataset, by=holder, say=logger.info, patience=patience
                ).removed
            else:
                removed = clean(dataset, holder)
        except OperationRefusedError as error:
            logger.info("left for tomorrow", extra={"reason": str(error)})
        except Exception:  # noqa: BLE001 - one dataset's fault must not keep the others' leftovers
            logger.exception("fault")
        else:
            logger.info("cleaned up", extra={"removed": removed})
    return len(found)


def clean(dataset: str, holder: str) -> tuple[str, ...] | None:
    """What was removed; None if another has the turn: it will clean up itself."""
    with turn(clients, stack, dataset, holder) as taken:
        if not taken:
            return None
        champion = read_champion(clients.dynamodb, settings.runs_table, dataset)
        keep = (
            read_config(clients.s3, settings.artifact_bucket, dataset, champion.run_id).endpoint.keep if champion else 0
        )
        name = endpoint_name(settings.name_prefix, dataset)
        # An endpoint that was refused or taken away again leaves its alarms.
        alarms = () if describe_endpoint(clients.sagemaker, name) else remove_alarms(clients.cloudwatch, name)
        return *alarms, *remove_unused(clients.sagemaker, settings.name_prefix, dataset, champion, keep)


def is_idle(dataset: str, endpoint: dict[str, Any]) -> bool:
    """Whether an endpoint with a time to live was neither changed nor called for as long."""
    champion = read_champion(clients.dynamodb, settings.runs_table, dataset)
    days = (
        read_config(clients.s3, settings.artifact_bucket, dataset, champion.run_id).endpoint.time_to_live_days
        if champion
        else None
    )
    now = datetime.now(UTC)
    if days is None or now - endpoint["LastModifiedTime"] < timedelta(days=days):
        return False
    # Counts of five minutes or more are kept for 63 days, of an hour for 455: by days the answer is one page.
    counted = clients.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint["EndpointName"]},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        StartTime=now - timedelta(days=days),
        EndTime=now,
        Period=86_400 if days >= 1 else 3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return not any(point["Sum"] for point in counted)
