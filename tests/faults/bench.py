"""A local AWS with the shipped stack, a wire before its functions, and a queue that hears what people are told."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from local import cloud, stack
from local.aws import ACCOUNT, REGION, Aws
from local.cloud import Options
from local.home import Home
from local.sagemaker.authorization import lambda_access_key
from local.sagemaker.faults import Faults
from local.stack import SHIPPED, STACK_NAME
from sluice.layout import INCOMING, config_key
from sluice.runs.aws.reconciliation import PATIENCE
from tests.wire import grants
from tests.wire.calls import Call
from tests.wire.wire import Fault, Wire

END_SECONDS: Final = 180.0
_PROBES_A_SECOND: Final = 10
_LONG: Final = PATIENCE + timedelta(minutes=5)


@dataclass(frozen=True, order=True)
class Point:
    """A call of a good run: the n-th of its kind.

    Attributes:
        subject: what the call is about, with RUN, DATASET and the like for the names that differ from run to run.
    """

    function: str
    call: str
    subject: str
    nth: int = 1


@dataclass(frozen=True)
class Upload:
    """An object version in the inbox, and the event that S3 told of it."""

    dataset: str
    event: dict[str, Any]

    @property
    def run_id(self) -> str:
        """As the state machine's first state makes it."""
        found = self.event["detail"]
        named = "|".join((found["bucket"]["name"], found["object"]["key"], found["object"]["version-id"]))
        return hashlib.sha256(named.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Ended:
    """How an execution ended."""

    arn: str
    status: str
    error: str | None
    cause: str
    output: dict[str, Any]

    @property
    def outcome(self) -> str:
        """``deployed``, ``duplicate`` or the name of the Fail state."""
        return str(self.output.get("outcome", self.error or self.status))


@dataclass
class Watch:
    """What went over the wire during one case, and the fault that it was given.

    Attributes:
        points: in the order of their first calls.
        made: how often a call was answered well, by its name.
    """

    names: dict[str, str]
    armed: tuple[Point, Fault] | None = None
    points: list[Point] = field(default_factory=list)
    made: Counter[str] = field(default_factory=Counter)
    struck: int = 0
    _counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)


POLLING: Final = frozenset({"CheckTraining", "CheckEndpoint", "RestoreEndpoint"})
"""These look until something is done; how often depends on how fast it is."""
ASKED_BY_A_PERSON: Final = "DecideApproval"
"""A person calls it, and calls again."""
_THROTTLED_TIMES: Final = 2
"""Throttling passes, but not at once."""


def _nobody(_call: Call, _status: int | None) -> None:
    """Records nothing."""


class Bench:
    """Use as a context manager; starting takes half a minute."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.wire = Wire()

    def __enter__(self) -> Bench:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self.home.locked():
            cloud.stop(self.home)
        self.wire.close()

    def _start(self) -> None:
        with self.home.locked():
            state = cloud.start(self.home, Options(port=0, wait_scale=0.0, pace=0.0, wire=self.wire.urls, keep=False))
            self.wire.connect(state.endpoint_url, state.sagemaker_url)
            self.outputs = stack.deploy(self.home, lambda said: print(said, file=sys.stderr))
        self.aws = Aws.of(state)
        self.faults = Faults(self.aws.sagemaker_url)
        self._lighten_layers()
        self.functions = self._functions()
        record = os.environ.get(grants.VARIABLE)
        self._recorder = grants.recorder(Path(record), self.client, STACK_NAME) if record else _nobody
        self.wire.witness = self._recorder
        self._events_are_ours()
        self._queue = self._subscribe()

    @cached_property
    def client(self) -> Callable[[str], Any]:
        return grants.clients(self.aws.endpoint_url)

    @cached_property
    def cloudwatch(self) -> Any:
        return self.client("cloudwatch")

    @cached_property
    def sqs(self) -> Any:
        return self.client("sqs")

    @cached_property
    def lambdas(self) -> Any:
        return self.client("lambda")

    def _lighten_layers(self) -> None:
        """Leaves the project's own packages in the layers; the others come from the same environment as ever.

        MiniStack ends a function's process after each fault and unpacks 200 MB for the next one.
        """
        light: dict[str, str] = {}
        for page in self.lambdas.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                arns = [layer["Arn"].rpartition(":")[0] for layer in function["Layers"]]
                for arn in set(arns) - light.keys():
                    light[arn] = self._publish_own_packages(arn)
                layers = [light[arn] for arn in arns]
                self.lambdas.update_function_configuration(FunctionName=function["FunctionName"], Layers=layers)

    def _publish_own_packages(self, layer: str) -> str:
        kind = layer.rpartition("-")[2]
        folder = SHIPPED.build / f"{kind.title()}Layer" / "python"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name in ("sluice", "tabular", "scoring", "plotting"):
                for file in sorted((folder / name).rglob("*")):
                    archive.write(file, f"python/{file.relative_to(folder)}")
        content = {"ZipFile": packed.getvalue()}
        published = self.lambdas.publish_layer_version(LayerName=layer.rpartition(":")[2], Content=content)
        return str(published["LayerVersionArn"])

    def _functions(self) -> dict[str, tuple[str, str]]:
        """Name in the template and ARN of the role, by access key."""
        found = {}
        for page in self.lambdas.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                name = re.sub(r"^.*?-(\w+)Function-.*$", r"\1", function["FunctionName"])
                found[lambda_access_key(function["FunctionArn"], function["Role"])] = (name, function["Role"])
        return found

    def function_arn(self, name: str) -> str:
        pages = self.lambdas.get_paginator("list_functions").paginate()
        return next(
            str(function["FunctionArn"])
            for page in pages
            for function in page["Functions"]
            if f"-{name}Function-" in function["FunctionName"]
        )

    def _events_are_ours(self) -> None:
        """The harness delivers events itself: as often, as late and in the order that a case wants."""
        events = self.client("events")
        for rule in events.list_rules()["Rules"]:
            events.disable_rule(Name=rule["Name"])

    def _subscribe(self) -> str:
        sqs, sns = self.sqs, self.client("sns")
        queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=self.outputs["OutcomeTopicArn"], Protocol="sqs", Endpoint=arn)
        return str(queue)

    def notices(self) -> list[str]:
        """The subjects and texts that people were told since the last call."""
        told: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                body = json.loads(message["Body"])
                told.append(f"{body.get('Subject')}\n{body['Message']}")
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return told

    def upload(self, dataset: str, table: bytes, config: dict[str, Any], name: str = "table.csv") -> Upload:
        """Puts a table into the inbox. Nothing starts until its event is delivered."""
        inbox, key = self.outputs["InboxBucketName"], f"{INCOMING}{dataset}/{name}"
        self.aws.s3.put_object(Bucket=inbox, Key=config_key(dataset), Body=json.dumps(config).encode())
        put = self.aws.s3.put_object(Bucket=inbox, Key=key, Body=table)
        detail = {
            "bucket": {"name": inbox},
            "object": {
                "key": key,
                "size": len(table),
                "etag": put["ETag"].strip('"'),
                "version-id": put["VersionId"],
                "sequencer": f"{time.time_ns():018X}",
            },
        }
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Upload(dataset, {"source": "aws.s3", "detail-type": "Object Created", "time": at, "detail": detail})

    def start(self, upload: Upload) -> str:
        """Delivers an upload's event, as EventBridge does."""
        machine = self.outputs["StateMachineArn"]
        started = self.aws.stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps(upload.event))
        return started["executionArn"]

    def deliver(self, upload: Upload, meanwhile: Callable[[], None] = lambda: None) -> Ended:
        """Delivers an upload's event and waits for the end of what it started.

        Args:
            meanwhile: called again and again until then.
        """
        return self.follow(self.start(upload), meanwhile)

    def follow(self, arn: str, meanwhile: Callable[[], None] = lambda: None) -> Ended:
        deadline = time.monotonic() + END_SECONDS
        while (found := self.aws.stepfunctions.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                self.aws.stepfunctions.stop_execution(executionArn=arn)
                return Ended(arn, "HUNG", None, f"it did not end within {END_SECONDS:.0f} s", {})
            meanwhile()
            time.sleep(0.05)
        output = json.loads(found["output"]) if found.get("output") else {}
        return Ended(arn, found["status"], found.get("error"), found.get("cause", ""), output)

    def item(self, key: str) -> dict[str, Any]:
        table = self.outputs["RunsTableName"]
        return dict(self.aws.dynamodb.get_item(TableName=table, Key={"pk": {"S": key}}).get("Item", {}))

    def artifact(self, key: str) -> Any:
        return json.loads(self.text(key))

    def text(self, key: str) -> str:
        body = self.aws.s3.get_object(Bucket=self.outputs["ArtifactBucketName"], Key=key)["Body"]
        return body.read().decode()

    def invoke(self, function: str, event: dict[str, Any]) -> None:
        """Calls a function by itself, as its schedule does."""
        answer = self.lambdas.invoke(FunctionName=self.function_arn(function), Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()

    def person(self, upload: Upload) -> Callable[[], None]:
        """Who approves the upload's model once its run waits for that, and says so again until it is heard."""
        body = json.dumps({"run_id": upload.run_id, "decision": "approved"})
        event = json.dumps({"requestContext": {"http": {"method": "POST"}}, "body": body})
        heard = False

        def look() -> None:
            nonlocal heard
            if heard or not self.item(f"APPROVAL#{upload.run_id}"):
                return
            answer = self.lambdas.invoke(FunctionName=self.function_arn(ASKED_BY_A_PERSON), Payload=event)
            said = json.loads(answer["Payload"].read())
            heard = "FunctionError" not in answer and said["statusCode"] == 200

        return look

    def reconcile(self) -> None:
        """A round of the reconciliation, as of a time when whatever has ended did so long ago."""
        self.invoke("Reconcile", {"time": f"{datetime.now(UTC) + _LONG:%Y-%m-%dT%H:%M:%SZ}"})

    @contextmanager
    def watched(self, upload: Upload, armed: tuple[Point, Fault] | None = None) -> Iterator[Watch]:
        """Notes the calls of functions, and does to the armed one what it says."""
        watch = Watch({key: name for key, (name, _) in self.functions.items()}, armed)
        normal = Normal(upload, self.outputs)

        def judge(call: Call) -> Fault | None:
            function, subject = watch.names.get(call.caller, "?"), normal(call.subject)
            key = (function, call.name, subject)
            with watch._lock:
                watch._counts[key] += 1
                nth = watch._counts[key]
                point = Point(*key, nth)
                if nth == 1 or function not in POLLING:
                    watch.points.append(point)
                if watch.armed is None:
                    return None
                at, fault = watch.armed
                # A run that waits for a person waits for as long as that person is refused.
                refused = 1 if function == ASKED_BY_A_PERSON else sys.maxsize
                times = {Fault.REFUSED: refused, Fault.THROTTLED: _THROTTLED_TIMES}.get(fault, 1)
                if key != (at.function, at.call, at.subject) or not at.nth <= nth < at.nth + times:
                    return None
                watch.struck += 1
                return fault

        def witness(call: Call, status: int | None) -> None:
            self._recorder(call, status)
            if status is not None and status < 300:
                with watch._lock:
                    watch.made[call.name] += 1

        self.wire.judge, self.wire.witness = judge, witness
        try:
            yield watch
        finally:
            self.wire.judge, self.wire.witness = (lambda _call: None), self._recorder

    @contextmanager
    def probed(self, endpoint: str, row: str) -> Iterator[list[str]]:
        """Asks an endpoint at a steady pace. Gives the errors that it answered with."""
        errors: list[str] = []
        ending = threading.Event()

        def ask() -> None:
            while not ending.wait(1 / _PROBES_A_SECOND):
                try:
                    self.answer(endpoint, row)
                except ClientError as error:
                    errors.append(str(error))

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield errors
        finally:
            ending.set()
            thread.join()

    def answer(self, endpoint: str, row: str) -> float:
        answered = self.aws.sagemaker_runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=row)
        return float(answered["Body"].read())


class Normal:
    """Puts placeholders for what differs from run to run."""

    def __init__(self, upload: Upload, outputs: dict[str, str]) -> None:
        table = outputs["RunsTableName"]
        self._fixed = [
            (outputs["InboxBucketName"], "INBOX"),
            (outputs["ArtifactBucketName"], "ARTIFACTS"),
            (outputs["OutcomeTopicArn"], "TOPIC"),
            (f"arn:aws:states:{REGION}:{ACCOUNT}:", ""),
            (f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:", ""),
            (table, "TABLE"),
            (upload.run_id, "RUN"),
        ]
        self._dataset = re.compile(rf"(?<![a-z0-9]){re.escape(upload.dataset)}(?![a-z0-9])")

    def __call__(self, subject: str) -> str:
        for text, placeholder in self._fixed:
            subject = subject.replace(text, placeholder)
        subject = self._dataset.sub("DATASET", subject)
        subject = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "ID", subject)
        subject = re.sub(r"execution:.*", "EXECUTION", subject)
        return re.sub(r"(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])", "OTHER", subject)
