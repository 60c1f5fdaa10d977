"""A local AWS of the test session's own, on free ports, with the shipped template deployed in it by the SAM CLI."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from following.dropping import check_drop
from following.execution import Snapshot, follow
from following.result import result_json
from local import cloud, run
from local.aws import Aws
from local.cloud import Options
from local.home import REPOSITORY, Home
from local.sagemaker.faults import Faults
from local.stack import STACK_NAME
from tests.wire import grants
from tests.wire.wire import Wire

OPTIONS = Options(port=0, wait_scale=0.01, pace=0.05)


@dataclass(frozen=True)
class LocalAws:
    """The local AWS under test.

    Attributes:
        outputs: of the deployed stack.
        faults: what SageMaker is to do wrong.
    """

    home: Home
    aws: Aws
    outputs: dict[str, str]
    faults: Faults

    def follow(self, arn: str) -> Snapshot:
        """The execution once it has ended."""
        *_, last = follow(self.aws, arn, poll_seconds=0.1)
        return last

    def drop(self, table: Path, target: str, dataset: str | None = None, config: Path | None = None) -> Snapshot:
        """Drops a table as ``python -m local run`` does, and waits for its execution's end."""
        call = check_drop(table, dataset, config, target)
        return self.follow(run.drop(self.aws, self.outputs, call, confirm=lambda _: True))

    def result(self, snapshot: Snapshot) -> dict[str, Any]:
        return result_json(snapshot, dataset="", prediction=None, total_seconds=0)

    def training_jobs(self, name_contains: str) -> list[str]:
        listed = self.aws.sagemaker.list_training_jobs(NameContains=name_contains)["TrainingJobSummaries"]
        return [job["TrainingJobName"] for job in listed]

    def endpoints(self, name_contains: str) -> list[str]:
        return [
            endpoint["EndpointName"]
            for endpoint in self.aws.sagemaker.list_endpoints(NameContains=name_contains)["Endpoints"]
        ]

    def object(self, s3_uri: str) -> bytes:
        bucket, _, key = s3_uri.removeprefix("s3://").partition("/")
        return self.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with start_local_aws(tmp_path_factory.mktemp("local-aws")) as started:
        yield started


@contextmanager
def start_local_aws(folder: Path) -> Iterator[LocalAws]:
    """A local AWS until the end of the block. On request ``tests.wire.grants`` records what its functions use."""
    home, record = Home(folder), os.environ.get(grants.VARIABLE)
    wire = Wire() if record else None
    try:
        with home.locked():
            state = cloud.start(home, replace(OPTIONS, wire=wire.urls if wire else None))
        if wire:
            wire.connect(state.endpoint_url, state.sagemaker_url)
        aws, outputs = run.start_and_deploy(home, OPTIONS, Console(file=sys.stderr))
        if wire and record:
            wire.witness = grants.recorder(Path(record), grants.clients(aws.endpoint_url), STACK_NAME)
        yield LocalAws(home, aws, outputs, Faults(aws.sagemaker_url))
    finally:
        with home.locked():
            cloud.stop(home)
        if wire:
            wire.close()


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "local_aws" in request.fixturenames:
        request.getfixturevalue("local_aws").faults.clear()


def command_line(*arguments: str | Path, state_dir: Path) -> subprocess.CompletedProcess[str]:
    """``python -m local`` as a person calls it. Its exit status is the test's to judge."""
    return subprocess.run(
        [sys.executable, "-m", "local", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "SLUICE_STATE_DIR": str(state_dir), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def learnable_rows(rows: int, seed: int) -> list[list[Any]]:
    """``size``, ``colour``, ``comment`` and a label that the first two decide but for 5 % of noise."""
    draw = random.Random(seed)  # noqa: S311
    table = []
    for number in range(rows):
        size, colour = draw.gauss(0, 1), draw.choice(["red", "green", "blue"])
        label = (size + (1.0 if colour == "red" else -0.5) > 0) ^ (draw.random() < 0.05)
        table.append([round(size, 4), colour, f'said "{number}", then left', "yes" if label else "no"])
    return table


def write_table(path: Path, header: list[str], rows: list[list[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path
