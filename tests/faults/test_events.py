"""Events in any number and order, functions that die, throttling, lost events, redrives: whatever comes ends well.

Hypothesis makes up the story. Each table is good enough for its dataset, so that the newest one must be live at the end
and no older one may ever replace a newer.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sluice.runs.aws.ledger import read_champion
from tests.faults.bench import Bench, Point, Upload
from tests.faults.scenarios import table
from tests.wire.wire import Fault

_CONFIG = {"target": "label", "champion": {"policy": "ignore"}}
_NOT_DONE = ("not claimed", "error", "queued", "running")
"""What an open story may have left a run in; a delivery takes it up again."""
_DONE = ("deployed", "superseded")
_POINTS = (
    Point("ClaimRun", "dynamodb:UpdateItem", "SLOTS"),
    Point("ValidateData", "s3:PutObject", "ARTIFACTS/DATASET/runs/RUN/learning/train/train.csv"),
    Point("StartTraining", "sagemaker:CreateTrainingJob", "sluice-DATASET-RUN"),
    Point("StartRefit", "sagemaker:CreateTrainingJob", "sluice-DATASET-RUN-full"),
    Point("DeployEndpoint", "dynamodb:PutItem", "TURN#DATASET"),
    Point("DeployEndpoint", "sagemaker:CreateModel", "sluice-DATASET-RUN"),
    Point("RecordOutcome", "dynamodb:PutItem", "DATASET#DATASET"),
    Point("RecordOutcome", "dynamodb:UpdateItem", "RUN#RUN"),
)
"""Calls that change something, one of each kind."""
_UPLOADS = st.runner().flatmap(lambda story: st.sampled_from(story.uploads))


class Story(RuleBasedStateMachine):
    bench: ClassVar[Bench]
    told: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.uploads: list[Upload] = []
        self.newest_live = -1

    @initialize()
    def begin(self) -> None:
        type(self).told += 1
        self.dataset = f"story-{self.told}"
        self.upload("a.csv")

    @rule(name=st.sampled_from(["a.csv", "b.csv"]))
    def upload(self, name: str) -> None:
        """Of one second S3's events tell no order but between versions of one key."""
        time.sleep(1.01)
        number = len(self.uploads)
        self.uploads.append(self.bench.upload(self.dataset, table(seed=10 + number), _CONFIG, name))

    @rule(upload=_UPLOADS)
    def deliver(self, upload: Upload) -> None:
        """For the first time or once more, in order or not."""
        self.bench.deliver(upload)

    @rule(first=_UPLOADS, second=_UPLOADS)
    def deliver_two_at_once(self, first: Upload, second: Upload) -> None:
        for arn in [self.bench.start(first), self.bench.start(second)]:
            self.bench.follow(arn)

    @rule(upload=_UPLOADS, point=st.sampled_from(_POINTS), fault=st.sampled_from(list(Fault)))
    def deliver_with_a_fault(self, upload: Upload, point: Point, fault: Fault) -> None:
        with self.bench.watched(upload, (point, fault)):
            self.bench.deliver(upload)

    @rule(upload=_UPLOADS)
    def stop_by_hand(self, upload: Upload) -> None:
        arn = self.bench.start(upload)
        time.sleep(0.3)
        with contextlib.suppress(ClientError):  # it had ended before
            self.bench.aws.stepfunctions.stop_execution(executionArn=arn)
        self.bench.follow(arn)

    @rule()
    def reconcile(self) -> None:
        """What lost its event is started, and what was stopped is closed, in time."""
        before = set(self._executions())
        self.bench.reconcile()
        for arn in set(self._executions()) - before:
            self.bench.follow(arn)

    @invariant()
    def no_older_model_replaces_a_newer_one(self) -> None:
        champion = read_champion(self.bench.aws.dynamodb, self.bench.outputs["RunsTableName"], self.dataset)
        live = next((at for at, item in enumerate(self.uploads) if champion and item.run_id == champion.run_id), -1)
        assert live >= self.newest_live
        self.newest_live = live

    @precondition(lambda self: bool(self.uploads))
    @invariant()
    def a_version_is_trained_once_at_most(self) -> None:
        for upload in self.uploads:
            jobs = self.bench.aws.sagemaker.list_training_jobs(NameContains=upload.run_id)["TrainingJobSummaries"]
            assert len(jobs) <= 2, "the first job and the refit"

    def teardown(self) -> None:
        """Whatever the story was, delivering what is not done ends it well."""
        for upload in self.uploads:
            if self._status(upload) in _NOT_DONE:
                self.bench.deliver(upload)
        assert [self._status(upload) for upload in self.uploads if self._status(upload) not in _DONE] == []
        champion = read_champion(self.bench.aws.dynamodb, self.bench.outputs["RunsTableName"], self.dataset)
        assert champion
        assert champion.run_id == self.uploads[-1].run_id
        live = self.bench.aws.sagemaker.describe_endpoint(EndpointName=f"sluice-{self.dataset}")
        assert (live["EndpointStatus"], live["EndpointConfigName"]) == ("InService", champion.config_name)
        assert not self.bench.item(f"TURN#{self.dataset}")
        assert not self.bench.item("SLOTS").get("holders")

    def _status(self, upload: Upload) -> str:
        return str(self.bench.item(f"RUN#{upload.run_id}").get("status", {}).get("S", "not claimed"))

    def _executions(self) -> Iterator[str]:
        machine = self.bench.outputs["StateMachineArn"]
        pages = self.bench.aws.stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=machine)
        return (item["executionArn"] for page in pages for item in page["executions"])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("aws")) as started:
        yield started


@pytest.mark.timeout(1800)
def test_whatever_comes_in_whatever_order_ends_well(bench: Bench) -> None:
    """SLUICE_STORIES=n tries n stories, others each time; without it, the same few."""
    stories = os.environ.get("SLUICE_STORIES")
    Story.bench = bench
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=int(stories or 8),
            stateful_step_count=8,
            deadline=None,
            derandomize=stories is None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
