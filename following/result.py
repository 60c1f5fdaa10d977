"""The result of a run in the form that ``--json`` writes: stable, because people automate it."""

from __future__ import annotations

from typing import Any, Final

from following.execution import Snapshot
from sluice.documents import read_stored
from sluice.messages import AcceptedFile, AnyMetrics, Outcome, RejectedFile, RowCounts, RunResult

_METRICS: Final = ("log_loss", "prior_log_loss", "accuracy", "confusion_matrix")
_NUMBER_METRICS: Final = ("rmse", "prior_rmse", "mae", "r2", "coverage")


def run_result(snapshot: Snapshot) -> RunResult | None:
    """The run's own closing word, however it ended; None if it ended before one was recorded."""
    recorded = snapshot.payloads.get("RecordOutcome")
    return read_stored(RunResult, recorded) if recorded else None


def validation_result(snapshot: Snapshot) -> AcceptedFile | RejectedFile | None:
    validated = snapshot.payloads.get("ValidateData")
    if not validated:
        return None
    if validated.get("verdict") == "accepted":
        return read_stored(AcceptedFile, validated)
    return read_stored(RejectedFile, validated)


def result_json(
    snapshot: Snapshot, *, dataset: str, prediction: dict[str, Any] | None, total_seconds: float
) -> dict[str, Any]:
    """RESULT.json of an execution that has ended.

    Args:
        dataset: the name it was dropped under, used if the run ended before it named itself.
        prediction: what the live endpoint answered, None if it was not asked.
        total_seconds: from the command's start to its end.
    """
    recorded = run_result(snapshot)
    if recorded is None:
        named = snapshot.output or {}
        return {
            **_empty(dataset),
            "outcome": named.get("outcome", Outcome.ERROR.value),
            "run_id": named.get("run_id"),
            "dataset": named.get("dataset", dataset),
            "execution_arn": snapshot.arn,
            "execution_status": snapshot.status,
            "reasons": _unrecorded_reasons(snapshot),
            "seconds": {"total": round(total_seconds, 2), "training": None},
        }
    closing = recorded.as_json()
    return {
        **{name: closing[name] for name in ("outcome", "run_id", "dataset")},
        "execution_arn": snapshot.arn,
        "execution_status": snapshot.status,
        "reasons": closing["reasons"],
        "rows": closing["rows"],
        "metrics": _metrics(recorded.metrics),
        "endpoint": closing["endpoint"],
        "prediction": prediction,
        "artifacts": closing["artifacts"],
        "seconds": {"total": round(total_seconds, 2), "training": recorded.training_seconds},
    }


def failure_json(dataset: str, reason: str, total_seconds: float) -> dict[str, Any]:
    """RESULT.json if the local AWS failed before an execution could be followed to its end."""
    return {
        **_empty(dataset),
        "reasons": [reason],
        "seconds": {"total": round(total_seconds, 2), "training": None},
    }


def _empty(dataset: str) -> dict[str, Any]:
    return {
        "outcome": Outcome.ERROR.value,
        "run_id": None,
        "dataset": dataset,
        "execution_arn": None,
        "execution_status": None,
        "reasons": [],
        "rows": RowCounts().model_dump(mode="json"),
        "metrics": _metrics(None),
        "endpoint": None,
        "prediction": None,
        "artifacts": {},
        "seconds": {"total": 0.0, "training": None},
    }


def _metrics(metrics: AnyMetrics | None) -> dict[str, Any]:
    measured = metrics.model_dump(mode="json") if metrics else {}
    names = _NUMBER_METRICS if metrics and metrics.task == "regression" else _METRICS
    return {name: measured.get(name) for name in names}


def _unrecorded_reasons(snapshot: Snapshot) -> list[str]:
    if snapshot.output and snapshot.output.get("outcome") == Outcome.DUPLICATE:
        return ["This object version is being processed or is done already; see the run of that id."]
    said = ": ".join(part for part in (snapshot.error, snapshot.cause) if part)
    return [said or f"The execution ended as {snapshot.status}; see its history."]
