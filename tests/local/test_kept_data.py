"""What a local AWS has outlives ``down``; whoever uses it then is told in a sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from local import cloud, processes, users
from local.aws import ACCESS_KEY, REGION, Aws
from local.cloud import Options
from local.home import REPOSITORY, Home
from local.home import State as LocalState
from local.run import start_and_deploy

from .conftest import OPTIONS, command_line, learnable_rows, write_table

PATIENCE_SECONDS = 60.0


def wait_for[Value](condition: Callable[[], Value]) -> Value:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it never came true")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "state")
    yield made
    with made.locked():
        cloud.stop(made)


def client(service: str, state: LocalState) -> Any:
    make: Any = boto3.client
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": ACCESS_KEY, "region_name": REGION}
    return make(service, endpoint_url=state.endpoint_url, **keys)


def test_objects_with_their_versions_tables_and_logs_are_there_after_a_stop(home: Home) -> None:
    with home.locked():
        before = cloud.start(home, OPTIONS)
    s3 = Aws.of(before).s3
    s3.create_bucket(Bucket="inbox")
    s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="inbox", Key="incoming/churn/a.csv", Body=b"one")["VersionId"]
    second = s3.put_object(Bucket="inbox", Key="incoming/churn/a.csv", Body=b"two")["VersionId"]
    client("dynamodb", before).create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb", before).put_item(TableName="ledger", Item={"pk": {"S": "run"}})
    client("logs", before).create_log_group(logGroupName="/sluice")
    Aws.of(before).sagemaker.create_model_package_group(ModelPackageGroupName="churn")

    with home.locked():
        cloud.stop(home)
        after = cloud.start(home, Options())

    assert (after.endpoint_url, after.sagemaker_url) == (before.endpoint_url, before.sagemaker_url)
    s3 = Aws.of(after).s3
    bodies = [
        s3.get_object(Bucket="inbox", Key="incoming/churn/a.csv", VersionId=version)["Body"].read()
        for version in (first, second)
    ]
    assert bodies == [b"one", b"two"]
    assert s3.put_object(Bucket="inbox", Key="b", Body=b"")["VersionId"] not in (first, second)
    assert client("dynamodb", after).scan(TableName="ledger")["Items"] == [{"pk": {"S": "run"}}]
    assert client("logs", after).describe_log_groups()["logGroups"][0]["logGroupName"] == "/sluice"
    assert len(Aws.of(after).sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]) == 1

    with home.locked():
        cloud.stop(home)
        cloud.forget(home)
        anew = cloud.start(home, OPTIONS)
    assert Aws.of(anew).s3.list_buckets()["Buckets"] == []
    assert Aws.of(anew).sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_port_that_was_taken_meanwhile_is_told_in_a_line_and_the_data_are_there_on_another(home: Home) -> None:
    said: list[str] = []
    with home.locked():
        before = cloud.start(home, OPTIONS, said.append)
        Aws.of(before).s3.create_bucket(Bucket="inbox")
        cloud.stop(home)
        assert said == []
        with socket.socket() as occupant:
            occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            occupant.bind(("127.0.0.1", int(before.endpoint_url.rpartition(":")[2])))
            occupant.listen()
            after = cloud.start(home, replace(OPTIONS, port=None), said.append)

    assert after.endpoint_url != before.endpoint_url
    (line,) = said
    assert line.startswith("another program has a port that this local AWS had: it now listens at ")
    assert after.endpoint_url in line
    assert "env.sh" in line
    assert "\n" not in line
    assert [bucket["Name"] for bucket in Aws.of(after).s3.list_buckets()["Buckets"]] == ["inbox"]


def test_a_ministack_that_is_killed_has_kept_all_but_the_last_moments(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = cloud._environment
    monkeypatch.setattr(cloud, "_environment", lambda home: {**settings(home), "KEEP_SECONDS": "0.1"})
    with home.locked():
        before = cloud.start(home, OPTIONS)
    client("logs", before).create_log_group(logGroupName="/sluice")
    saved = home.data / "ministack" / "cloudwatch_logs.json"
    wait_for(lambda: saved.exists() and "/sluice" in saved.read_text())
    (ministack,) = (process for process in before.processes if process.name == "ministack")
    os.killpg(ministack.pid, signal.SIGKILL)
    wait_for(lambda: not processes.is_running(ministack))

    with home.locked():
        after = cloud.start(home, OPTIONS)

    assert client("logs", after).describe_log_groups()["logGroups"][0]["logGroupName"] == "/sluice"


def test_down_is_refused_while_a_run_is_followed_and_by_force_the_run_ends_in_a_sentence(
    home: Home, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "churn.csv", ["size", "colour", "comment", "label"], learnable_rows(200, seed=3))
    # So slow that the training lasts until it is stopped.
    aws, outputs = start_and_deploy(home, replace(OPTIONS, pace=60.0), Console(file=sys.stderr))
    follower = subprocess.Popen(
        [sys.executable, "-m", "local", "run", str(table), "--target", "label"],
        cwd=REPOSITORY,
        env={**os.environ, "SLUICE_STATE_DIR": str(home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: aws.sagemaker.list_training_jobs()["TrainingJobSummaries"])

        refused = command_line("down", state_dir=home.root)
        assert refused.returncode == 1
        assert refused.stderr == (
            f"a run of churn (pid {follower.pid}) uses the local AWS: wait until it has ended, or stop the local AWS "
            "anyway with `sluice local down --force`\n"
        )
        assert cloud.is_up(home.read())
        refused = command_line("up", "--fresh", state_dir=home.root)
        assert (refused.returncode, refused.stderr[:14]) == (1, "a run of churn")

        forced = command_line("down", "--force", state_dir=home.root)
        assert forced.stdout == "stopped ministack and sagemaker\n"
        _, told = follower.communicate(timeout=60)
    finally:
        follower.kill()
    assert follower.returncode == 1
    assert "Traceback" not in told
    (sentence,) = told.splitlines()
    assert "Start it with `sluice local up`" in sentence
    assert users.others(home) == []

    again = command_line("up", state_dir=home.root)

    assert again.returncode == 0, again.stderr
    assert "sam " not in again.stdout.partition("The local AWS is up")[0]
    listed = aws.s3.list_objects_v2(Bucket=outputs["InboxBucketName"], Prefix="incoming/")
    assert [item["Key"] for item in listed["Contents"]] == ["incoming/churn/churn.csv"]
    machine = outputs["StateMachineArn"]
    (execution,) = aws.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
    assert execution["status"] == "FAILED"
    (job,) = aws.sagemaker.list_training_jobs()["TrainingJobSummaries"]
    assert job["TrainingJobStatus"] == "Failed"
