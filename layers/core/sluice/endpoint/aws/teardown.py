"""Removal of what the runs of a stack made and what costs money: CloudFormation knows nothing of it.

The clients come first. What carries the tag of another stack is left alone, whatever its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from sluice.aws.errors import is_in_progress, is_invalid
from sluice.endpoint.aws.calls import delete_endpoint, describe_endpoint
from sluice.names import PREFIX_TAG, alarm_names

Say = Callable[[str], None]

_ALARMS_A_CALL: Final = 100
_POLL_SECONDS: Final = 5.0
_AGAIN: Final = "Delete the stack again when that has ended; what was removed stays removed."
RELEASE_SECONDS: Final = 180.0
"""SageMaker continues to release what an endpoint had after that is gone, such as grants of the key, with the execution
role: "a few minutes", says DeleteEndpoint in its API reference, and not to delete the role meanwhile."""


class StillBusyError(Exception):
    """Something of the stack is still at work, and cannot be deleted as long as it is. The message says what to do."""


class Patience:
    """How long something waits in all, and how it waits.

    Args:
        seconds: that are left.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        poll: float = _POLL_SECONDS,
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._poll = poll
        self._deadline = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds; 0 if there are none left."""
        return max(0.0, self._deadline - self._clock())

    def until(self, ended: Callable[[], bool]) -> bool:
        """Waits until something has ended. False if the time ran out before it did."""
        while not ended():
            if not self.look_again():
                return False
        return True

    def look_again(self) -> bool:
        """Waits until it is time for the next look. False at once if the time has run out."""
        if not self.left:
            return False
        self.rest(self._poll)
        return True

    def rest(self, seconds: float) -> None:
        """Waits for as long, or for what is left."""
        self._pause(min(seconds, self.left))


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
SERVED: Final = (ENDPOINT, CONFIGURATION, MODEL)
"""What serves, and so costs. The model registry costs nothing, and tells what there was."""
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


def stop_jobs(sagemaker: Any, prefix: str, say: Say, patience: Patience) -> None:
    """Stops training jobs and waits: a stopped job may write its model for two more minutes.

    Raises:
        StillBusyError: one still runs when the patience ends. Calling again continues.
    """
    jobs = running_jobs(sagemaker, prefix)
    for job in jobs:
        try:
            sagemaker.stop_training_job(TrainingJobName=job)
        except ClientError as error:
            if not is_invalid(error):  # it ended by itself
                raise
    for job in jobs:
        if not patience.until(lambda job=job: _has_ended(sagemaker, job)):  # type: ignore[misc]
            raise StillBusyError(f"training job {job} has not stopped yet. {_AGAIN}")
        say(f"stopped training job {job}")


def _has_ended(sagemaker: Any, job: str) -> bool:
    status = sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"]
    return status in ("Completed", "Failed", "Stopped")


def delete_served(
    sagemaker: Any, autoscaling: Any, prefix: str, say: Say, kinds: tuple[Kind, ...] = KINDS, *, patience: Patience
) -> list[str]:
    """Deletes endpoints, then what they stood on.

    An endpoint is deleted at once in whatever state SageMaker lets it: ``UpdateRollbackFailed`` never becomes another.
    One that is being made or updated is waited for, with patience: it refuses to be deleted.

    Returns:
        Names of the endpoints that are gone.

    Raises:
        StillBusyError: an endpoint is still there when the patience ends. Calling again continues.
    """
    gone = []
    for kind in kinds:
        names = made_by_runs(sagemaker, kind, prefix)
        if kind is ENDPOINT:
            gone = names
            _delete_endpoints(sagemaker, autoscaling, names, patience)
        for name in names:
            if kind is GROUP:
                _delete_versions(sagemaker, name)
            if kind is not ENDPOINT:
                getattr(sagemaker, kind.delete)(**{kind.name: name})
            say(f"deleted {kind.what} {name}")
    return gone


def _delete_endpoints(sagemaker: Any, autoscaling: Any, names: list[str], patience: Patience) -> None:
    busy, there = set(names), set(names)

    def all_asked() -> bool:
        busy.difference_update([name for name in busy if _is_deleted_or_deleting(sagemaker, autoscaling, name)])
        return not busy

    def all_gone() -> bool:
        there.difference_update([name for name in there if describe_endpoint(sagemaker, name) is None])
        return not there

    if not patience.until(all_asked):
        raise StillBusyError(_still_there(sagemaker, min(busy)))
    if not patience.until(all_gone):
        raise StillBusyError(_still_there(sagemaker, min(there)))


def _is_deleted_or_deleting(sagemaker: Any, autoscaling: Any, name: str) -> bool:
    try:
        delete_endpoint(sagemaker, autoscaling, name)
    except ClientError as error:
        if not is_in_progress(error):
            raise
        live = describe_endpoint(sagemaker, name)
        return live is None or live["EndpointStatus"] == "Deleting"
    return True


def _still_there(sagemaker: Any, name: str) -> str:
    live = describe_endpoint(sagemaker, name) or {}
    return (
        f"endpoint {name} is still {live.get('EndpointStatus', 'there')}, and SageMaker deletes none in that state; an "
        f"update that is guarded by alarms takes up to four hours. {_AGAIN}"
    )


def _delete_versions(sagemaker: Any, group: str) -> None:
    """Deletes the packages of a group, which is not deleted with them in it. Their tags are those of the group."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    for package in [item for page in pages for item in page["ModelPackageSummaryList"]]:
        sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])


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
