"""A person's word on a model that passed its gates: what is asked, and who decided. Pure.

People name the run, never the task token that lets it go on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from sluice.messages import Approval, EvaluationResult, GateCheck, Metrics, Run
from sluice.wording import one_line

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


class Question(BaseModel):
    """What a run asks a person, as the ledger keeps it in the run's item while the run waits. Moments: ISO 8601, UTC.

    It ignores fields that it does not know: a newer version of the stack may have written it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    asked_at: str
    expires_at: str
    metrics: Metrics | None = None
    gates: tuple[GateCheck, ...] = ()
    artifacts: dict[str, str] = {}
    """S3 URI by name, as in outcome.json: what the person may want to look at."""


def question(evaluation: EvaluationResult, report_uri: str, asked_at: float, expires_at: float) -> Question:
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
