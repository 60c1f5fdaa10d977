from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sluice.messages import Outcome, Restoration
from sluice.runs.aws.ledger import Claim
from sluice.runs.aws.reconciliation import EndedExecution, Upload, closing_request, event_of, without_claim
from sluice.runs.outcome import close
from tests.messages import GOOD, event

AT = datetime(2026, 11, 23, 9, 0, 0, 700_000, tzinfo=UTC)


def upload(key: str = "incoming/churn/a.csv", version_id: str | None = "v1", etag: str = "e") -> Upload:
    return Upload("inbox", key, version_id, etag, 1, AT)


def claim(key: str = "incoming/churn/a.csv", version_id: str | None = "v1", etag: str = "e") -> Claim:
    return Claim("0" * 12, "deployed", key, etag, version_id, "arn")


@pytest.mark.parametrize(
    ("claimed", "missing"),
    [
        (claim(), False),
        (claim(version_id="v2"), True),
        (claim(key="incoming/churn/b.csv"), True),
        (claim(version_id=None), False),
        (claim(version_id=None, etag="another"), True),
    ],
)
def test_an_object_is_known_by_its_version_and_where_the_claim_has_none_by_its_content(
    claimed: Claim, missing: bool
) -> None:
    assert without_claim([upload()], [claimed]) == ([upload()] if missing else [])


def test_an_object_without_a_version_is_known_by_its_content_alone() -> None:
    bare = upload(version_id=None)
    assert without_claim([bare], [claim(version_id=None)]) == []
    assert without_claim([bare], [claim()]) == [bare]
    assert "version-id" not in bare.event()["detail"]["object"]


def test_a_reconciled_event_says_that_it_is_one_and_when_the_file_came() -> None:
    made = upload().event()
    assert (made["time"], made["detail"]["reason"]) == ("2026-11-23T09:00:00Z", "reconciled")
    assert set(made) <= set(event("object_created"))
    assert upload().execution_name == f"reconcile-{upload().run_id}"


def test_a_run_is_started_again_by_the_event_that_it_began_with() -> None:
    run = GOOD.run.model_copy(update={"version_id": "v1", "uploaded_at": "2026-11-23T09:00:00Z"})
    made, original = event_of(run, "redriven"), event("object_created")
    assert made["time"] == original["time"]
    assert made["detail"]["object"] == {**original["detail"]["object"], "version-id": "v1"}
    assert "time" not in event_of(GOOD.run, "redriven")


@pytest.mark.parametrize(
    ("execution", "words"),
    [
        (EndedExecution("ABORTED", cause="the stack is being removed"), "stopped it .* (the stack is being removed)"),
        (EndedExecution("TIMED_OUT"), "TimedOut: it was cut off"),
        (EndedExecution("FAILED", "OutcomeNotRecorded", "no table"), "OutcomeNotRecorded: no table"),
        (EndedExecution("FAILED"), "no cause was given"),
        (EndedExecution("FORGOTTEN"), "does not know it"),
        (EndedExecution("SUCCEEDED"), "without recording"),
    ],
)
def test_the_record_says_what_became_of_the_execution_and_the_way_out(execution: EndedExecution, words: str) -> None:
    untouched = Restoration(verdict="untouched")
    asked = closing_request(GOOD.run, execution, untouched, is_live=False)
    assert asked.outcome is Outcome.ERROR
    result = close(asked, "2026-11-23T09:05:00+00:00", "artifacts")
    for part in words.split(" .* "):
        assert part in result.reasons[0]
    assert f"sluice redrive {GOOD.run.run_id}" in result.reasons[1]
    assert "model is live" not in result.reasons[0]
    assert "model is live" in execution.fault(is_live=True).cause
