"""Removes a stack and everything that its runs made.

CloudFormation cannot do it alone: endpoints, their configurations, models and what the model registry has are made by
runs, not by the stack, and a bucket with objects in it is not deleted. What runs is stopped first, so that nothing is
made behind the removal's back.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

OWNER_TAG: Final = "sluice:name_prefix"
"""Everything made by runs carries it; its value is the stack's NamePrefix."""

Say = Callable[[str], None]


class RemoveError(Exception):
    """The stack cannot be removed; the message says why."""


@dataclass(frozen=True)
class Stack:
    """What of a deployed stack is needed to remove it."""

    name: str
    prefix: str
    buckets: tuple[str, ...]
    state_machine: str


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
KINDS: Final = (
    ENDPOINT,
    Kind(
        "endpoint configuration",
        "list_endpoint_configs",
        "EndpointConfigs",
        "EndpointConfigName",
        "EndpointConfigArn",
        "delete_endpoint_config",
    ),
    Kind("model", "list_models", "Models", "ModelName", "ModelArn", "delete_model"),
    GROUP,
    Kind("model card", "list_model_cards", "ModelCardSummaries", "ModelCardName", "ModelCardArn", "delete_model_card"),
)


def describe(cloudformation: Any, name: str) -> Stack:
    """Raises: RemoveError where there is no such stack, or it is not one of Sluice."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            raise RemoveError(f"there is no stack {name!r} in this account and region") from error
        raise
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])}
    outputs = {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}
    try:
        buckets = (outputs["InboxBucketName"], outputs["ArtifactBucketName"])
        return Stack(name, parameters["NamePrefix"], buckets, outputs["StateMachineArn"])
    except KeyError as error:
        raise RemoveError(f"stack {name!r} is not one of Sluice: it has no {error}") from error


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
    return next((tag["Value"] for tag in tags if tag["Key"] == OWNER_TAG), None)


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
            if error.response["Error"]["Code"] != "ValidationException":  # it ended by itself
                raise
    for job in jobs:
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=job)
        say(f"stopped training job {job}")


def delete_served(sagemaker: Any, prefix: str, say: Say) -> None:
    """Deletes endpoints, then what they stood on. One that is being made or updated is waited for: it refuses."""
    for kind in KINDS:
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


def empty(s3: Any, bucket: str) -> int:
    """Deletes all versions of all objects of a bucket; returns how many."""
    count = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        if objects:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise RemoveError(f"{bucket}: {errors[0]['Key']} could not be deleted: {errors[0]['Message']}")
        count += len(objects)
    return count


def remove(session: Any, name: str, confirm: Callable[[str], bool], say: Say = print) -> bool:
    """Removes the stack and what its runs made.

    Args:
        session: a boto3 session of the account and region.
        name: of the stack.
        confirm: is asked with the stack's name once everything has been listed; False leaves all as it is.
        say: where progress goes.

    Returns:
        Whether anything was removed.

    Raises:
        RemoveError: there is no such stack, or something could not be removed. Calling again goes on.
        botocore.exceptions.ClientError, WaiterError: a service refused or took too long. Calling again goes on.
    """
    sagemaker, s3, cloudformation = (session.client(service) for service in ("sagemaker", "s3", "cloudformation"))
    stack = describe(cloudformation, name)
    _tell(sagemaker, stack, say)
    if not confirm(name):
        return False
    stop_runs(session.client("stepfunctions"), stack.state_machine, say)
    stop_jobs(sagemaker, stack.prefix, say)
    delete_served(sagemaker, stack.prefix, say)
    for bucket in stack.buckets:
        say(f"emptied {bucket}: {empty(s3, bucket)} object versions")
    cloudformation.delete_stack(StackName=name)
    say(f"deleting stack {name} ...")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 5})
    say("gone; SageMaker's own log groups under /aws/sagemaker/ stay, since other work of the account may share them")
    return True


def _tell(sagemaker: Any, stack: Stack, say: Say) -> None:
    say(f"This removes the stack {stack.name} and all that it holds, for good:")
    for bucket in stack.buckets:
        say(f"  bucket {bucket} with every object and version in it")
    for kind in KINDS:
        for name in made_by_runs(sagemaker, kind, stack.prefix):
            say(f"  {kind.what} {name}")
    for job in running_jobs(sagemaker, stack.prefix):
        say(f"  training job {job}, which runs, is stopped")
    say("  runs that are under way are stopped")


def _typed(name: str) -> bool:
    return input(f"Type the stack's name ({name}) to go on: ").strip() == name


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--region")
    parser.add_argument("--profile")
    options = parser.parse_args(arguments)
    try:
        session = boto3.Session(region_name=options.region, profile_name=options.profile)
        if not remove(session, options.stack, _typed):
            print("nothing was removed")
            return 1
    except (RemoveError, BotoCoreError, ClientError) as error:
        print(f"{error}\nMend this and call again; what was removed before stays removed.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
