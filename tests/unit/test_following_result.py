from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from following.execution import Snapshot
from following.result import failure_json, result_json
from sluice.messages import Metrics, Outcome, RecordedEndpoint, RowCounts, RunResult

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = RowCounts(received=10, accepted=9, rejected=1, train=5, validation=2, test=2)


def snapshot(status: str, recorded: RunResult | None = None, **more: Any) -> Snapshot:
    payloads = {"RecordOutcome": recorded.as_json()} if recorded else {}
    return Snapshot(arn="arn:e", status=status, started=STARTED, payloads=payloads, **more)


def as_json(ended: Snapshot, prediction: dict[str, Any] | None = None) -> dict[str, Any]:
    return result_json(ended, dataset="mine", prediction=prediction, total_seconds=12.345)


def test_a_deployed_run_tells_its_scores_its_endpoint_and_its_prediction() -> None:
    metrics = Metrics(rows=2, log_loss=0.1, prior_log_loss=0.6, accuracy=1, confusion_matrix=((1, 0), (0, 1)))
    recorded = RunResult(
        outcome=Outcome.DEPLOYED,
        run_id="0123456789ab",
        dataset="mine",
        rows=ROWS,
        metrics=metrics,
        endpoint=RecordedEndpoint(name="sluice-mine", status="InService", config="c"),
        artifacts={"model": "s3://b/k"},
        training_seconds=3,
        finished_at="2026-01-01T00:00:00Z",
    )

    assert as_json(snapshot("SUCCEEDED", recorded), {"score": 0.5}) == {
        "outcome": "deployed",
        "run_id": "0123456789ab",
        "dataset": "mine",
        "execution_arn": "arn:e",
        "execution_status": "SUCCEEDED",
        "reasons": [],
        "rows": {"received": 10, "accepted": 9, "rejected": 1, "train": 5, "validation": 2, "test": 2},
        "metrics": {"log_loss": 0.1, "prior_log_loss": 0.6, "accuracy": 1, "confusion_matrix": [[1, 0], [0, 1]]},
        "endpoint": {"name": "sluice-mine", "status": "InService", "config": "c"},
        "prediction": {"score": 0.5},
        "artifacts": {"model": "s3://b/k"},
        "seconds": {"total": 12.35, "training": 3},
    }


def test_a_rejected_run_has_its_reasons_and_no_metrics() -> None:
    recorded = RunResult(
        outcome=Outcome.DATASET_REJECTED,
        run_id="0123456789ab",
        dataset="mine",
        reasons=("line 3",),
        finished_at="2026-01-01T00:00:00Z",
    )

    told = as_json(snapshot("FAILED", recorded, error="DatasetRejected", cause="line 3"))

    assert (told["outcome"], told["reasons"], told["endpoint"]) == ("dataset_rejected", ["line 3"], None)
    assert set(told["metrics"].values()) == {None}


def test_a_duplicate_names_the_run_that_it_repeats() -> None:
    output = {"outcome": "duplicate", "run_id": "0123456789ab", "dataset": "mine"}

    told = as_json(snapshot("SUCCEEDED", output=output))

    assert (told["outcome"], told["run_id"]) == ("duplicate", "0123456789ab")
    assert told["reasons"]


def test_a_run_that_ended_without_a_record_is_an_error_with_the_executions_own_words() -> None:
    told = as_json(snapshot("FAILED", error="OutcomeNotRecorded", cause="the table is gone"))

    assert (told["outcome"], told["reasons"]) == ("error", ["OutcomeNotRecorded: the table is gone"])
    assert as_json(snapshot("ABORTED"))["reasons"] == ["The execution ended as ABORTED; see its history."]


def test_all_results_have_the_same_keys() -> None:
    unrecorded, failed = as_json(snapshot("TIMED_OUT")), failure_json("mine", "no sam", 1)

    assert list(unrecorded) == list(failed)
    assert failed["reasons"] == ["no sam"]
