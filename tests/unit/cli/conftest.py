"""A stack on moto as runs leave it, and the command as a person calls it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from cli.app import app
from sluice.layout import RunLayout
from sluice.messages import Outcome, RecordRequest
from sluice.runs.aws.ledger import Deployed, crown_champion
from sluice.runs.decision import decide
from sluice.runs.outcome import close
from tests.messages import GOOD

REGION = "us-east-1"
INBOX, ARTIFACTS, TABLE = "inbox", "artifacts", "runs"
ACCOUNT = "123456789012"
URLS = {
    "PredictUrl": "https://abc.lambda-url.us-east-1.on.aws/",
    "ApprovalUrl": "https://def.lambda-url.us-east-1.on.aws/",
}
DATASET = GOOD.run.dataset
FIRST, SECOND = "111111111111", "222222222222"


def template(**outputs: str) -> str:
    return json.dumps(
        {
            "Parameters": {"NamePrefix": {"Type": "String", "Default": "sluice"}},
            "Resources": {"Any": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
    )


OUTPUTS = {
    "InboxBucketName": INBOX,
    "ArtifactBucketName": ARTIFACTS,
    "RunsTableName": TABLE,
    "StateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:pipeline",
    "UploadDeadLettersUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/uploads",
    "RoundDeadLettersUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/rounds",
    **URLS,
}


@dataclass
class World:
    """What there is, and how to call the command in it."""

    dynamodb: Any
    s3: Any
    cloudformation: Any
    posted: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    """URL, body and headers of what function URLs got."""

    def call(self, *arguments: str, said: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=said, prog_name="sluice")

    def document(self, *arguments: str, status: int = 0) -> Any:
        """The document of a call with ``--json``, which must be all of standard output."""
        called = self.call(*arguments, "--json")
        assert called.exit_code == status, called.output
        return json.loads(called.stdout)

    def deploy(self, name: str = "sluice", **outputs: str) -> None:
        self.cloudformation.create_stack(StackName=name, TemplateBody=template(**outputs))

    def claim(self, run_id: str, started_at: str, dataset: str = DATASET, **more: str) -> None:
        """A run that goes on, as the state machine writes it."""
        item = {
            "pk": f"RUN#{run_id}",
            "run_id": run_id,
            "status": "running",
            "dataset": dataset,
            "bucket": INBOX,
            "object_key": f"incoming/{dataset}/{run_id}.csv",
            "etag": "e",
            "sequencer": "1",
            "execution_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:pipeline:of-{run_id}",
            "started_at": started_at,
            **more,
        }
        self.dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})

    def finish(self, run_id: str, started_at: str, outcome: Outcome, request: RecordRequest = GOOD) -> None:
        """A run that ended, with its decision."""
        run = request.run.model_copy(
            update={
                "run_id": run_id,
                "started_at": started_at,
                "execution_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:pipeline:of-{run_id}",
            }
        )
        request = request.model_copy(update={"run": run, "outcome": outcome})
        result = close(request, started_at.replace(":00Z", ":30Z"), ARTIFACTS)
        more = {"status": outcome.value, "finished_at": result.finished_at, "result": result.model_dump_json()}
        self.claim(run_id, started_at, **more)
        decision = decide(request, None, None, result)
        self.s3.put_object(
            Bucket=ARTIFACTS, Key=RunLayout(DATASET, run_id).decision, Body=decision.model_dump_json().encode()
        )

    def crown(self, run_id: str, seen: str | None = None) -> None:
        new = Deployed(run_id, f"sluice-{DATASET}-{run_id}")
        crown_champion(self.dynamodb, TABLE, DATASET, new, seen, "2026-11-23T09:05:00+00:00")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An account without a stack."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "SLUICE_STACK", "SLUICE_LOCAL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        s3 = boto3.client("s3")
        for bucket in (INBOX, ARTIFACTS):
            s3.create_bucket(Bucket=bucket)
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "dataset", "started_at")
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_dataset",
                    "KeySchema": [
                        {"AttributeName": "dataset", "KeyType": "HASH"},
                        {"AttributeName": "started_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield World(dynamodb, s3, boto3.client("cloudformation"))


@pytest.fixture
def world(bare: World) -> World:
    """An account with a stack."""
    bare.deploy(**OUTPUTS)
    return bare


@dataclass(frozen=True)
class Sent:
    """What of an HTTP response is looked at."""

    status_code: int
    content: bytes


type Function = Callable[[dict[str, Any]], tuple[int, Any]]


@pytest.fixture
def answer(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[Function], None]:
    """Makes a function stand behind the function URLs: from the request's JSON to status and answer."""

    def stand(function: Function) -> None:
        def send(_: Any, request: Any) -> Sent:
            headers = {name.lower(): str(value) for name, value in request.headers.items()}
            world.posted.append((request.url, json.loads(request.body), headers))
            status, body = function(json.loads(request.body))
            content = body if isinstance(body, str) else json.dumps(body)
            return Sent(status, content.encode())

        monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
        monkeypatch.setattr("time.sleep", lambda _: None)

    return stand
