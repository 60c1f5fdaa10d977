from __future__ import annotations

import pytest

from sluice.evaluation.document import ChampionComparison
from sluice.messages import Approval, GateCheck, Outcome, RecordRequest
from sluice.runs.aws.ledger import read_champion, restore_champion
from tests.messages import GOOD

from .conftest import ARTIFACTS, DATASET, FIRST, SECOND, TABLE, World
from .test_runs import NEW, OLD, wait


def test_the_live_model_says_why_it_was_taken(world: World) -> None:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    world.crown(FIRST)
    called = world.call("why", DATASET)
    assert called.exit_code == 0
    for words in (
        f"sluice-{DATASET} is live with the model of run {FIRST} since 2026-11-23 09:05 UTC.",
        "% of the baseline's ",
        "It was compared with no other model: none was live.",
        "The live endpoint gave the scores of the evaluation",
        "The pipeline decided, in execution of-111111111111; nobody was asked.",
        "It comes from the newest run.",
    ):
        assert words in called.stdout
    document = world.document("why", DATASET)
    assert document["live"]["decision"]["run_id"] == document["newest"]["run_id"] == FIRST
    assert document["sentences"][0] in called.stdout


def rejected(reason: str = "0.95 of the prior, beyond 0.9; gather more rows") -> RecordRequest:
    assert GOOD.evaluation
    failed = GateCheck(
        name="log_loss.max_of_prior", value=0.95, limit=0.9, comparison="at_most", passed=False, reason=reason
    )
    evaluation = GOOD.evaluation.model_copy(
        update={"verdict": "rejected", "reasons": (f"Gate {failed.name} failed: {reason}.",), "gates": (failed,)}
    )
    return GOOD.model_copy(update={"evaluation": evaluation, "deployment": None, "endpoint": None})


def test_the_newest_run_says_why_it_was_not_taken_and_the_way_out(world: World) -> None:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    world.crown(FIRST)
    world.finish(SECOND, NEW, Outcome.MODEL_REJECTED, rejected())
    said = world.call("why", DATASET).stdout
    assert f"The newest run, {SECOND} ({SECOND}.csv, 2026-11-24 09:00 UTC), was not deployed: model rejected." in said
    assert said.count("gather more rows") == 1, "once, though a gate and a reason say it"
    assert f"sluice drop FILE --dataset {DATASET}" in said


def test_where_nothing_is_live_the_status_is_1(world: World) -> None:
    world.finish(FIRST, OLD, Outcome.MODEL_REJECTED, rejected())
    called = world.call("why", DATASET)
    assert called.exit_code == 1
    assert f"Nothing is live for dataset {DATASET}." in called.stdout
    assert world.document("why", DATASET, status=1)["live"] is None


def test_a_dataset_that_never_had_a_run_is_told_how_to_begin(world: World) -> None:
    called = world.call("why", "nobody")
    assert (called.exit_code, called.stdout) == (1, "")
    assert "sluice drop FILE --dataset nobody" in called.stderr


def test_who_approved_is_named(world: World) -> None:
    approval = Approval(
        decision="approved", decided_by="user/alice", comment="seen", decided_at="2026-11-23T09:04:00+00:00"
    )
    world.finish(FIRST, OLD, Outcome.DEPLOYED, GOOD.model_copy(update={"approval": approval}))
    world.crown(FIRST)
    assert "It was approved by user/alice, 2026-11-23 09:04 UTC: seen" in world.call("why", DATASET).stdout


def test_a_newest_run_that_waits_for_a_person_says_how_to_decide(world: World) -> None:
    world.claim(FIRST, OLD)
    wait(world, FIRST)
    assert f"waits for approval: sluice approve {FIRST}" in world.call("why", DATASET).stdout
    assert world.document("why", DATASET, status=1)["newest"]["waits_for_approval"] is True


def test_a_newest_run_that_goes_on_is_told(world: World) -> None:
    world.claim(FIRST, OLD)
    assert f"is still running; to see its progress: sluice show {FIRST}" in world.call("why", DATASET).stdout


def test_a_rollback_names_who_did_it(world: World) -> None:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    world.finish(SECOND, NEW, Outcome.DEPLOYED)
    world.crown(FIRST)
    world.crown(SECOND, seen=FIRST)
    champion = read_champion(world.dynamodb, TABLE, DATASET)
    assert champion
    restore_champion(world.dynamodb, TABLE, DATASET, champion, "2026-11-25T09:00:00+00:00", "user/bob")
    said = world.call("why", DATASET).stdout
    assert f"user/bob put it back, in place of the model of run {SECOND}" in said
    assert "is no longer live: user/bob rolled it back." in said


def test_a_retired_dataset_says_so_of_its_newest_model(world: World) -> None:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    called = world.call("why", DATASET)
    assert called.exit_code == 1
    assert "the endpoint was retired" in called.stdout


def test_a_lost_decision_is_admitted(world: World) -> None:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    world.crown(FIRST)
    world.s3.delete_object(Bucket=ARTIFACTS, Key=f"{DATASET}/runs/{FIRST}/decision.json")
    assert "decision.json no longer exists" in world.call("why", DATASET).stdout


def test_a_decision_of_another_version_is_no_traceback(world: World) -> None:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    world.crown(FIRST)
    world.s3.put_object(Bucket=ARTIFACTS, Key=f"{DATASET}/runs/{FIRST}/decision.json", Body=b'{"schema_version": 9}')
    called = world.call("why", DATASET)
    assert called.exit_code == 2
    assert "Another version of Sluice" in called.stderr


@pytest.mark.parametrize(("deploys", "outcome"), [(True, Outcome.DEPLOYED), (False, Outcome.MODEL_REJECTED)])
def test_the_comparison_with_the_champion_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, deploys: bool, outcome: Outcome
) -> None:
    from cli import decisions  # noqa: PLC0415

    world.finish(FIRST, OLD, outcome, GOOD if deploys else rejected())
    if deploys:
        world.crown(FIRST)
    read = decisions.read_decision
    compared = ChampionComparison(
        run_id=SECOND, policy="not_worse", comparable=True, reason="it is 0.02 better", deploys=deploys
    )

    def with_champion(*arguments: object) -> object:
        decision = read(*arguments)  # type: ignore[arg-type]
        assert decision
        assert decision.grounds
        grounds = decision.grounds.model_copy(update={"champion": compared})
        return decision.model_copy(update={"grounds": grounds})

    monkeypatch.setattr(decisions, "read_decision", with_champion)
    said = world.call("why", DATASET).stdout
    assert f"Against run {SECOND}, which was live: it is 0.02 better" in said
