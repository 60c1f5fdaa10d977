"""The shipped state machine on MiniStack, with stub functions that note what they get and answer what the test says.

Step Functions' own mock configuration would not do: it skips the arguments that the state machine builds.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from local import ministack as local_ministack

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "statemachine" / "pipeline.asl.json"
FUNCTION_OF_STATE = {
    state: f"{state}Function"
    for state in (
        "ClaimRun",
        "ValidateData",
        "StartTraining",
        "CheckTraining",
        "StartRefit",
        "EvaluateModel",
        "DeployEndpoint",
        "CheckEndpoint",
        "VerifyEndpoint",
        "RestoreEndpoint",
        "AskForApproval",
        "RecordOutcome",
        "RegisterModel",
        "RenderReport",
        "CleanUp",
    )
}
# It prints a line because MiniStack waits 50 ms for the log of a function that says nothing.
STUB = """
import json, os, pathlib
FOLDER = pathlib.Path(os.environ["STUBS"])
def handler(event, context):
    name = context.function_name
    calls = FOLDER / f"{name}.calls"
    with calls.open("a") as log:
        log.write(json.dumps(event) + "\\n")
    answers = json.loads((FOLDER / f"{name}.answers").read_text())
    answer = answers[min(len(calls.read_text().splitlines()), len(answers)) - 1]
    print("answered")
    if "fault" in answer:
        raise RuntimeError(answer["fault"])
    if "dies" in answer:
        os._exit(1)
    return answer
"""
ACCOUNT = "000000000000"
REGION = "us-east-1"
START_SECONDS = 30.0
END_SECONDS = 60.0

_counter = itertools.count()


@dataclass(frozen=True)
class Ended:
    """How an execution ended, and the states it went through in order."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    states: list[str]
    tries: dict[str, int]
    payloads: dict[str, list[dict[str, Any]]]
    arn: str


def fault(cause: str = "the service is not well") -> dict[str, Any]:
    return {"fault": cause}


DIES: Final = {"dies": True}
"""What makes a stub end its process in the middle of a call."""


def client(endpoint: str, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name=REGION,
    )


class Pipeline:
    """Runs the state machine. ``answers`` maps a state to what its function answers, or to a list, one a call."""

    def __init__(self, endpoint: str, stubs: Path) -> None:
        self._endpoint = endpoint
        self._stubs = stubs
        self.stepfunctions = client(endpoint, "stepfunctions")

    def run(
        self,
        event: Mapping[str, Any],
        answers: Mapping[str, Any],
        throws: Mapping[str, str] | None = None,
        approval: Mapping[str, Any] | None = None,
    ) -> Ended:
        """
        Args:
            throws: maps a state to an error of Lambda's own, such as a time-out, which a stub cannot raise.
            approval: what a person answers when asked, with the task token that the function was given.
        """
        name = f"pipeline-{next(_counter)}-{uuid.uuid4().hex[:6]}"
        arn = self.stepfunctions.create_state_machine(
            name=name, definition=self._definition(), roleArn=f"arn:aws:iam::{ACCOUNT}:role/any"
        )["stateMachineArn"]
        for function in FUNCTION_OF_STATE.values():
            (self._stubs / f"{function}.calls").write_text("")
        for state, answer in answers.items():
            self.answer(state, answer)
        self._throw(name, throws or {})
        execution = self.stepfunctions.start_execution(stateMachineArn=f"{arn}#case", input=json.dumps(event))
        return self._follow(execution["executionArn"], approval)

    def answer(self, state: str, answer: Any) -> None:
        """Sets what the function of a state answers: one answer, or a list, one a call."""
        steps = answer if isinstance(answer, list) else [answer]
        (self._stubs / f"{FUNCTION_OF_STATE[state]}.answers").write_text(json.dumps(steps))

    def _definition(self) -> str:
        text = PIPELINE.read_text().replace("${Partition}", "aws")
        for name in FUNCTION_OF_STATE.values():
            text = text.replace(f"${{{name}}}", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
        return text

    def _throw(self, machine: str, throws: Mapping[str, str]) -> None:
        config = {
            "StateMachines": {machine: {"TestCases": {"case": {state: state for state in throws}}}},
            "MockedResponses": {
                state: {"0-99": {"Throw": {"Error": error, "Cause": "mocked"}}} for state, error in throws.items()
            },
        }
        request = urllib.request.Request(  # noqa: S310  (the address is this fixture's own)
            f"{self._endpoint}/_ministack/config",
            data=json.dumps({"stepfunctions._sfn_mock_config": config}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert "stepfunctions._sfn_mock_config" in json.load(answer)["applied"]

    def _follow(self, arn: str, approval: Mapping[str, Any] | None) -> Ended:
        deadline = time.monotonic() + END_SECONDS
        while (found := self.stepfunctions.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{arn} did not end"
            if approval and (asked := self._calls("AskForApprovalFunction")):
                self.stepfunctions.send_task_success(taskToken=asked[0]["task_token"], output=json.dumps(approval))
                approval = None
            time.sleep(0.02)
        pages = self.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
        states: list[str] = []
        tries: dict[str, int] = {}
        for event in (event for page in pages for event in page["events"]):
            if event["type"].endswith("StateEntered"):
                states.append(event["stateEnteredEventDetails"]["name"])
            if event["type"] == "TaskScheduled":
                tries[states[-1]] = tries.get(states[-1], 0) + 1
        return Ended(
            status=found["status"],
            output=json.loads(found["output"]) if found.get("output") else None,
            error=found.get("error"),
            cause=found.get("cause"),
            states=states,
            tries=tries,
            payloads={state: self._calls(function) for state, function in FUNCTION_OF_STATE.items()},
            arn=arn,
        )

    def _calls(self, function: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self._stubs / f"{function}.calls").read_text().splitlines()]


@pytest.fixture(scope="session")
def stubs(ministack: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder through which the stub functions are told what to answer."""
    folder = tmp_path_factory.mktemp("stubs")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("app.py", STUB)
        # MiniStack imports botocore into each process of a function, which takes most of its start, and starts a new
        # one after each fault. The stubs use no AWS, so they bring a botocore with nothing in it.
        packed.writestr("botocore.py", "")
    lambdas = client(ministack, "lambda")
    for function in FUNCTION_OF_STATE.values():
        lambdas.create_function(
            FunctionName=function,
            Runtime="python3.13",
            Handler="app.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/any",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"STUBS": str(folder)}},
            Timeout=10,
        )
    return folder


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("ministack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "STATE_DIR": str(folder / "state"),
        "TMPDIR": str(folder),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "SFN_WAIT_SCALE": "0",
    }
    endpoint = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", local_ministack.__file__],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(endpoint, process, folder / "log")
        yield endpoint
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"MiniStack ended while it started:\n{log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):  # noqa: S310
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"MiniStack did not answer:\n{log.read_text()[-2000:]}")


@pytest.fixture
def pipeline(ministack: str, stubs: Path) -> Pipeline:
    return Pipeline(ministack, stubs)
