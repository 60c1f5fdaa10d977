from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.record_outcome import app
from sluice.documents import stored
from sluice.endpoint.aws.turns import take_turn
from sluice.messages import RunResult
from sluice.runs.aws.ledger import (
    Champion,
    ChampionChangedError,
    Due,
    crown_champion,
    mark_done,
    read_champion,
    read_closed,
    running_runs,
)
from sluice.runs.aws.reconciliation import follow_up
from sluice.runs.decision import Decision
from tests.evaluations import evaluation
from tests.functions.conftest import ARTIFACTS, TABLE, Aws, Context, request
from tests.messages import GOOD

DATASET = GOOD.run.dataset


@pytest.fixture(autouse=True)
def _config(aws: Aws) -> None:
    aws.put(ARTIFACTS, aws.layout.config, "{}")


def record(context: Context, **changes: Any) -> RunResult:
    return RunResult.model_validate(app.handler(request("record_outcome", **changes), context))


def decision_of(aws: Aws) -> Decision:
    return Decision.model_validate_json(aws.read(aws.layout.decision))


def test_a_deployed_run_becomes_the_champion_and_is_written_down(aws: Aws, context: Context) -> None:
    result = record(context)
    champion = read_champion(aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    assert champion.run_id == GOOD.run.run_id
    item = aws.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": f"RUN#{GOOD.run.run_id}"}})["Item"]
    assert item["status"] == {"S": "deployed"}
    assert json.loads(aws.read(aws.layout.outcome)) == stored(result)


@pytest.mark.parametrize("outcome", ["dataset_rejected", "training_failed", "model_rejected", "deployment_failed"])
def test_any_other_outcome_leaves_the_champion_alone(aws: Aws, context: Context, outcome: str) -> None:
    crown_champion(aws.dynamodb, TABLE, DATASET, Champion("000000000001", "old"), None, "2026-01-01")
    record(context, outcome=outcome)
    assert read_champion(aws.dynamodb, TABLE, DATASET) == Champion("000000000001", "old")


def test_a_champion_that_changed_meanwhile_is_not_overwritten(aws: Aws, context: Context) -> None:
    crown_champion(aws.dynamodb, TABLE, DATASET, Champion("000000000001", "other"), None, "2026-01-01")
    with pytest.raises(ChampionChangedError):
        record(context)
    assert read_champion(aws.dynamodb, TABLE, DATASET) == Champion("000000000001", "other")


@pytest.mark.parametrize("step", ["write_json", "give_turn_back", "give_slot_back"])
def test_a_run_is_not_closed_before_all_is_done(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A closed run is a duplicate when its event comes again, and nobody would do the rest."""

    def fail(*_: object) -> None:
        raise RuntimeError("not now")

    with monkeypatch.context() as patched:
        patched.setattr(app, step, fail)
        with pytest.raises(RuntimeError, match="not now"):
            record(context)
    item = aws.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": f"RUN#{GOOD.run.run_id}"}}).get("Item", {})
    assert "result" not in item
    assert record(context).outcome == "deployed"


def test_repeating_the_step_is_harmless(aws: Aws, context: Context) -> None:
    record(context)
    assert record(context).outcome == "deployed"


def test_metrics_are_emitted_under_the_namespace_with_the_dataset_as_dimension(
    aws: Aws, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    record(context)
    emitted: dict[str, Any] = {}
    dimensions: set[frozenset[str]] = set()
    for line in capsys.readouterr().out.splitlines():
        body = json.loads(line)
        for directive in body.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Sluice"
            dimensions |= {frozenset(names) for names in directive["Dimensions"]}
            assert body["dataset"] == DATASET
            emitted.update({metric["Name"]: body[metric["Name"]] for metric in directive["Metrics"]})
    assert dimensions == {frozenset({"dataset"}), frozenset({"dataset", "step"}), frozenset({"dataset", "outcome"})}
    assert emitted["Runs"] == [1.0]
    assert emitted["RowsReceived"] == [569.0]
    assert {"RunSeconds", "PriceEstimateUSD", "StepSeconds"} <= set(emitted)


def test_every_log_line_names_the_run(aws: Aws, context: Context, log: io.StringIO) -> None:
    record(context)
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    assert logged
    assert all(line["run_id"] == GOOD.run.run_id for line in logged)


def test_a_run_that_another_execution_owns_is_left_alone(aws: Aws, context: Context) -> None:
    key = {"pk": {"S": f"RUN#{GOOD.run.run_id}"}}
    item = {**key, "status": {"S": "running"}, "execution_arn": {"S": "another"}}
    aws.dynamodb.put_item(TableName=TABLE, Item=item)
    record(context, outcome="error", fault={"state": "ClaimRun", "error": "Throttled", "cause": "slow down"})
    assert aws.dynamodb.get_item(TableName=TABLE, Key=key)["Item"] == item
    assert not {aws.layout.outcome, aws.layout.decision} & aws.stored()


def test_a_notice_that_fails_does_not_undo_the_outcome(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    def publish(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "NotFound", "Message": "no topic"}}, "Publish")

    with monkeypatch.context() as patched:
        patched.setattr(app.sns, "publish", publish)
        assert record(context).outcome == "deployed"
    assert "the notice was not sent" in log.getvalue()
    assert list(running_runs(aws.dynamodb, TABLE)) == [GOOD.run.run_id], "or nobody would ever be told"
    closed = read_closed(aws.dynamodb, TABLE, GOOD.run.run_id)
    assert closed is not None
    assert closed.due == set(Due)
    app.handler(follow_up(Due.NOTICE, closed, is_live=True).model_dump(mode="json"), context)
    closed = read_closed(aws.dynamodb, TABLE, GOOD.run.run_id)
    assert closed is not None
    assert closed.due == {Due.MODEL, Due.PAGE}


def test_people_are_told_once_of_a_run_that_is_recorded_twice(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []

    def publish(**asked: Any) -> None:
        published.append(asked["Subject"])

    monkeypatch.setattr(app.sns, "publish", publish)
    record(context)
    record(context)
    assert published == [f"Sluice: {DATASET} deployed"]
    record(context, outcome="deployment_failed")
    assert len(published) == 2, "another outcome is news"


def test_a_run_is_forgotten_by_the_rounds_when_all_is_done_for_it(aws: Aws, context: Context) -> None:
    record(context)
    mark_done(aws.dynamodb, TABLE, GOOD.run, Due.MODEL)
    assert list(running_runs(aws.dynamodb, TABLE)) == [GOOD.run.run_id]
    another = GOOD.run.model_copy(update={"execution_arn": "another"})
    mark_done(aws.dynamodb, TABLE, another, Due.PAGE)
    assert list(running_runs(aws.dynamodb, TABLE)) == [GOOD.run.run_id]
    mark_done(aws.dynamodb, TABLE, GOOD.run, Due.PAGE)
    assert list(running_runs(aws.dynamodb, TABLE)) == []
    assert read_closed(aws.dynamodb, TABLE, GOOD.run.run_id) is None


def test_a_repeated_record_counts_the_run_once(aws: Aws, context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    record(context)
    record(context)
    assert capsys.readouterr().out.count('"Name":"Runs"') == 1


def test_the_turn_of_the_dataset_is_given_back(aws: Aws, context: Context) -> None:
    take_turn(aws.dynamodb, TABLE, DATASET, GOOD.run.execution_arn, now=1000)
    record(context, outcome="deployment_failed")
    assert take_turn(aws.dynamodb, TABLE, DATASET, "another", now=1001)


def test_a_rejected_run_needs_nothing_that_it_did_not_make(aws: Aws, context: Context) -> None:
    rejected = {"verdict": "rejected", "reasons": ["no header"]}
    nothing = dict.fromkeys(("training_started", "training", "evaluation", "deployment", "endpoint", "verification"))
    result = record(context, outcome="dataset_rejected", validation=rejected, **nothing)
    assert result.reasons == ("no header",)
    decision = decision_of(aws)
    assert decision.reasons == ("no header",)
    assert decision.source.key == GOOD.run.key
    assert (decision.model, decision.live) == (None, None)


def test_a_decision_says_why_the_model_is_live(aws: Aws, context: Context) -> None:
    aws.put(ARTIFACTS, aws.layout.evaluation, evaluation().model_dump_json())
    result = record(context)
    decision = decision_of(aws)
    assert result.artifacts["decision"] == f"s3://{ARTIFACTS}/{aws.layout.decision}"
    assert decision.live is not None
    assert decision.live.endpoint_name == "sluice-breast-cancer"
    assert decision.grounds is not None
    assert decision.grounds.champion == evaluation().champion
    assert decision.model is not None
    assert decision.model.sha256 == evaluation().model_sha256
    assert GOOD.training is not None
    assert decision.model.trainer is not None
    assert decision.model.trainer == result.trainer == GOOD.training.trainer
    assert decision.model.training_image == decision.model.trainer.image
    champion = read_champion(aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    assert (champion.algorithm, champion.image) == ("sagemaker-xgboost:3.2-0", decision.model.training_image)
    assert decision.decided_at == result.finished_at


@pytest.mark.parametrize("body", [None, "{", '{"run_id": "4f1c09b2a7de"}'])
def test_an_evaluation_that_cannot_be_read_in_full_does_not_undo_the_outcome(
    aws: Aws, context: Context, log: io.StringIO, body: str | None
) -> None:
    if body is not None:
        aws.put(ARTIFACTS, aws.layout.evaluation, body)
    assert record(context).outcome == "deployed"
    grounds = decision_of(aws).grounds
    assert grounds is not None
    assert GOOD.evaluation is not None
    assert grounds.metrics == GOOD.evaluation.metrics
    assert "cannot be read in full" in log.getvalue()
