"""Removal of what the runs of a stack made and what costs money: CloudFormation knows nothing of it.

The clients come first. What carries the tag of another stack is left alone, whatever its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError

from sluice.aws.errors import is_invalid
from sluice.names import PREFIX_TAG, alarm_names

Say = Callable[[str], None]

_ALARMS_A_CALL: Final = 100


@dataclass(frozen=True)
class Kind:
    """One kind of SageMaker resource: how it is listed and deleted."""

    what: str
    list_operation: str
    key: str
    name: str
    arn: str
    delete: str


ENDPOINT: Final = Kind("endpoint", "list_endpoints", "Endpoints", "EndpointName", "EndpointArn", "delete_endpoint")
GROUP: Final = Kind(
    "model package group",
    "list_model_package_groups",
    "ModelPackageGroupSummaryList",
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "delete_model_package_group",
)
CONFIGURATION: Final = Kind(
    "endpoint configuration",
    "list_endpoint_configs",
    "EndpointConfigs",
    "EndpointConfigName",
    "EndpointConfigArn",
    "delete_endpoint_config",
)
MODEL: Final = Kind("model", "list_models", "Models", "ModelName", "ModelArn", "delete_model")
#: What serves, and so costs. The model registry costs nothing, and tells what there was.
SERVED: Final = (ENDPOINT, CONFIGURATION, MODEL)
KINDS: Final = (
    *SERVED,
    GROUP,
    Kind("model card", "list_model_cards", "ModelCardSummaries", "ModelCardName", "ModelCardArn", "delete_model_card"),
)


def made_by_runs(sagemaker: Any, kind: Kind, prefix: str) -> list[str]:
    """Names of the resources of a kind that the stack's runs made."""
    pages = sagemaker.get_paginator(kind.list_operation).paginate(NameContains=prefix)
    items = [item for page in pages for item in page[kind.key]]
    return [item[kind.name] for item in items if _owner(sagemaker, item[kind.arn]) == prefix]


def running_jobs(sagemaker: Any, prefix: str) -> list[str]:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains=prefix, StatusEquals="InProgress")
    jobs = [job for page in pages for job in page["TrainingJobSummaries"]]
    return [job["TrainingJobName"] for job in jobs if _owner(sagemaker, job["TrainingJobArn"]) == prefix]


def _owner(sagemaker: Any, arn: str) -> str | None:
    """NamePrefix of the stack whose run made the resource. A name alone may belong to a stack with a longer prefix."""
    tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    return next((tag["Value"] for tag in tags if tag["Key"] == PREFIX_TAG), None)


def stop_runs(stepfunctions: Any, state_machine: str, say: Say) -> None:
    pages = stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=state_machine, statusFilter="RUNNING"
    )
    for execution in [item for page in pages for item in page["executions"]]:
        stepfunctions.stop_execution(executionArn=execution["executionArn"], cause="the stack is being removed")
        say(f"stopped run {execution['name']}")


def stop_jobs(sagemaker: Any, prefix: str, say: Say) -> None:
    """Stops training jobs and waits: a stopped job may go on writing its model for two minutes."""
    jobs = running_jobs(sagemaker, prefix)
    for job in jobs:
        try:
            sagemaker.stop_training_job(TrainingJobName=job)
        except ClientError as error:
            if not is_invalid(error):  # it ended by itself
                raise
    for job in jobs:
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=job)
        say(f"stopped training job {job}")


def delete_served(sagemaker: Any, prefix: str, say: Say, kinds: tuple[Kind, ...] = KINDS) -> None:
    """Deletes endpoints, then what they stood on. One that is being made or updated is waited for: it refuses."""
    for kind in kinds:
        names = made_by_runs(sagemaker, kind, prefix)
        for name in names:
            if kind is ENDPOINT:
                _wait_until_settled(sagemaker, name)
            if kind is GROUP:
                _delete_versions(sagemaker, name)
            getattr(sagemaker, kind.delete)(**{kind.name: name})
        for name in names:
            if kind is ENDPOINT:
                sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name)
            say(f"deleted {kind.what} {name}")


def _delete_versions(sagemaker: Any, group: str) -> None:
    """Deletes the packages of a group, which is not deleted with them in it. Their tags are those of the group."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    for package in [item for page in pages for item in page["ModelPackageSummaryList"]]:
        sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])


def _wait_until_settled(sagemaker: Any, name: str) -> None:
    try:
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)
    except WaiterError as error:
        if error.last_response.get("EndpointStatus") != "Failed":  # which can be deleted, too
            raise


def made_alarms(cloudwatch: Any, sagemaker: Any, prefix: str) -> list[str]:
    """Names of the alarms of the stack's endpoints. Call it while these are still there: the tags are theirs."""
    names = [name for endpoint in made_by_runs(sagemaker, ENDPOINT, prefix) for name in alarm_names(endpoint)]
    found = []
    for start in range(0, len(names), _ALARMS_A_CALL):
        page = cloudwatch.describe_alarms(AlarmNames=names[start : start + _ALARMS_A_CALL], AlarmTypes=["MetricAlarm"])
        found += [alarm["AlarmName"] for alarm in page["MetricAlarms"]]
    return found


def delete_alarms(cloudwatch: Any, names: list[str], say: Say) -> None:
    for start in range(0, len(names), _ALARMS_A_CALL):
        cloudwatch.delete_alarms(AlarmNames=names[start : start + _ALARMS_A_CALL])
    for name in names:
        say(f"deleted alarm {name}")
