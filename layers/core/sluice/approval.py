"""A person's word on a model that passed its gates: what is asked, what is kept of it in the ledger, who decided.

The ledger's item holds the task token that lets the run go on. It never leaves the account: people name the run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sluice.messages import Approval, EvaluationResult, Run
from sluice.wording import one_line

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: As long as the state machine waits: TimeoutSeconds of its state AskForApproval.
APPROVAL_SECONDS: Final = 3 * 24 * 3600


@dataclass(frozen=True)
class Pending:
    """What the ledger has on the approval of a run. Moments in seconds since the epoch."""

    run_id: str
    dataset: str
    token: str
    expires_at: float
    approval: Approval | None = None


def _key(run_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"APPROVAL#{run_id}"}}


def ask(dynamodb: DynamoDBClient, table: str, run: Run, token: str, now: float) -> Pending:
    """Enters that a run waits for a person; a decision that was made on it before stands. Repeatable."""
    item = dynamodb.update_item(
        TableName=table,
        Key=_key(run.run_id),
        UpdateExpression="SET task_token = :token, expires_at = :until, for_dataset = :dataset",
        ExpressionAttributeValues={
            ":token": {"S": token},
            ":until": {"N": str(now + APPROVAL_SECONDS)},
            ":dataset": {"S": run.dataset},
        },
        ReturnValues="ALL_NEW",
    )["Attributes"]
    return _pending(run.run_id, item)


def read_pending(dynamodb: DynamoDBClient, table: str, run_id: str) -> Pending | None:
    item = dynamodb.get_item(TableName=table, Key=_key(run_id), ConsistentRead=True).get("Item")
    return _pending(run_id, item) if item else None


def _pending(run_id: str, item: Mapping[str, Any]) -> Pending:
    decided = item.get("approval")
    return Pending(
        run_id,
        item["for_dataset"]["S"],
        item["task_token"]["S"],
        float(item["expires_at"]["N"]),
        Approval.model_validate_json(decided["S"]) if decided else None,
    )


def decide(dynamodb: DynamoDBClient, table: str, run_id: str, approval: Approval) -> bool:
    """Enters a decision. False where another was made already: the first one stands."""
    try:
        dynamodb.update_item(
            TableName=table,
            Key=_key(run_id),
            UpdateExpression="SET approval = :approval",
            ConditionExpression="attribute_exists(task_token) AND attribute_not_exists(approval)",
            ExpressionAttributeValues={":approval": {"S": approval.model_dump_json()}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def caller_name(arn: str) -> str:
    """An IAM identity without its account: ``user/alice``, ``assumed-role/Admin/alice``."""
    name = re.sub(r"^arn:[^:]*:(iam|sts):[^:]*:[^:]*:", "", arn)
    return re.sub(r"\b[0-9]{12}\b", "-", name)


def notice(run: Run, evaluation: EvaluationResult, report_uri: str, url: str, expires_at: float) -> tuple[str, str]:
    """Subject (at most 100 ASCII characters) and text of the question.

    It holds no link that decides: mail scanners follow links. Both ways need the reader's own AWS credentials.
    """
    until = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        f"The model that was trained on {run.key} passed its gates and waits for a person (run {run.run_id}).",
        f"Decide until {until}; after that it is not deployed.",
        "",
        f"Report: {report_uri}",
    ]
    if evaluation.metrics:
        metrics = evaluation.metrics
        lines.append(
            f"Log loss {metrics.log_loss:.5f} on {metrics.rows} held-out rows; always predicting the class shares has "
            f"{metrics.prior_log_loss:.5f}."
        )
    lines += [f"{gate.name}: {'passed' if gate.passed else 'FAILED'}: {gate.reason}" for gate in evaluation.gates]
    body = json.dumps({"run_id": run.run_id, "decision": "approved", "comment": ""})
    lines += [
        "",
        "To approve or reject it, with credentials that may invoke the function URL:",
        f"  sluice approve {run.run_id}",
        f"  sluice reject {run.run_id} --comment 'why'",
        "or by a signed request (decision: approved or rejected):",
        '  curl --aws-sigv4 aws:amz:REGION:lambda --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\',
        f"    -H \"x-amz-security-token: $AWS_SESSION_TOKEN\" -d '{body}' {url}",
    ]
    return f"Sluice: {run.dataset} waits for your approval"[:100], "\n".join(map(one_line, lines))
