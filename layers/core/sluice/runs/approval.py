"""A person's approval of a model that passed its gates: what is asked, and who decided. Pure.

People name the run, never the task token that lets it continue.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from pydantic import Field

from sluice.documents import Document
from sluice.layout import split_uri
from sluice.messages import AcceptedModel, AnyMetrics, Approval, GateCheck, Run
from sluice.runs.outcome import measured
from sluice.wording import one_line

APPROVAL_SECONDS: Final = 3 * 24 * 3600
"""As long as the state machine waits: TimeoutSeconds of its state AskForApproval."""
_CONSOLES: Final = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""Domain of the AWS console by partition."""


@dataclass(frozen=True)
class Pending:
    """What the ledger knows of the approval of a run. Times in seconds since the epoch."""

    run_id: str
    dataset: str
    token: str
    expires_at: float
    approval: Approval | None = None


class Question(Document):
    """What a run asks a person, as the ledger keeps it in the run's item while the run waits. Times: ISO 8601, UTC."""

    asked_at: str
    expires_at: str
    metrics: AnyMetrics | None = None
    gates: tuple[GateCheck, ...] = ()
    artifacts: dict[str, str] = Field(
        default_factory=dict, description="S3 URI by name, as in outcome.json: what the person may want to look at."
    )


def question(evaluation: AcceptedModel, report_uri: str, asked_at: float, expires_at: float) -> Question:
    """Args: ``asked_at``, ``expires_at``: seconds since the epoch."""
    seen = {"report": report_uri, "evaluation": evaluation.evaluation_uri}
    return Question(
        asked_at=_moment(asked_at),
        expires_at=_moment(expires_at),
        metrics=evaluation.metrics,
        gates=evaluation.gates,
        artifacts={name: where for name, where in seen.items() if where},
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def caller_name(arn: str) -> str:
    """An IAM identity without its account: ``user/alice``, ``assumed-role/Admin/alice``."""
    name = re.sub(r"^arn:[^:]*:(iam|sts):[^:]*:[^:]*:", "", arn)
    return re.sub(r"\b[0-9]{12}\b", "-", name)


def deadline(asked_at: str) -> str:
    """Until when a person may decide who was asked then. Both ISO 8601, UTC."""
    return _moment(datetime.fromisoformat(asked_at).timestamp() + APPROVAL_SECONDS)


def console_url(execution_arn: str, s3_uri: str) -> str:
    """Page of the AWS console that shows an object, in the partition and the region of the execution."""
    _, partition, _, region, *_ = execution_arn.split(":")
    domain = _CONSOLES.get(partition, _CONSOLES["aws"])
    bucket, key = split_uri(s3_uri)
    return f"https://{region}.{domain}/s3/object/{bucket}?region={region}&prefix={quote(key)}"


def notice(run: Run, evaluation: AcceptedModel, report_uri: str, url: str, expires_at: float) -> tuple[str, str]:
    """Subject (at most 100 ASCII characters) and text of the question.

    No link in it decides, since mail scanners follow links: all of them need the reader's own AWS credentials.
    """
    until = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        f"The model that was trained on {run.key} passed its gates and waits for your approval (run {run.run_id}).",
        f"Approve or reject it by {until}. If nobody decides until then, the model is not deployed.",
        "",
        *measured(evaluation.metrics, evaluation.gates),
        "",
        f"Report: {report_uri}",
        f"  {console_url(run.execution_arn, report_uri)}",
    ]
    if evaluation.evaluation_uri:
        lines += [
            f"All figures: {evaluation.evaluation_uri}",
            f"  {console_url(run.execution_arn, evaluation.evaluation_uri)}",
        ]
    body = json.dumps({"run_id": run.run_id, "decision": "approved", "comment": ""})
    lines += [
        "",
        "To approve or reject the model, with credentials that may invoke the function URL:",
        f"  sluice approve {run.run_id}",
        f"  sluice reject {run.run_id} --comment 'why'",
        "Or send a signed request (decision: approved or rejected):",
        '  curl --aws-sigv4 aws:amz:REGION:lambda --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\',
        f"    -H \"x-amz-security-token: $AWS_SESSION_TOKEN\" -d '{body}' {url}",
    ]
    return f"Sluice: {run.dataset} waits for your approval"[:100], "\n".join(map(one_line, lines))
