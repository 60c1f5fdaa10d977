"""The result of a run, and the notice of it, from everything the state machine knows when the run ends. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sluice.evaluation.metrics import BASELINES, METRICS, tell_cross_validation
from sluice.layout import RunLayout, uri
from sluice.messages import (
    AnyMetrics,
    Approval,
    GateCheck,
    Outcome,
    RecordedEndpoint,
    RecordRequest,
    Restoration,
    RowCounts,
    RunResult,
    TrainingStatus,
)
from sluice.training.prices import training_price_usd
from sluice.wording import one_line

_HEADLINES = {
    Outcome.DEPLOYED: "deployed",
    Outcome.DATASET_REJECTED: "not trained: the file was rejected",
    Outcome.TRAINING_FAILED: "not deployed: training failed",
    Outcome.MODEL_REJECTED: "not deployed: the model did not pass its gates",
    Outcome.DEPLOYMENT_FAILED: "not deployed: the deployment failed",
    Outcome.SUPERSEDED: "not deployed: the model of a newer file is live",
    Outcome.AWAITING_APPROVAL: "waits for your approval",
    Outcome.DUPLICATE: "was processed before",
    Outcome.ERROR: "was stopped by a fault",
}


def close(request: RecordRequest, finished_at: str, artifact_bucket: str) -> RunResult:
    """The result of the run that ``request`` describes; ``finished_at`` is ISO 8601, UTC."""
    run, validation, training = request.run, request.validation, request.training
    return RunResult(
        outcome=request.outcome,
        run_id=run.run_id,
        dataset=run.dataset,
        reasons=(*_reasons(request), *_restored(request.restoration)),
        warnings=_warnings(request),
        rows=validation.rows if validation else RowCounts(),
        metrics=request.evaluation.metrics if request.evaluation else None,
        gates=request.evaluation.gates if request.evaluation else (),
        approval=_approval(request.approval, finished_at),
        endpoint=_endpoint(request),
        artifacts=_artifacts(request, artifact_bucket),
        trainer=training.trainer if training else None,
        training_seconds=training.training_seconds if training else None,
        price_estimate_usd=_price(training),
        finished_at=finished_at,
    )


def _warnings(request: RecordRequest) -> tuple[str, ...]:
    """Those about the model first: they are few."""
    steps = (request.evaluation, request.validation)
    return tuple(warning for step in steps if step for warning in step.warnings)


def _price(training: TrainingStatus | None) -> float | None:
    if training is None or training.billable_seconds is None or training.trainer is None:
        return None
    trainer = training.trainer
    if trainer.instance_type is None:
        return None
    return training_price_usd(trainer.instance_type, training.billable_seconds, trainer.instance_count)


def _approval(approval: Approval | None, finished_at: str) -> Approval | None:
    """With its time: a deadline passes without anybody who notes it, and the run ends there and then."""
    if approval is None or approval.decision != "expired":
        return approval
    return approval.model_copy(update={"decided_at": finished_at})


def _reasons(request: RecordRequest) -> tuple[str, ...]:
    if request.outcome is Outcome.ERROR:
        fault = request.fault
        if fault is None:
            return ("A fault stopped the run, and nothing describes it; see the execution's history.",)
        return (
            f"{fault.state} failed with {fault.error}: {fault.cause}",
            "The file is not at fault. To continue from where the run stopped: "
            f"`sluice redrive {request.run.run_id}`. To start again, drop the file again.",
        )
    if request.outcome is Outcome.MODEL_REJECTED and request.approval and request.approval.decision != "approved":
        return (_not_approved(request.approval),)
    steps = {
        Outcome.DATASET_REJECTED: request.validation,
        Outcome.TRAINING_FAILED: request.training or request.training_started,
        Outcome.MODEL_REJECTED: request.evaluation,
        Outcome.SUPERSEDED: request.deployment,
        Outcome.DEPLOYMENT_FAILED: request.verification or request.endpoint or request.deployment,
    }
    ended_by = steps.get(request.outcome)
    return ended_by.reasons if ended_by else ()


def _restored(restoration: Restoration | None) -> tuple[str, ...]:
    """What is live after a deployment that failed."""
    if restoration is None or restoration.verdict == "untouched":
        return ()
    if restoration.verdict == "failed":
        return restoration.reasons
    if restoration.config_name is None:
        return ("The endpoint was removed again, since it had no model before.",)
    return (f"The previous model answers again: {restoration.config_name} is live.",)


def _not_approved(approval: Approval) -> str:
    if approval.decision == "expired":
        return "Nobody approved or rejected the model before the deadline. To be asked again, drop the file again."
    said = f": {approval.comment}" if approval.comment else "."
    return f"The model was rejected by {approval.decided_by or 'a person'}{said}"


def _endpoint(request: RecordRequest) -> RecordedEndpoint | None:
    if request.deployment is None or request.endpoint is None:
        return None
    restoration = request.restoration
    if restoration and restoration.verdict == "restored":
        if restoration.config_name is None:
            return None
        return RecordedEndpoint(
            name=request.deployment.endpoint_name, status="InService", config=restoration.config_name
        )
    return RecordedEndpoint(
        name=request.deployment.endpoint_name,
        status=request.endpoint.endpoint_status,
        config=request.endpoint.config_name or request.deployment.config_name,
    )


def _artifacts(request: RecordRequest, bucket: str) -> dict[str, str]:
    validation, training, evaluation = request.validation, request.training, request.evaluation
    layout = RunLayout(request.run.dataset, request.run.run_id)
    found = {
        "validation": validation.report_uri if validation else None,
        "rejected_rows": validation.rejected_rows_uri if validation else None,
        "contract": validation.contract_uri if validation else None,
        "recipe": validation.recipe_uri if validation else None,
        "config": validation.config_uri if validation else None,
        "train": validation.train_uri if validation else None,
        "validation_data": validation.validation_uri if validation else None,
        "test": validation.test_uri if validation else None,
        "held_out": validation.held_out_uri if validation else None,
        "model": training.model_uri if training else None,
        "evaluation": evaluation.evaluation_uri if evaluation else None,
        "golden": evaluation.golden_uri if evaluation else None,
        "decision": uri(bucket, layout.decision),
        "outcome": uri(bucket, layout.outcome),
        "report": uri(bucket, layout.report),
    }
    return {name: where for name, where in found.items() if where}


def approved(approval: Approval) -> str:
    """A sentence: who decided what, and when."""
    if approval.decision == "expired":
        return f"Nobody approved or rejected the model before the deadline, {_minute(approval.decided_at)}."
    by, comment = approval.decided_by or "a person", f": {approval.comment}" if approval.comment else "."
    return f"{approval.decision.capitalize()} by {by} at {_minute(approval.decided_at)}{comment}"


def _minute(moment: str | None) -> str:
    if moment is None:
        return "an unknown time"
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def measured(metrics: AnyMetrics | None, gates: Sequence[GateCheck]) -> list[str]:
    """The lines of a notice that say how good a model is."""
    lines = []
    if metrics:
        metric = METRICS[metrics.leading]
        share = metrics.loss / metrics.prior_loss if metrics.prior_loss else None
        of_baseline = f"{share:.0%} of the baseline's" if share is not None else "and the baseline's is"
        lines.append(
            f"{metric.title} is {metric.shown(metrics.loss)} on {metrics.rows:,} held-out rows, {of_baseline} "
            f"{metric.shown(metrics.prior_loss)}. The baseline always predicts {BASELINES[metrics.task]}."
        )
        if metrics.cross_validated:
            lines.append(tell_cross_validation(metrics.cross_validated))
    return lines + [f"{'Passed' if gate.passed else 'FAILED'}: {gate.name}: {gate.reason}" for gate in gates]


def _headline(result: RunResult) -> str:
    if result.outcome is Outcome.MODEL_REJECTED and result.approval and result.approval.decision != "approved":
        kept_back = (
            "nobody approved the model in time" if result.approval.decision == "expired" else "the model was rejected"
        )
        return f"not deployed: {kept_back}"
    return _HEADLINES[result.outcome]


def notice(result: RunResult, key: str) -> tuple[str, str]:
    """Subject (at most 100 ASCII characters, as SNS wants) and text of the notice for people."""
    headline = _headline(result)
    subject = f"Sluice: {result.dataset} {headline}"[:100]
    lines = [f"{key}", f"{result.dataset} {headline} (run {result.run_id}).", ""]
    if result.approval:
        lines += [approved(result.approval), ""]
    if result.reasons:
        lines += ["Why, and what to do:", *(f"- {reason}" for reason in result.reasons), ""]
    if result.warnings:
        lines += ["Warnings:", *(f"- {warning}" for warning in result.warnings), ""]
    rows = result.rows
    if rows.received and result.outcome is Outcome.DATASET_REJECTED:
        lines.append(f"Rows: {rows.received:,} received; none is used.")
    elif rows.received:
        lines.append(f"Rows: {rows.received:,} received, {rows.accepted:,} accepted, {rows.rejected:,} rejected.")
    lines += measured(result.metrics, result.gates)
    if result.endpoint:
        lines.append(f"Endpoint: {result.endpoint.name} ({result.endpoint.status}, {result.endpoint.config})")
    lines += ["", *(f"{name}: {where}" for name, where in result.artifacts.items())]
    return subject, "\n".join(map(one_line, lines))
