"""``sluice`` as a person calls it, against the local AWS with the shipped template in it."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.aws import ACCOUNT
from local.home import REPOSITORY

from .conftest import LocalAws, learnable_rows, write_table

HEADER = ["size", "colour", "comment", "label"]
DATASET = "by-cli"
COMMAND = str(Path(sys.executable).with_name("sluice"))
ACCOUNT_ALONE = re.compile(rf"(?<![\d.]){ACCOUNT}(?!\d)")
"""The account's id, which is all zeros here: a fraction such as 0.8500000000000001 is none."""


@dataclass(frozen=True)
class Command:
    local_aws: LocalAws

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))}
        return {**kept, "SLUICE_STATE_DIR": str(self.local_aws.home.root), "SLUICE_LOCAL": "1"}

    def __call__(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        called = subprocess.run(
            [COMMAND, *map(str, arguments)],
            cwd=REPOSITORY,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert "Traceback" not in called.stderr
        assert not ACCOUNT_ALONE.search(called.stdout + called.stderr)
        return called

    def document(self, *arguments: str | Path) -> Any:
        return json.loads(self(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def sluice(local_aws: LocalAws) -> Command:
    return Command(local_aws)


@pytest.fixture(scope="module")
def deployed(sluice: Command, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """A table that was dropped, and followed to its deployment."""
    table = write_table(tmp_path_factory.mktemp("cli") / "first.csv", HEADER, learnable_rows(400, seed=41))
    return sluice("drop", table, "--dataset", DATASET, "--follow")


def test_a_drop_is_followed_to_the_deployment(deployed: subprocess.CompletedProcess[str], sluice: Command) -> None:
    assert deployed.returncode == 0, deployed.stderr
    for step in ("ValidateData", "CheckTraining", "EvaluateModel", "VerifyEndpoint", "RecordOutcome"):
        assert step in deployed.stderr
    assert "log loss" in deployed.stdout

    (run,) = sluice.document("runs", DATASET)["runs"]
    assert (run["outcome"], run["file"]) == ("deployed", f"incoming/{DATASET}/first.csv")
    assert run["run_id"] in sluice("runs").stdout
    shown = sluice.document("show", run["run_id"])
    assert shown["metrics"]["log_loss"] == run["log_loss"]
    assert shown["endpoint"]["name"] == f"sluice-{DATASET}"


def test_why_says_what_is_live(deployed: subprocess.CompletedProcess[str], sluice: Command) -> None:
    called = sluice("why", DATASET)
    assert called.returncode == 0
    assert f"sluice-{DATASET} is live with the model of run" in called.stdout
    assert "It passed all 2 gates:" in called.stdout  # of all rows, and of those held out: the table is small


def test_a_file_is_predicted_and_what_is_wrong_is_named(
    deployed: subprocess.CompletedProcess[str], sluice: Command, tmp_path: Path
) -> None:
    rows = [row[:3] for row in learnable_rows(1100, seed=42)]
    asked, target = write_table(tmp_path / "ask.csv", HEADER[:3], rows), tmp_path / "out.csv"
    called = sluice("predict", DATASET, asked, "--output", target)
    assert called.returncode == 0, called.stderr
    with target.open(newline="", encoding="utf-8") as file:
        made = list(csv.DictReader(file))
    assert [row["size"] for row in made] == [str(row[0]) for row in rows]
    assert {row["label"] for row in made} == {"yes", "no"}

    rows[1050][0] = "large"
    write_table(asked, HEADER[:3], rows)
    refused = sluice.document("predict", DATASET, asked)
    assert [(error["record"], error["column"]) for error in refused["errors"]] == [(1051, "size")]


def test_a_table_that_is_refused_ends_with_1_and_why_says_so(
    deployed: subprocess.CompletedProcess[str], sluice: Command, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "one-class.csv", HEADER, [[1, "red", "x", "yes"]] * 100)
    called = sluice("drop", table, "--dataset", DATASET, "--follow")
    assert called.returncode == 1
    said = sluice("why", DATASET).stdout
    assert "was not deployed: dataset rejected" in said
    assert "is live with the model of run" in said


def test_a_model_that_waits_is_approved_and_rolled_back_and_the_dataset_retired(
    deployed: subprocess.CompletedProcess[str], sluice: Command, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "second.csv", HEADER, learnable_rows(400, seed=43))
    config = tmp_path / "config.yaml"
    config.write_text("approval: {required: true}\nchampion: {policy: ignore}\n")
    first = sluice.document("why", DATASET)["live"]["run_id"]
    following = subprocess.Popen(
        [
            *(COMMAND, "drop", str(table)),
            *("--dataset", DATASET, "--config", str(config), "--follow", "--json"),
        ],
        cwd=REPOSITORY,
        env=sluice.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stderr
        waiting = next(line for line in following.stderr if "sluice approve" in line or "Traceback" in line)
        second = waiting.partition("sluice approve ")[2][:12]
        assert sluice("approve", second, "--comment", "seen").returncode == 0
        told, _ = following.communicate(timeout=120)
    finally:
        following.kill()
    assert json.loads(told)["outcome"] == "deployed"
    assert following.returncode == 0

    assert sluice("rollback", DATASET, "--yes").returncode == 0
    assert sluice.document("why", DATASET)["live"]["run_id"] == first
    assert sluice("retire", DATASET, "--yes").returncode == 0
    assert sluice("why", DATASET).returncode == 1


def test_the_environment_of_the_local_aws_does_as_well(
    deployed: subprocess.CompletedProcess[str], sluice: Command
) -> None:
    told = sluice("runs", DATASET, SLUICE_LOCAL="0", **sluice.local_aws.aws.environment())
    assert told.returncode == 0, told.stderr
    assert "first.csv" in told.stdout


def test_ctrl_c_stops_the_watching_without_a_traceback(sluice: Command, tmp_path: Path) -> None:
    table = write_table(tmp_path / "left.csv", HEADER, learnable_rows(200, seed=44))
    following = subprocess.Popen(
        [COMMAND, "drop", str(table), "--dataset", "left-alone", "--follow"],
        # A shell starts what runs behind it with the signal ignored, and tests may run so.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        cwd=REPOSITORY,
        env=sluice.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stderr
        next(line for line in following.stderr if "execution" in line)
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=60)
    finally:
        following.kill()
    assert following.returncode == 130
    assert "Traceback" not in said
    assert re.search(r"sluice show [0-9a-f]{12} --follow", said), "it says how to follow the run again"
