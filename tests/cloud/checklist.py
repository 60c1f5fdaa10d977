"""The checklist of docs/first-deployment.md, carried out by itself on a deployed stack.

Each step uses the command ``sluice`` as a person does, and boto3 to look at what came of it. It runs on a stack in AWS
(``make cloud-check STACK=name``) and on the local AWS, by which it is tested. Its datasets are its own; what costs is
removed by the last step.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli.connection import Connection, connect
from cli.stack import Stack, find_stack
from sluice.layout import captured_prefix
from sluice.names import alarm_names, endpoint_name

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = str(Path(sys.executable).with_name("sluice"))
SERVERLESS: Final = "cloud-check"
INSTANCE: Final = "cloud-check-instance"
HEADER: Final = ("size", "colour", "label")
ROWS: Final = 400
MAX_RUN_SECONDS: Final = 3600
"""Of a run that goes well, with an update by canary and its baking time."""


class CheckFailedError(AssertionError):
    """A step did not come to what the page says. The text says what came instead."""


@dataclass(frozen=True)
class Place:
    """Where the stack is.

    Attributes:
        environ: of the commands; credentials, region and, for the local AWS, its addresses are in it.
        patience_seconds: for what AWS does later by itself: logs, captured data.
    """

    stack_name: str
    environ: Mapping[str, str]
    patience_seconds: float = 900

    def connect(self) -> Connection:
        environ = dict(self.environ)
        return connect(
            environ.get("AWS_PROFILE"), environ.get("AWS_REGION"), environ.get("SLUICE_LOCAL") == "1", environ
        )


class Checklist:
    """The steps, in the order of the page. Each returns what was seen, in a few lines, or raises CheckFailedError."""

    def __init__(self, place: Place, folder: Path) -> None:
        self._place = place
        self._folder = folder
        self.connection = place.connect()
        self.stack: Stack = find_stack(self.connection.cloudformation, place.stack_name)
        self._nonce = uuid.uuid4().hex[:8]

    # ---------------------------------------------------------------- steps

    def stack_is_whole(self) -> Iterator[str]:
        """CloudFormation took the template: its rules, metric math, the composite alarm, the function URLs."""
        (found,) = self.connection.cloudformation.describe_stacks(StackName=self.stack.name)["Stacks"]
        yield f"stack {self.stack.name} is {found['StackStatus']}"
        expect(found["StackStatus"].endswith("_COMPLETE"), found["StackStatus"])
        ringing = self._ringing([])
        yield f"alarms of the stack that are on: {', '.join(ringing) or 'none'}"

    def first_model(self) -> Iterator[str]:
        """The default run: permissions of every function, the built-in algorithm, a serverless endpoint."""
        yield from self._deployed(SERVERLESS, {})

    def predictions(self) -> Iterator[str]:
        """The function URL takes a signed request, and the endpoint, which may have to start, answers."""
        rows = self._table("new.csv", 5, labelled=False)
        told = self._sluice("predict", SERVERLESS, rows)
        yield f"{len(told['predictions'])} predictions by run {', '.join(told['models'])}"
        expect(len(told["predictions"]) == 5, told)

    def second_model(self) -> Iterator[str]:
        """An update of a serverless endpoint. Whether AWS takes guards for it is in the function's log."""
        yield from self._deployed(SERVERLESS, {})
        unguarded = [line for line in self._log(f'"{self._last_run}"') if "takes no guards" in line]
        yield "the update went without guards" if unguarded else "the update was guarded, or there was no line about it"

    def misplaced_file(self) -> Iterator[str]:
        """EventBridge's filter, and a function that a rule calls."""
        # A folder gets one notice an hour: in this one nobody else waits for it.
        key = f"incomming-{self._nonce}/table.csv"
        self.connection.s3.put_object(Bucket=self.stack.inbox, Key=key, Body=b"a,b\n1,2\n")
        try:
            line = self._await(f"a log line about {key}", lambda: next(iter(self._log(f'"{key}"')), None))
        finally:
            self.connection.s3.delete_object(Bucket=self.stack.inbox, Key=key)
        yield json.loads(line)["reason"]

    def approval(self) -> Iterator[str]:
        """A task token that waits for a person, and who that was."""
        asked = self._sluice(
            "drop", self._table("asked.csv"), "--dataset", SERVERLESS, "--config", self._asking(), "--yes"
        )
        run = asked["run_id"]
        self._await(f"a question about run {run}", lambda: self._sluice("show", run)["waits_for_approval_until"])
        self._sluice("approve", run, "--comment", "cloud check")
        status = self._await(f"the end of run {run}", lambda: self._ended(run))
        yield f"run {run} was approved by {self.connection.caller()} and ended: {status}"
        expect(status == "deployed", status)

    def instance_with_autoscaling(self) -> Iterator[str]:
        """Application Auto Scaling probes the caller's rights and makes its role; data capture; alarms."""
        yield from self._deployed(INSTANCE, self._instances())
        yield from self._scaled()

    def captured_requests(self) -> Iterator[str]:
        """SageMaker writes requests and answers into the artifact bucket."""
        self._sluice("predict", INSTANCE, self._table("captured.csv", 5, labelled=False))
        prefix = captured_prefix(INSTANCE)

        def first() -> str | None:
            listed = self.connection.s3.list_objects_v2(Bucket=self.stack.artifacts, Prefix=prefix, MaxKeys=1)
            return next((item["Key"] for item in listed.get("Contents", [])), None)

        yield f"captured: {self._await(f'an object below {prefix}', first)}"

    def guarded_update(self) -> Iterator[str]:
        """A blue/green update of a scaled variant under its alarms."""
        yield from self._deployed(INSTANCE, self._instances())
        yield from self._scaled()
        ringing = self._ringing(list(alarm_names(self._endpoint(INSTANCE))))
        yield f"alarms of the endpoint that are on: {', '.join(ringing) or 'none'}"
        expect(not ringing, ringing)

    def retire(self) -> Iterator[str]:
        """Endpoints go, scalable targets first. Nothing of the check costs after this."""
        for dataset in (INSTANCE, SERVERLESS):
            if self._exists(dataset):
                self._sluice("retire", dataset, "--yes")
                yield f"retired {dataset}"
            expect(not self._exists(dataset), f"{self._endpoint(dataset)} is still there")
        expect(not self._targets(), self._targets())
        yield "no endpoint and no scalable target of the check is left"

    # ---------------------------------------------------------------- what they share

    _last_run = ""

    def _deployed(self, dataset: str, config: Mapping[str, Any]) -> Iterator[str]:
        started = time.monotonic()
        told = self._sluice(
            "drop", self._table(f"{uuid.uuid4().hex[:8]}.csv"), "--dataset", dataset, "--config",
            self._config(config), "--yes", "--follow", fails_with=(1,),
        )  # fmt: skip
        self._last_run = told["run_id"]
        yield f"run {told['run_id']}: {told['outcome']} after {time.monotonic() - started:.0f} s"
        expect(told["outcome"] == "deployed", "; ".join(told["reasons"]) or told)
        yield f"log loss {told['metrics']['log_loss']:.3f}; the baseline's is {told['metrics']['prior_log_loss']:.3f}"

    def _config(self, sections: Mapping[str, Any]) -> Path:
        # These tables are too small to prove a model better; the point is the update.
        file = self._folder / "config.yaml"
        always = {"target": "label", "champion": {"policy": "ignore"}, "hyperparameters": {"num_round": 30}}
        file.write_text(json.dumps({**always, **sections}))
        return file

    def _asking(self) -> Path:
        return self._config({"approval": {"required": True}})

    def _instances(self) -> dict[str, Any]:
        return {"endpoint": {"kind": "instance", "autoscaling": {"max": 2}, "data_capture": {"share": 1}}}

    def _table(self, name: str, rows: int = ROWS, *, labelled: bool = True) -> Path:
        draw = random.Random(uuid.uuid4().hex)  # noqa: S311
        file = self._folder / name
        with file.open("w", encoding="utf-8", newline="") as stream:
            write = csv.writer(stream)
            write.writerow(HEADER if labelled else HEADER[:-1])
            for _ in range(rows):
                size, colour = draw.gauss(0, 1), draw.choice(["red", "green", "blue"])
                label = (size + (1.0 if colour == "red" else -0.5) > 0) ^ (draw.random() < 0.05)
                write.writerow([round(size, 4), colour, *(["yes" if label else "no"] if labelled else [])])
        return file

    def _sluice(self, *arguments: str | Path, fails_with: tuple[int, ...] = ()) -> Any:
        """What the command says in JSON."""
        called = subprocess.run(
            [COMMAND, "--stack", self.stack.name, *map(str, arguments), "--json"],
            cwd=ROOT,
            env=dict(self._place.environ),
            capture_output=True,
            text=True,
            timeout=MAX_RUN_SECONDS,
            check=False,
        )
        if called.returncode not in (0, *fails_with) or not called.stdout.strip():
            raise CheckFailedError(f"sluice {arguments[0]}: exit status {called.returncode}: {called.stderr.strip()}")
        return json.loads(called.stdout)

    def _await[Found](self, what: str, look: Callable[[], Found | None]) -> Found:
        deadline = time.monotonic() + self._place.patience_seconds
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise CheckFailedError(f"{what} did not come within {self._place.patience_seconds:.0f} s")
            time.sleep(self.connection.poll_seconds)
        return found

    def _ended(self, run: str) -> str | None:
        shown = self._sluice("show", run)
        return str(shown["outcome"]) if shown["finished_at"] else None

    def _log(self, pattern: str) -> list[str]:
        since = datetime.now(UTC).timestamp() - MAX_RUN_SECONDS
        pages = self.connection.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/sluice/{self.stack.name}/functions", filterPattern=pattern, startTime=int(since * 1000)
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        return [line for line in lines if line.startswith("{")]

    def _ringing(self, names: list[str]) -> list[str]:
        """Alarms that are on: those with these names, or of the stack."""
        asked: dict[str, Any] = {"AlarmNames": names} if names else {"AlarmNamePrefix": f"{self.stack.name}-"}
        found = self.connection.client("cloudwatch").describe_alarms(
            **asked, StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        return sorted(
            alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found.get(kind, [])
        )

    def _endpoint(self, dataset: str) -> str:
        return endpoint_name(self.stack.prefix, dataset)

    def _exists(self, dataset: str) -> bool:
        name = self._endpoint(dataset)
        listed = self.connection.client("sagemaker").list_endpoints(NameContains=name)["Endpoints"]
        return any(found["EndpointName"] == name for found in listed)

    def _targets(self) -> list[str]:
        endpoint = f"endpoint/{self._endpoint(INSTANCE)}/"
        pages = (
            self.connection.client("application-autoscaling")
            .get_paginator("describe_scalable_targets")
            .paginate(ServiceNamespace="sagemaker")
        )
        found = (target["ResourceId"] for page in pages for target in page["ScalableTargets"])
        return [resource for resource in found if resource.startswith(endpoint)]

    def _scaled(self) -> Iterator[str]:
        targets = self._targets()
        yield f"scalable targets: {', '.join(targets) or 'none'}"
        expect(len(targets) == 1, targets)


def expect(holds: bool, otherwise: object) -> None:
    """
    Raises:
        CheckFailedError: it does not hold.
    """
    if not holds:
        raise CheckFailedError(str(otherwise))


STEPS: Final = (
    "stack_is_whole", "first_model", "predictions", "second_model", "misplaced_file", "approval",
    "instance_with_autoscaling", "captured_requests", "guarded_update", "retire",
)  # fmt: skip
"""In the order of the page."""


def local_environment(state_dir: Path) -> dict[str, str]:
    """An environment in which the commands go to the local AWS of a state folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))}
    return {**kept, "SLUICE_STATE_DIR": str(state_dir), "SLUICE_LOCAL": "1"}
