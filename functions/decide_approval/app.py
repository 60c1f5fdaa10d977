"""Takes a person's decision on a model that waits for one, by a signed POST, and lets the run continue.

A function URL with IAM authentication: AWS checks the signature and says who signed. A GET decides nothing, since mail
scanners follow links.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any, Literal

import boto3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sluice.aws.step import CLIENT_CONFIG, logger
from sluice.messages import Approval
from sluice.runs.approval import Pending, caller_name
from sluice.runs.aws.approval import decide, read_pending, stop_waiting
from sluice.settings import DecideSettings

settings = DecideSettings.load()
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)


class Word(BaseModel):
    """The body of the request: what a person decided."""

    model_config = ConfigDict(extra="forbid")

    run_id: str = Field(pattern=r"^[0-9a-f]{12}$")
    decision: Literal["approved", "rejected"]
    comment: str = Field("", max_length=1000)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logger.append_keys(step="DecideApproval", request_id=getattr(context, "aws_request_id", None))
    if event["requestContext"]["http"]["method"] != "POST":
        return answer(405, "send the decision by POST; see the notice that asked for it")
    body = event.get("body") or ""
    try:
        word = Word.model_validate_json(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except (ValidationError, ValueError):
        wanted = 'expected JSON such as {"run_id": "0123456789ab", "decision": "approved", "comment": ""}'
        return answer(400, wanted)
    pending = read_pending(dynamodb, settings.runs_table, word.run_id)
    if pending is None:
        return answer(404, f"run {word.run_id} does not wait for an approval")
    approval = Approval(
        decision=word.decision,
        # On AWS every signed request has it.
        decided_by=caller_name(
            event["requestContext"].get("authorizer", {}).get("iam", {}).get("userArn") or "a caller without a name"
        ),
        comment=word.comment,
        decided_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return take(pending, approval)


def take(pending: Pending, approval: Approval) -> dict[str, Any]:
    if pending.approval is None and time.time() > pending.expires_at:
        return answer(410, f"the deadline to decide on run {pending.run_id} has passed; drop its file again")
    if not decide(dynamodb, settings.runs_table, pending.run_id, approval):
        made = read_pending(dynamodb, settings.runs_table, pending.run_id)
        if made is None or made.approval is None:
            return answer(404, f"run {pending.run_id} does not wait for an approval")
        if made.approval.decision != approval.decision:
            said = f"run {pending.run_id} was already {made.approval.decision} by {made.approval.decided_by}"
            return answer(409, said)
        # The same decision again, as when the first answer was lost: it stands, and the run is told again.
        approval = made.approval
    try:
        stepfunctions.send_task_success(taskToken=pending.token, output=approval.model_dump_json())
    except (stepfunctions.exceptions.TaskDoesNotExist, stepfunctions.exceptions.TaskTimedOut):
        logger.warning("the run no longer waits", extra={"run_id": pending.run_id})
    # Last: what the ledger shows of the run must not be in the way of the run itself.
    stop_waiting(dynamodb, settings.runs_table, pending.run_id)
    logger.info("decided", extra={"run_id": pending.run_id, "decision": approval.decision})
    return answer(200, None, run_id=pending.run_id, **approval.model_dump(mode="json"))


def answer(status: int, message: str | None, **body: Any) -> dict[str, Any]:
    content = body if message is None else {"message": message}
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(content)}
