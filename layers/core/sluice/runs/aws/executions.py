"""Executions of the state machine, as another function sees them. The client comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


def has_ended(stepfunctions: SFNClient, arn: str) -> bool:
    """Whether an execution will do nothing any more. One that Step Functions has forgotten will not."""
    try:
        return stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING"
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return True
