"""Removes a stack and everything that its runs made, so that nothing is left that costs money.

CloudFormation cannot do it alone: endpoints, their configurations and models are made by runs, not by the stack, and a
bucket with objects in it is not deleted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

OURS: Final = "sluice:name_prefix"
"""The tag that everything made by runs carries; its value is the stack's NamePrefix."""


class RemoveError(Exception):
    """The stack cannot be removed; the message says why."""


@dataclass(frozen=True)
class Stack:
    """What of a deployed stack is needed to remove it."""

    name: str
    prefix: str
    buckets: tuple[str, ...]


def describe(cloudformation: Any, name: str) -> Stack:
    """Raises: RemoveError where there is no such stack, or it is not one of Sluice."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        raise RemoveError(f"there is no stack {name!r} in this account and region") from error
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])}
    outputs = {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}
    try:
        return Stack(name, parameters["NamePrefix"], (outputs["InboxBucketName"], outputs["ArtifactBucketName"]))
    except KeyError as error:
        raise RemoveError(f"stack {name!r} is not one of Sluice: it has no {error}") from error


@dataclass(frozen=True)
class Kind:
    """One kind of SageMaker resource: how it is listed and deleted."""

    what: str
    list_operation: str
    key: str
    name: str
    arn: str
    delete: str


KINDS: Final = (
    Kind("endpoint", "list_endpoints", "Endpoints", "EndpointName", "EndpointArn", "delete_endpoint"),
    Kind(
        "endpoint configuration",
        "list_endpoint_configs",
        "EndpointConfigs",
        "EndpointConfigName",
        "EndpointConfigArn",
        "delete_endpoint_config",
    ),
    Kind("model", "list_models", "Models", "ModelName", "ModelArn", "delete_model"),
)


def made_by_runs(sagemaker: Any, kind: Kind, prefix: str) -> list[str]:
    """Names of the resources of a kind that the stack's runs made."""
    pages = sagemaker.get_paginator(kind.list_operation).paginate(NameContains=prefix)
    items = [item for page in pages for item in page[kind.key]]
    return [item[kind.name] for item in items if _owner(sagemaker, item[kind.arn]) == prefix]


def _owner(sagemaker: Any, arn: str) -> str | None:
    """NamePrefix of the stack whose run made the resource. A name alone may belong to a stack with a longer prefix."""
    return next((tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"] if tag["Key"] == OURS), None)


def running_jobs(sagemaker: Any, prefix: str) -> list[str]:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains=prefix, StatusEquals="InProgress")
    jobs = [job for page in pages for job in page["TrainingJobSummaries"]]
    return [job["TrainingJobName"] for job in jobs if _owner(sagemaker, job["TrainingJobArn"]) == prefix]


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


def remove(session: Any, name: str, confirm: Callable[[str], bool], say: Callable[[str], None] = print) -> bool:
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
    """
    sagemaker, s3, cloudformation = (session.client(service) for service in ("sagemaker", "s3", "cloudformation"))
    stack = describe(cloudformation, name)
    resources = [(kind, made) for kind in KINDS for made in made_by_runs(sagemaker, kind, stack.prefix)]
    jobs = running_jobs(sagemaker, stack.prefix)
    _tell(say, stack, resources, jobs)
    if not confirm(name):
        return False
    for job in jobs:
        sagemaker.stop_training_job(TrainingJobName=job)
        say(f"stopped training job {job}")
    for kind, made in resources:
        getattr(sagemaker, kind.delete)(**{kind.name: made})
        say(f"deleted {kind.what} {made}")
    for bucket in stack.buckets:
        say(f"emptied {bucket}: {empty(s3, bucket)} object versions")
    cloudformation.delete_stack(StackName=name)
    say(f"deleting stack {name} ...")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 5})
    say("gone")
    return True


def _tell(say: Callable[[str], None], stack: Stack, resources: Iterable[tuple[Kind, str]], jobs: Iterable[str]) -> None:
    say(f"This removes the stack {stack.name} and all that it holds, for good:")
    for bucket in stack.buckets:
        say(f"  bucket {bucket} with every object and version in it")
    for kind, made in resources:
        say(f"  {kind.what} {made}")
    for job in jobs:
        say(f"  running training job {job} is stopped")


def _typed(name: str) -> bool:
    return input(f"Type the stack's name ({name}) to go on: ").strip() == name


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("--region")
    parser.add_argument("--profile")
    options = parser.parse_args(arguments)
    session = boto3.Session(region_name=options.region, profile_name=options.profile)
    try:
        if not remove(session, options.stack, _typed):
            print("nothing was removed")
            return 1
    except RemoveError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
