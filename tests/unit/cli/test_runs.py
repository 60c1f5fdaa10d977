from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from cli.execution import Whereabouts
from following.report import print_metrics
from sluice.messages import AcceptedModel, Approval, CrossValidation, Outcome
from sluice.runs.approval import question
from sluice.runs.aws import approval
from tests.messages import GOOD

from .conftest import ACCOUNT, ARTIFACTS, DATASET, FIRST, REGION, SECOND, TABLE, World

EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:pipeline:of-{SECOND}"

OLD, NEW = "2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z"


@pytest.fixture
def two(world: World) -> World:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    world.claim(SECOND, NEW)
    return world


@pytest.mark.parametrize("arguments", [["runs"], ["runs", DATASET]])
def test_runs_are_listed_the_newest_first(two: World, arguments: list[str]) -> None:
    two.crown(FIRST)  # an item that is no run
    lines = two.call(*arguments).stdout.splitlines()
    assert [word for word in lines[0].split("  ") if word] == [
        "run",
        " dataset",
        " file",
        " outcome",
        " started",
        "log loss",
    ] or lines[0].split() == ["run", "dataset", "file", "outcome", "started", "log", "loss"]
    assert [line.split()[0] for line in lines[2:]] == [SECOND, FIRST]
    assert "2026-11-23 09:00 UTC" in lines[3]
    assert f"{GOOD.evaluation.metrics.loss:.4f}" in lines[3]  # type: ignore[union-attr]
    document = two.document(*arguments)
    assert [run["outcome"] for run in document["runs"]] == ["running", "deployed"]


def test_the_limit_holds_over_pages(two: World) -> None:
    assert [run["run_id"] for run in two.document("runs", "--limit", "1")["runs"]] == [SECOND]
    assert [run["run_id"] for run in two.document("runs", DATASET, "-n", "1")["runs"]] == [SECOND]


def test_a_dataset_without_runs_has_an_empty_list(two: World) -> None:
    assert two.document("runs", "nobody") == {"runs": []}
    assert "sluice drop" in two.call("runs", "nobody").stderr


def test_a_dataset_may_be_named_by_its_folder(world: World) -> None:
    world.claim(FIRST, OLD, dataset="sales-eu-1327af74")
    assert world.document("runs", "sales-eu-1327af74")["runs"]
    assert world.document("runs", "Sales EU") == world.document("runs", "sales-eu-" + folder_digits("Sales EU"))


def folder_digits(folder: str) -> str:
    from sluice.names import dataset_name  # noqa: PLC0415

    return dataset_name(folder).rpartition("-")[2]


def test_what_all_rows_of_a_small_table_say_is_shown_beside_the_held_out_rows() -> None:
    metrics = GOOD.evaluation.metrics  # type: ignore[union-attr]
    folds = CrossValidation(
        metric="log_loss",
        value=0.12,
        baseline=0.66,
        share=0.18,
        interval=(0.15, 0.21),
        rows=569,
        units=569,
        folds=5,
        times=1,
    )
    stream = io.StringIO()
    shown = metrics.model_copy(update={"cross_validated": folds})  # type: ignore[union-attr]
    print_metrics(Console(file=stream, width=200), shown, ())
    assert "on 85 held-out rows" in stream.getvalue()
    assert "Cross-validated over all 569 rows (5 folds), log loss is 0.1200, 18% of" in stream.getvalue()


def test_a_run_that_ended_is_shown_with_all_that_was_measured(two: World) -> None:
    called = two.call("show", FIRST)
    assert called.exit_code == 0
    for words in ("deployed", f"of-{FIRST}", "predicted", "log_loss", "report.html", "InService"):
        assert words in called.stdout
    assert ACCOUNT not in called.stdout
    document = two.document("show", FIRST)
    assert document["execution"] == f"of-{FIRST}"
    assert document["metrics"]["log_loss"] == GOOD.evaluation.metrics.loss  # type: ignore[union-attr]
    assert document["now"] is None


def test_a_run_that_goes_on_says_where_it_is(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Whereabouts("RUNNING", "CheckTraining", 12.0, "Training round 5")
    monkeypatch.setattr("cli.showing.whereabouts", lambda *_: there)
    assert "is running: at CheckTraining for 12 s (Training round 5)" in two.call("show", SECOND).stdout
    assert two.document("show", SECOND)["now"]["state"] == "CheckTraining"


def test_an_execution_that_was_aborted_is_told(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.showing.whereabouts", lambda *_: Whereabouts("ABORTED"))
    assert "has no outcome yet: its execution ended as ABORTED" in two.call("show", SECOND).stdout


def test_an_execution_that_step_functions_forgot_is_told(two: World) -> None:
    assert "FORGOTTEN" in two.call("show", SECOND).stdout


def test_a_run_that_waits_shows_what_the_person_must_know(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.showing.whereabouts", lambda *_: Whereabouts("RUNNING", "AskForApproval", 1.0))
    run = GOOD.run.model_copy(update={"run_id": SECOND, "execution_arn": EXECUTION})
    evaluation = GOOD.evaluation
    assert isinstance(evaluation, AcceptedModel)
    report = f"s3://{ARTIFACTS}/{DATASET}/runs/{SECOND}/report.html"
    approval.ask(two.dynamodb, TABLE, run, "token", 1_800_000_000.0)
    approval.start_waiting(two.dynamodb, TABLE, run, question(evaluation, report, 1_799_000_000.0, 1_800_000_000.0))

    listed = two.call("runs", DATASET).stdout.splitlines()[2]
    assert SECOND in listed
    assert "waits for approval" in listed
    assert f"{evaluation.metrics.loss:.4f}" in listed

    shown = two.call("show", SECOND).stdout
    for words in (
        f"sluice approve {SECOND}",
        f"sluice reject {SECOND}",
        "2027-01-15 08:00 UTC",
        f"log loss {evaluation.metrics.loss:.4f}",
        "log_loss.max_of_prior",
        report.removeprefix(f"s3://{ARTIFACTS}/{DATASET}/runs/{SECOND}/"),
        f"https://us-east-1.console.aws.amazon.com/s3/object/{ARTIFACTS}",
    ):
        assert words in shown
    assert ACCOUNT not in shown
    document = two.document("show", SECOND)
    assert document["outcome"] == "awaiting_approval"
    assert document["waits_for_approval_until"] == "2027-01-15T08:00:00+00:00"
    assert document["metrics"]["log_loss"] == evaluation.metrics.loss
    assert document["artifacts"]["report"] == report


def test_afterwards_a_run_says_who_approved_it_and_when(world: World) -> None:
    word = Approval(
        decision="approved", decided_by="user/alice", comment="seen", decided_at="2026-11-24T10:00:00+00:00"
    )
    world.finish(FIRST, OLD, Outcome.DEPLOYED, GOOD.model_copy(update={"approval": word}))
    assert "Approved by user/alice at 2026-11-24 10:00 UTC: seen" in world.call("show", FIRST).stdout
    assert world.document("show", FIRST)["approval"]["decided_by"] == "user/alice"


def test_a_run_that_waits_for_a_person_says_how_to_decide(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.showing.whereabouts", lambda *_: Whereabouts("RUNNING", "AskForApproval", 1.0))
    wait(two, SECOND)
    assert f"sluice approve {SECOND}" in two.call("show", SECOND).stdout
    assert two.document("show", SECOND)["waits_for_approval_until"].startswith("19")


def wait(world: World, run_id: str) -> Any:
    run = GOOD.run.model_copy(update={"run_id": run_id})
    return approval.ask(world.dynamodb, TABLE, run, "token", 0.0)


def test_an_unknown_run_is_a_no_and_a_wrong_id_a_wrong_call(two: World) -> None:
    assert two.call("show", "0123456789ab").exit_code == 1
    assert "no run 0123456789ab" in two.document("show", "0123456789ab", status=1)["error"]
    assert two.call("show", "churn").exit_code == 2


def test_an_id_that_is_nearly_that_of_a_run_is_suggested(two: World) -> None:
    assert f"Did you mean {FIRST}?" in two.call("show", FIRST[:-1] + "0").stderr


def test_a_command_that_is_nearly_one_is_suggested(two: World) -> None:
    called = two.call("shwo", FIRST)
    assert called.exit_code == 2
    assert "show" in called.stderr.partition("Did you mean")[2]


def test_a_run_that_has_ended_cannot_be_followed(two: World) -> None:
    called = two.call("show", FIRST, "--follow")
    assert called.exit_code == 1
    assert f"sluice show {FIRST}" in called.stderr


def test_ctrl_c_says_that_the_run_goes_on_and_how_to_follow_it_again(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt
        yield  # it is an iterator

    monkeypatch.setattr("following.execution.follow", interrupted)
    called = two.call("show", SECOND, "--follow")
    assert called.exit_code == 130
    assert f"Run {SECOND} continues. To follow it again: sluice show {SECOND} --follow" in called.stderr
