from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.claim_run import app
from sluice.documents import read_stored
from sluice.messages import Claim, Outcome, RecordRequest, Run, RunResult
from sluice.runs.aws.claim import waiting_seconds
from sluice.runs.aws.ledger import close_run, run_key
from sluice.runs.aws.slots import give_slot_back, slot_holders
from tests.functions.conftest import TABLE, Aws, Context, request
from tests.messages import GOOD

RUN = GOOD.run


@pytest.fixture(autouse=True)
def ended(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the executions that have ended; all others run."""
    names: set[str] = set()
    monkeypatch.setattr(app, "has_ended", lambda _client, arn: arn.rpartition(":")[2] in names)
    return names


def claim(context: Context, **changes: Any) -> Claim:
    run = RUN.model_copy(update=changes)
    return Claim.model_validate(app.handler(request("claim_run", run=run.model_dump()), context))


def execution(name: str) -> str:
    return f"{RUN.execution_arn.rpartition(':')[0]}:{name}"


def another(number: int) -> dict[str, str]:
    return {"run_id": f"{number:012x}", "execution_arn": execution(f"e{number}")}


def close(aws: Aws, outcome: Outcome, run: Run = RUN) -> None:
    result = RunResult(outcome=outcome, run_id=run.run_id, dataset=run.dataset, finished_at="2026-11-23T09:05:00+00:00")
    close_run(aws.dynamodb, TABLE, result, RecordRequest(run=run, outcome=outcome))


def item(aws: Aws) -> dict[str, Any]:
    return dict(aws.dynamodb.get_item(TableName=TABLE, Key=run_key(RUN.run_id))["Item"])


def test_a_new_run_is_claimed_and_the_ledger_knows_all_of_it(aws: Aws, context: Context) -> None:
    assert claim(context).verdict == "claimed"
    found = item(aws)
    assert found["status"] == {"S": "running"}
    assert found["running_since"] == {"S": RUN.started_at}
    assert read_stored(Run, found["run"]["S"]) == RUN
    assert slot_holders(aws.dynamodb, TABLE) == {RUN.execution_arn}


def test_the_execution_that_has_the_run_may_claim_it_again(context: Context) -> None:
    assert [claim(context).verdict for _ in range(2)] == ["claimed", "claimed"]


def test_another_execution_of_a_run_that_goes_on_is_a_duplicate(aws: Aws, context: Context) -> None:
    claim(context)
    assert claim(context, execution_arn=execution("second")).verdict == "duplicate"
    assert item(aws)["execution_arn"] == {"S": RUN.execution_arn}
    assert slot_holders(aws.dynamodb, TABLE) == {RUN.execution_arn}


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in (Outcome.ERROR, Outcome.AWAITING_APPROVAL)])
def test_a_run_that_is_done_is_a_duplicate(aws: Aws, context: Context, ended: set[str], outcome: Outcome) -> None:
    claim(context)
    close(aws, outcome)
    ended.add(RUN.execution_name)
    assert claim(context, execution_arn=execution("second")).verdict == "duplicate"


def test_a_run_that_a_fault_stopped_is_claimed_again(aws: Aws, context: Context) -> None:
    claim(context)
    close(aws, Outcome.ERROR)
    assert claim(context, execution_arn=execution("second")).verdict == "claimed"
    assert item(aws)["execution_arn"] == {"S": execution("second")}


def test_a_run_whose_execution_ended_without_a_word_is_taken_over(aws: Aws, context: Context, ended: set[str]) -> None:
    claim(context)
    ended.add(RUN.execution_name)
    assert claim(context, execution_arn=execution("second")).verdict == "claimed"
    assert item(aws)["execution_arn"] == {"S": execution("second")}
    assert slot_holders(aws.dynamodb, TABLE) == {execution("second")}, "the one that has ended holds no slot"


def test_of_two_that_would_take_over_one_does(aws: Aws, context: Context, ended: set[str]) -> None:
    claim(context)
    ended.add(RUN.execution_name)
    verdicts = [claim(context, execution_arn=execution(name)).verdict for name in ("second", "third")]
    assert verdicts == ["claimed", "duplicate"]


def test_more_runs_than_there_are_slots_queue_and_are_let_in_as_others_end(aws: Aws, context: Context) -> None:
    assert [claim(context, **another(number)).verdict for number in range(2)] == ["claimed", "claimed"]
    queued = claim(context)
    assert queued.verdict == "queued"
    assert queued.wait_seconds > 0
    assert item(aws)["status"] == {"S": "queued"}
    give_slot_back(aws.dynamodb, TABLE, execution("e0"))
    assert claim(context).verdict == "claimed"
    assert item(aws)["status"] == {"S": "running"}
    assert slot_holders(aws.dynamodb, TABLE) == {execution("e1"), RUN.execution_arn}


def test_a_duplicate_takes_no_slot(aws: Aws, context: Context) -> None:
    claim(context)
    claim(context, execution_arn=execution("second"))
    assert claim(context, **another(1)).verdict == "claimed"


def test_giving_back_a_slot_that_nobody_has_is_harmless(aws: Aws, context: Context) -> None:
    give_slot_back(aws.dynamodb, TABLE, execution("never"))
    assert claim(context).verdict == "claimed"


def test_a_fault_of_the_ledger_is_raised(aws: Aws, context: Context) -> None:
    aws.dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        claim(context)


def test_who_has_waited_for_long_looks_more_rarely() -> None:
    start = 1_763_888_400.0
    run = RUN.model_copy(update={"started_at": "2025-11-23T09:00:00+00:00"})
    waits = [waiting_seconds(run, start + age) for age in (0, 60, 400, 800, 100_000)]
    assert waits == sorted(waits)
    assert all(10 <= wait <= 400 for wait in waits)
    assert waits[0] < waits[2] < waits[-1]
    others = {waiting_seconds(run.model_copy(update={"run_id": f"{n:012x}"}), start) for n in range(50)}
    assert len(others) > 5, "those that came at once do not look at once"
