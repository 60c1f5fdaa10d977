"""Asks a person whether a model that passed its gates may be deployed. The run waits until somebody has decided."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import boto3

from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, logger, step
from sluice.layout import RunLayout, uri
from sluice.messages import AskedForApproval, AskForApprovalRequest
from sluice.runs.approval import APPROVAL_SECONDS, notice, question
from sluice.runs.aws.approval import ask, start_waiting, stop_waiting
from sluice.runs.aws.slots import give_slot_back
from sluice.settings import AskSettings

settings = AskSettings.load()
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
sns = boto3.client("sns", config=TRANSFER_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)


@step(AskForApprovalRequest)
def handler(request: AskForApprovalRequest) -> AskedForApproval:
    run = request.run
    report, now = uri(settings.artifact_bucket, RunLayout(run.dataset, run.run_id).report), time.time()
    # First: a decision, which may come as soon as the token is there, ends the waiting.
    asked = question(request.evaluation, report, now, now + APPROVAL_SECONDS)
    start_waiting(dynamodb, settings.runs_table, run, asked)
    pending = ask(dynamodb, settings.runs_table, run, request.task_token, now + APPROVAL_SECONDS)
    answer = AskedForApproval(
        verdict="asked", expires_at=datetime.fromtimestamp(pending.expires_at, UTC).isoformat(timespec="seconds")
    )
    # Little is left to do after the decision, and a person may take days.
    give_slot_back(dynamodb, settings.runs_table, run.execution_arn)
    if pending.approval:
        # The same file again, after a fault: nobody is asked twice.
        logger.info("this run was decided on before; the decision stands")
        stop_waiting(dynamodb, settings.runs_table, run.run_id)
        stepfunctions.send_task_success(taskToken=request.task_token, output=pending.approval.model_dump_json())
        return answer
    subject, text = notice(run, request.evaluation, report, settings.approval_url, pending.expires_at)
    sns.publish(TopicArn=settings.outcome_topic_arn, Subject=subject, Message=text)
    return answer
