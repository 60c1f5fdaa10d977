from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import dropping
from cli.connection import connect
from cli.dropping import Uploaded, await_run
from cli.failure import AnswerIsNoError
from cli.output import Output
from cli.runs import Run
from cli.stack import find_stack
from following.execution import Phase, Snapshot
from sluice.names import run_id
from sluice.runs.outcome import close
from tests.messages import GOOD, event

from .conftest import ACCOUNT, ARTIFACTS, INBOX, World

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "incoming/churn/table.csv"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,target\n1,yes\n")
    return path


@pytest.fixture
def pipeline(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The stack's inbox has versions, and a run begins with each upload."""
    world.s3.put_bucket_versioning(Bucket=INBOX, VersioningConfiguration={"Status": "Enabled"})
    upload = dropping.upload

    def begin(*arguments: Any) -> Uploaded:
        uploaded = upload(*arguments)
        assert uploaded.version_id
        named = run_id(uploaded.bucket, uploaded.key, uploaded.version_id)
        world.claim(named, "2026-11-25T09:00:00Z", dataset="churn", object_key=uploaded.key, etag=uploaded.etag)
        return uploaded

    monkeypatch.setattr(dropping, "upload", begin)
    return world


def ends(monkeypatch: pytest.MonkeyPatch, outcome: str, *reasons: str) -> None:
    """Executions are followed to this end."""
    recorded = close(GOOD, "2026-11-25T09:10:00+00:00", ARTIFACTS).as_json()
    recorded |= {"outcome": outcome, "reasons": reasons}
    phase = Phase("ValidateData", START, START + timedelta(seconds=2), 1)
    validation = event("record_outcome")["validation"]
    snapshot = Snapshot(
        arn=f"arn:aws:states:us-east-1:{ACCOUNT}:execution:pipeline:x",
        status="SUCCEEDED" if outcome == "deployed" else "FAILED",
        started=START,
        stopped=START + timedelta(seconds=9),
        phases=(phase,),
        payloads={"ValidateData": validation, "RecordOutcome": recorded},
        cause=f"arn:aws:states:us-east-1:{ACCOUNT}:execution:pipeline:x",
    )
    monkeypatch.setattr("following.execution.follow", lambda *_: iter([snapshot]))


def test_a_drop_names_the_run_that_it_started(pipeline: World, table: Path) -> None:
    called = pipeline.call("drop", str(table), "--dataset", "churn")
    assert called.exit_code == 0
    assert "sluice show" in called.stdout
    found = pipeline.document("drop", str(table), "--dataset", "churn")
    assert (found["outcome"], found["dataset"], found["object"]) == ("running", "churn", f"s3://{INBOX}/{KEY}")
    assert found["execution"] == f"of-{found['run_id']}"
    assert pipeline.s3.get_object(Bucket=INBOX, Key=KEY)["Body"].read() == table.read_bytes()


def test_the_configuration_is_there_before_the_table(pipeline: World, table: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("target: a\n")
    called = pipeline.call("drop", str(table), "--dataset", "churn", "--config", str(config))
    assert called.exit_code == 0, called.stderr
    assert pipeline.s3.get_object(Bucket=INBOX, Key="datasets/churn/config.yaml")["Body"].read() == b"target: a\n"
    assert called.stderr.index("config.yaml is written") < called.stderr.index("table.csv is uploaded")


def test_a_target_goes_into_the_configuration_that_is_there(pipeline: World, table: Path) -> None:
    pipeline.s3.put_object(Bucket=INBOX, Key="datasets/churn/config.yaml", Body=b"approval: {required: true}\n")
    called = pipeline.call("drop", str(table), "--dataset", "churn", "--target", "target")
    assert called.exit_code == 0, called.stderr
    kept = pipeline.s3.get_object(Bucket=INBOX, Key="datasets/churn/config.yaml")["Body"].read()
    assert kept == b"target: target\napproval: {required: true}\n"


def test_a_mistyped_target_is_found_before_the_upload(world: World, table: Path) -> None:
    world.s3.put_object(Bucket=INBOX, Key="datasets/churn/config.yaml", Body=b"target: targte\n")
    for arguments in ([], ["--target", "targat"]):
        called = world.call("drop", str(table), "--dataset", "churn", *arguments)
        assert called.exit_code == 2
        assert "did you mean `target`?" in called.stderr
    assert world.s3.list_objects_v2(Bucket=INBOX, Prefix="incoming/")["KeyCount"] == 0


def test_another_configuration_replaces_nothing_unless_yes_is_said(
    pipeline: World, table: Path, tmp_path: Path
) -> None:
    kept, key = b"approval: {required: true}\n", "datasets/churn/config.yaml"
    pipeline.s3.put_object(Bucket=INBOX, Key=key, Body=kept)
    config = tmp_path / "config.yaml"
    config.write_text("target: target\n")
    call = ["drop", str(table), "--dataset", "churn", "--config", str(config)]
    refused = pipeline.call(*call)
    assert refused.exit_code == 2
    assert "-approval: {required: true}" in refused.stderr.splitlines()
    assert "--yes" in refused.stderr
    assert pipeline.s3.get_object(Bucket=INBOX, Key=key)["Body"].read() == kept
    assert pipeline.s3.list_objects_v2(Bucket=INBOX, Prefix="incoming/")["KeyCount"] == 0
    assert pipeline.call(*call, "--yes").exit_code == 0
    assert pipeline.s3.get_object(Bucket=INBOX, Key=key)["Body"].read() == b"target: target\n"


def test_following_shows_the_steps_and_ends_with_0_where_the_model_is_deployed(
    pipeline: World, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(monkeypatch, "deployed")
    called = pipeline.call("drop", str(table), "--dataset", "churn", "--follow")
    assert called.exit_code == 0, called.stderr
    assert "ValidateData" in called.stderr
    assert "log loss" in called.stdout
    document = pipeline.document("drop", str(table), "--dataset", "churn", "--follow")
    assert document["outcome"] == "deployed"
    assert "execution_arn" not in document


def test_following_ends_with_1_and_the_reasons_where_the_model_is_not_deployed(
    pipeline: World, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(monkeypatch, "model_rejected", "it learned nothing; gather more rows")
    called = pipeline.call("drop", str(table), "--dataset", "churn", "-f", "--json")
    assert called.exit_code == 1
    assert json.loads(called.stdout)["reasons"] == ["it learned nothing; gather more rows"]
    assert "gather more rows" in called.stderr
    assert ACCOUNT not in called.output


@pytest.mark.parametrize(
    ("name", "content", "arguments", "words"),
    [
        ("missing.csv", None, [], "the file does not exist"),
        (".", None, [], "is a folder"),
        (".hidden.csv", "a,b\n", [], "rename it"),
        ("t.csv", "a,b\n", ["--dataset", "a/b"], "--dataset"),
        ("t.csv", "a,b\n", ["--config", "/nonexistent.yaml"], "/nonexistent.yaml"),
    ],
)
def test_a_call_that_cannot_work_sends_nothing(
    world: World, tmp_path: Path, name: str, content: str | None, arguments: list[str], words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    called = world.call("drop", str(tmp_path / name), *arguments)
    assert called.exit_code == 2
    assert words in called.stderr
    assert world.s3.list_objects_v2(Bucket=INBOX)["KeyCount"] == 0


def test_a_misspelt_key_of_the_configuration_is_found_before_anything_is_sent(
    world: World, table: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("targett: a\n")
    called = world.call("drop", str(table), "--config", str(config))
    assert called.exit_code == 2
    assert "unknown key `targett`" in called.stderr
    assert world.s3.list_objects_v2(Bucket=INBOX)["KeyCount"] == 0


def test_a_bucket_that_may_not_be_written_to_is_a_sentence(world: World, table: Path) -> None:
    world.s3.delete_bucket(Bucket=INBOX)
    called = world.call("drop", str(table))
    assert called.exit_code == 2
    assert "Traceback" not in called.output
    assert "bucket does not exist" in called.stderr


def test_an_upload_without_a_run_is_a_no_that_says_where_to_look(world: World) -> None:
    connection = connect()
    stack = find_stack(connection.cloudformation, "sluice")
    with pytest.raises(AnswerIsNoError, match="dead-letter queue"):
        await_run(connection, stack, "churn", Uploaded(INBOX, KEY, "e", None), set(), patience_seconds=0)


def test_a_large_table_goes_in_parts(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropping, "_PART_BYTES", 5 << 20)
    path = tmp_path / "large.csv"
    path.write_bytes(b"1,2,3\n" * (1 << 20))
    uploaded = dropping.upload(connect().s3, path, INBOX, KEY, Output())
    assert uploaded.etag.endswith("-2")
    assert world.s3.head_object(Bucket=INBOX, Key=KEY)["ContentLength"] == path.stat().st_size


def test_another_upload_of_the_same_bytes_is_not_taken_for_this_one(world: World) -> None:
    uploaded = Uploaded(INBOX, KEY, "e", "v2")

    def run(version: str, etag: str = "e", key: str = KEY) -> Run:
        return Run(run_id(INBOX, KEY, version), "running", "churn", INBOX, key, etag, "1", "", "", None, None)

    assert uploaded.is_of(run("v2"))
    assert not uploaded.is_of(run("v1")), "the same content, another version"
    assert uploaded.is_of(run("e1")), "an event that did not name the version"
    assert not uploaded.is_of(run("e1", etag="f"))


@pytest.mark.parametrize(
    ("step", "said"),
    [("upload", "The upload was interrupted."), ("await_run", "The file is uploaded, and its run starts")],
)
def test_an_interrupted_drop_says_whether_a_run_starts(
    world: World, table: Path, monkeypatch: pytest.MonkeyPatch, step: str, said: str
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dropping, step, interrupted)
    called = world.call("drop", str(table), "--dataset", "churn")
    assert (called.exit_code, called.stdout) == (130, "")
    assert said in called.stderr
    assert "sluice runs churn" in called.stderr
