"""Claims the run of an object version, once, and a slot to do it in; without a free one the run waits."""

from __future__ import annotations

import time

import boto3

from sluice.aws.step import CLIENT_CONFIG, step
from sluice.messages import Claim, ClaimRequest
from sluice.runs.aws.claim import claim_run, start_claimed, waiting_seconds
from sluice.runs.aws.executions import has_ended
from sluice.runs.aws.slots import take_slot
from sluice.settings import ClaimSettings

settings = ClaimSettings.load()
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)


@step(ClaimRequest)
def handler(request: ClaimRequest) -> Claim:
    run, table = request.run, settings.runs_table
    if not claim_run(dynamodb, table, run, lambda owner: has_ended(stepfunctions, owner)):
        return Claim(verdict="duplicate")
    if not take_slot(dynamodb, table, run.execution_arn, settings.max_concurrent_runs):
        return Claim(verdict="queued", wait_seconds=waiting_seconds(run, time.time()))
    start_claimed(dynamodb, table, run)
    return Claim(verdict="claimed")
