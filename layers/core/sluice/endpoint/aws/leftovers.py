"""What runs make and nothing uses any more: models, endpoint configurations, alarms. The clients come first.

A name alone proves nothing, since another stack's may begin alike; what is deleted carries the tags of its dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found
from sluice.endpoint.aws.calls import describe_config, describe_endpoint
from sluice.endpoint.aws.teardown import CONFIGURATION, MODEL, Kind
from sluice.endpoint.requests import pending_config
from sluice.names import DATASET_TAG, PREFIX_TAG, alarm_names, dataset_of_endpoint, endpoint_name, names_of_runs
from sluice.runs.aws.ledger import Champion

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sagemaker import SageMakerClient


def remove_unused(
    sagemaker: SageMakerClient, prefix: str, dataset: str, champion: Champion | None, keep: int
) -> tuple[str, ...]:
    """Deletes the dataset's models and endpoint configurations but the last ``keep`` champions' and what is live.

    Call it with the dataset's turn: a deployment under way makes them before it uses them. Repeatable.

    Returns:
        Kind and name of each that was deleted.
    """
    kept = {past.config_name for past in (champion.itself, *champion.history)[:keep]} if champion else set()
    live = describe_endpoint(sagemaker, endpoint_name(prefix, dataset)) or {}
    kept |= {live.get("EndpointConfigName", ""), pending_config(live) or ""}
    models = kept | {name for config in kept if config for name in _models_of(sagemaker, config)}
    contained, made = names_of_runs(prefix, dataset)
    removed = []
    for kind, used in ((CONFIGURATION, kept), (MODEL, models)):
        pages = sagemaker.get_paginator(kind.list_operation).paginate(NameContains=contained)  # type: ignore[call-overload]
        found = [(item[kind.name], item[kind.arn]) for page in pages for item in page[kind.key]]
        for name, arn in found:
            unused = made.fullmatch(name) and name not in used
            if unused and is_owned(sagemaker, arn, prefix, dataset) and _deleted(sagemaker, kind, name):
                removed.append(f"{kind.what} {name}")
    return tuple(removed)


def _models_of(sagemaker: SageMakerClient, config: str) -> Iterator[str]:
    """The models that a configuration serves; none if there is no such configuration."""
    found = describe_config(sagemaker, config) or {}
    for part in ("ProductionVariants", "ShadowProductionVariants"):
        for variant in found.get(part, []):
            yield variant["ModelName"]


def _deleted(sagemaker: SageMakerClient, kind: Kind, name: str) -> bool:
    try:
        getattr(sagemaker, kind.delete)(**{kind.name: name})
    except ClientError as error:
        if is_not_found(error):
            return False  # another was quicker
        raise
    return True


def is_owned(sagemaker: SageMakerClient, arn: str, prefix: str, dataset: str) -> bool:
    """Whether a resource's tags name the stack and the dataset."""
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    return (tags.get(PREFIX_TAG), tags.get(DATASET_TAG)) == (prefix, dataset)


def datasets_with_endpoints(sagemaker: SageMakerClient, prefix: str) -> dict[str, dict[str, Any]]:
    """ListEndpoints' summary by dataset, of the endpoints that the stack's runs made."""
    found = {}
    for page in sagemaker.get_paginator("list_endpoints").paginate(NameContains=endpoint_name(prefix, "")):
        for item in page["Endpoints"]:
            dataset = dataset_of_endpoint(prefix, item["EndpointName"])
            if dataset and is_owned(sagemaker, item["EndpointArn"], prefix, dataset):
                found[dataset] = dict(item)
    return found


def remove_alarms(cloudwatch: CloudWatchClient, endpoint: str) -> tuple[str, ...]:
    """Deletes the alarms of an endpoint. Repeatable."""
    names = list(alarm_names(endpoint))
    there = [
        alarm["AlarmName"]
        for alarm in cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    ]
    if there:
        cloudwatch.delete_alarms(AlarmNames=there)
    return tuple(f"alarm {name}" for name in there)
