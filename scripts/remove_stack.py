"""Removes a stack and everything that its runs made.

CloudFormation cannot do it alone: endpoints, their configurations, models and what the model registry has are made by
runs, not by the stack, and a bucket with objects in it is not deleted. What is running is stopped first, so that
nothing new is made meanwhile.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from sluice.aws.errors import is_not_found
from sluice.endpoint.aws.teardown import (
    KINDS,
    RELEASE_SECONDS,
    Patience,
    Say,
    StillBusyError,
    delete_alarms,
    delete_served,
    made_alarms,
    made_by_runs,
    running_jobs,
    stop_jobs,
    stop_runs,
)

MAX_WAIT_SECONDS = 1800.0
"""For jobs to stop and endpoints to go; one whose guarded update takes longer is for a second call."""


class RemoveError(Exception):
    """The stack cannot be removed; the message says why."""


@dataclass(frozen=True)
class Stack:
    """What of a deployed stack is needed to remove it."""

    name: str
    prefix: str
    buckets: tuple[str, ...]
    state_machine: str
    has_key: bool


def describe(cloudformation: Any, name: str) -> Stack:
    """Raises: RemoveError if there is no such stack, or it is not one of Sluice."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if is_not_found(error):
            raise RemoveError(f"there is no stack {name!r} in this account and region") from error
        raise
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])}
    outputs = {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}
    try:
        buckets = (outputs["InboxBucketName"], outputs["ArtifactBucketName"])
        return Stack(
            name, parameters["NamePrefix"], buckets, outputs["StateMachineArn"], bool(parameters.get("KmsKeyArn"))
        )
    except KeyError as error:
        raise RemoveError(f"stack {name!r} is not one of Sluice: it has no {error}") from error


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
        StillBusyError: an endpoint or a training job takes longer than half an hour. Calling again goes on.
        botocore.exceptions.ClientError, WaiterError: a service refused or took too long. Calling again goes on.
    """
    sagemaker, s3, cloudformation = (session.client(service) for service in ("sagemaker", "s3", "cloudformation"))
    stack = describe(cloudformation, name)
    _tell(sagemaker, stack, say)
    if not confirm(name):
        return False
    stop_runs(session.client("stepfunctions"), stack.state_machine, say)
    patience = Patience(MAX_WAIT_SECONDS)
    stop_jobs(sagemaker, stack.prefix, say, patience)
    cloudwatch = session.client("cloudwatch")
    alarms = made_alarms(cloudwatch, sagemaker, stack.prefix)
    gone = delete_served(sagemaker, session.client("application-autoscaling"), stack.prefix, say, patience=patience)
    delete_alarms(cloudwatch, alarms, say)
    for bucket in stack.buckets:
        say(f"emptied {bucket}: {empty(s3, bucket)} object versions")
    if gone and stack.has_key:
        say(f"waiting {RELEASE_SECONDS:.0f} s: SageMaker releases its grants of the key with a role of the stack ...")
        patience.rest(RELEASE_SECONDS)
    cloudformation.delete_stack(StackName=name)
    say(f"deleting stack {name} ...")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 5})
    say("gone. SageMaker's own log groups under /aws/sagemaker/ stay, because other work of the account may share them")
    return True


def _tell(sagemaker: Any, stack: Stack, say: Say) -> None:
    say(f"This removes the stack {stack.name} and everything in it permanently:")
    for bucket in stack.buckets:
        say(f"  bucket {bucket} with every object and version in it")
    for kind in KINDS:
        for name in made_by_runs(sagemaker, kind, stack.prefix):
            say(f"  {kind.what} {name}")
    for job in running_jobs(sagemaker, stack.prefix):
        say(f"  training job {job}, which is running, is stopped")
    say("  runs in progress are stopped")


def _typed(name: str) -> bool:
    return input(f"Type the stack's name ({name}) to continue: ").strip() == name


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
    except (RemoveError, StillBusyError, BotoCoreError, ClientError) as error:
        print(f"{error}\nFix this and call again. What was removed before stays removed.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
