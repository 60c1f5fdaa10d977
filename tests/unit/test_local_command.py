"""``python -m local`` without a local AWS: what ``up`` and ``down`` say, and what Ctrl-C says of a run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest
from rich.console import Console

from following.dropping import Drop
from local import run, stack
from local.__main__ import main
from local.aws import Aws
from local.home import Home, State
from sluice.names import run_id

ADDRESS = "http://127.0.0.1:4566"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """The state folder of a local AWS that was stopped. The environment is restored: the command clears it."""
    made = Home(tmp_path)
    made.write(State(endpoint_url=ADDRESS, sagemaker_url="http://127.0.0.1:5000"))
    with mock.patch.dict(os.environ):
        yield made


@pytest.mark.parametrize(("address", "is_told"), [(ADDRESS, True), ("http://127.0.0.1:1", False), (None, False)])
def test_down_tells_a_shell_that_has_the_stopped_address_how_to_take_it_back(
    home: Home, capsys: pytest.CaptureFixture[str], address: str | None, is_told: bool
) -> None:
    os.environ.pop("AWS_ENDPOINT_URL", None)
    if address:
        os.environ["AWS_ENDPOINT_URL"] = address
    assert main(["--state-dir", str(home.root), "down"]) == 0
    first, *more = capsys.readouterr().out.splitlines()
    assert first == "nothing was up"
    told = f"this shell still sends its AWS tools to {ADDRESS}; to take that back: sluice_local_off"
    assert more == ([told] if is_told else [])


@pytest.mark.parametrize(
    ("found", "version"),
    [({"version-id": "v7", "etag": "e", "sequencer": "5"}, "v7"), ({"etag": "e", "sequencer": "5"}, "e5")],
)
def test_ctrl_c_names_the_run_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, str], version: str
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt
        yield  # it is an iterator

    event = {"detail": {"bucket": {"name": "inbox"}, "object": {"key": "incoming/churn/a.csv", **found}}}
    monkeypatch.setattr(run, "follow", interrupted)
    expected = run_id("inbox", "incoming/churn/a.csv", version)
    with pytest.raises(run.StoppedWatchingError, match=f"sluice show {expected} --follow --local"):
        run._follow(_aws(event), "arn", Console(quiet=True))


def _aws(event: dict[str, Any]) -> Aws:
    described = SimpleNamespace(describe_execution=lambda executionArn: {"input": json.dumps(event)})  # noqa: N803
    return cast(Aws, SimpleNamespace(stepfunctions=described))


def test_a_run_that_is_no_longer_watched_ends_with_130_and_its_sentence(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: Any, **__: Any) -> int:
        raise run.StoppedWatchingError("0123456789ab")

    monkeypatch.setattr("local.__main__.run", stopped)
    table = tmp_path / "a.csv"
    table.write_text("a,label\n1,yes\n")
    assert main(["--state-dir", str(home.root), "run", str(table), "--target", "label"]) == 130
    assert capsys.readouterr().err.splitlines() == [
        "Run 0123456789ab goes on in the local AWS. To follow it again: sluice show 0123456789ab --follow --local"
    ]


@pytest.fixture
def left_out(home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the template of a local AWS that seems to start and deploy leaves out."""
    template, remark = "local.stack.template", "Alarm (AWS::CloudWatch::Alarm): nothing watches it"
    project = SimpleNamespace(built_template=home.root / "template.yaml", build=home.root)
    project.built_template.write_text("Resources: {}")
    monkeypatch.setattr(f"{template}.for_ministack", lambda _: ({}, [remark]))
    monkeypatch.setattr(f"{template}.with_note", lambda *_: {})
    monkeypatch.setattr(f"{template}.with_packed_code", lambda *_: {})

    class DeployedError(Exception):
        """Stands for all that follows."""

    def create_bucket(**_: Any) -> None:
        raise DeployedError

    aws = cast(Aws, SimpleNamespace(s3=SimpleNamespace(create_bucket=create_bucket)))

    def deploy(home: Home, say: stack.Say, *, tell_left_out: bool) -> dict[str, str]:
        with pytest.raises(DeployedError):
            stack._deploy(home, aws, cast(stack.Project, project), "fingerprint", say, tell_left_out)
        return {"InboxBucketName": "inbox"}

    monkeypatch.setattr("local.run.cloud.start", lambda home, *_: home.read())
    monkeypatch.setattr("local.run.stack.deploy", deploy)
    return f"left out on the local AWS: {remark}"


def test_up_says_what_to_type_in_ten_lines_and_nothing_of_what_is_left_out(
    home: Home, left_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state-dir", str(home.root), "up"]) == 0
    first, *guide = capsys.readouterr().out.splitlines()
    assert first == "starting the local AWS ..."
    assert len(guide) == 10
    assert guide[0].startswith(f"The local AWS is up at {ADDRESS}.")
    assert guide[-1].startswith("Stop it: ")


def test_up_lists_what_is_left_out_if_it_is_asked(
    home: Home, left_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state-dir", str(home.root), "up", "--verbose"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == left_out


@pytest.mark.parametrize(
    ("arguments", "file", "target", "task"),
    [
        ([], "breast-cancer.csv", "diagnosis", None),
        (["--task", "regression"], "diabetes.csv", "progression", "regression"),
    ],
)
def test_the_demo_has_a_table_for_each_task(
    home: Home, monkeypatch: pytest.MonkeyPatch, arguments: list[str], file: str, target: str, task: str | None
) -> None:
    dropped: list[Drop] = []

    def remember(_: Home, call: Drop, *__: Any, **___: Any) -> int:
        dropped.append(call)
        return 0

    monkeypatch.setattr("local.__main__.run", remember)
    assert main(["--state-dir", str(home.root), "demo", *arguments]) == 0
    (call,) = dropped
    assert (call.table.name, call.target, call.task) == (file, target, task)
    assert target in call.table.read_text().partition("\n")[0].split(",")
