"""Two hundred uploads in one go: ``python -m benchmarks.burst`` at the repository's root.

Starts a local AWS of its own with the shipped template and runs one small table alone, several times: what the pipeline
takes beyond the training job is its overhead. Then it uploads all files at once, to several datasets, every seventh one
a file that must be refused, and follows until the last has ended. None may be lost, each must end as it should, and of
each dataset the newest good file must be live. Prints the ratios last.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil
from rich.console import Console

from benchmarks.measure import JobError
from benchmarks.validate import Ratio
from following.execution import executions
from local import cloud, run
from local.aws import Aws
from local.cloud import Options
from local.home import Home, LocalError
from sluice.documents import read_stored
from sluice.layout import config_key, incoming_key
from sluice.messages import Run

UPLOADS: Final = 200
DATASETS: Final = 20
ALONE: Final = 5
MAX_OVERHEAD_SECONDS: Final = 3.0
TRANSITION_USD: Final = 0.025 / 1000
"""Of a Standard workflow in us-east-1, from the public price page: USD for each state transition."""
_NO_WAITS, _SHORT_WAITS = 0.0, 0.1
"""What waits are multiplied by: at their shortest for one run; those that queue must not look all the time."""
_BAD: Final = 7
"""Every seventh file: no dataset has bad ones alone."""
_CONFIG: Final = json.dumps({"target": "label", "champion": {"policy": "ignore"}}).encode()
_HEADER: Final = "size,colour,label\n"
_PATIENCE_SECONDS: Final = 3600
_MISSED, _NO_RESULT = 1, 2


@dataclass(frozen=True)
class Burst:
    """What was measured. Seconds, unless it says otherwise.

    Attributes:
        alone: of a run from its upload to its end.
        overhead: of the same runs, without their training jobs from creation to end.
        all: from the first upload to the end of the last run.
        transitions: state transitions of each run, queueing included.
        outcomes: of the runs, by how often.
        wrong: what did not end as it should.
        peak_mib: memory of all processes of the local AWS that they share with nobody.
    """

    uploads: int
    alone: list[float]
    overhead: list[float]
    all: float
    transitions: list[int]
    outcomes: dict[str, int]
    wrong: list[str]
    peak_mib: float

    @property
    def each(self) -> float:
        return self.all / self.uploads


def judge(burst: Burst) -> list[Ratio]:
    """Holds what was measured to what is wanted."""
    share = burst.each / median(burst.alone)
    overhead = median(burst.overhead)
    right = burst.uploads - len(burst.wrong)
    price = median(burst.transitions) * TRANSITION_USD
    return [
        Ratio("a run's share of the burst vs one run alone", f"{share:.2f}", "no more than is known", None),
        Ratio("transitions of a run, median, and their price", f"{median(burst.transitions):.0f}, {price:.4f} USD",
              "no more than is known", None),
        Ratio("runs that ended as they should", f"{right} of {burst.uploads}", "all", not burst.wrong),
        Ratio("overhead above training, one small table, median", f"{overhead:.2f} s",
              f"below {MAX_OVERHEAD_SECONDS:g} s", overhead < MAX_OVERHEAD_SECONDS),
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--uploads", type=int, default=UPLOADS, help=f"files in one go ({UPLOADS})")
    parser.add_argument("--check", action="store_true", help=f"exit with {_MISSED} where a limit is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there, too")
    options = parser.parse_args(arguments)
    try:
        burst = measure(options.uploads)
    except (JobError, LocalError) as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT
    ratios = judge(burst)
    _print(burst)
    if options.json is not None:
        content = {**asdict(burst), "ratios": [vars(ratio) for ratio in ratios]}
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print("\n".join(map(str, ratios)))
    return _MISSED if options.check and any(ratio.met is False for ratio in ratios) else 0


def measure(uploads: int) -> Burst:
    """Starts, runs and stops all of it.

    Raises:
        LocalError: the local AWS did not come up.
        JobError: a run alone was not deployed, or the burst did not end.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
        home = Home(Path(folder))
        try:
            aws, outputs = run.start_and_deploy(
                home, Options(port=0, wait_scale=_NO_WAITS, pace=0.0, keep=False), Console(file=sys.stderr)
            )
            stack = _Stack(aws, outputs)
            stack.alone(-1)  # the first run starts the functions
            alone, overhead = zip(*(stack.alone(number) for number in range(ALONE)), strict=True)
            _scale_waits(aws, _SHORT_WAITS)
            with _peak_memory(home) as peak:
                return stack.burst(uploads, list(alone), list(overhead), peak)
        finally:
            with home.locked():
                cloud.stop(home)


@dataclass(frozen=True)
class _Stack:
    aws: Aws
    outputs: dict[str, str]

    def alone(self, number: int) -> tuple[float, float]:
        """Runs one small table; its seconds, and those without its training job."""
        started = time.perf_counter()
        before = set(executions(self.aws, self.outputs["StateMachineArn"]))
        self._upload(f"alone-{number}", "table.csv", _good(number))
        (arn,) = self._ended(before, 1)
        seconds = time.perf_counter() - started
        output = json.loads(self.aws.stepfunctions.describe_execution(executionArn=arn).get("output", "{}"))
        if output.get("outcome") != "deployed":
            raise JobError(f"a run alone was not deployed: {arn}")
        return seconds, seconds - self._training_seconds(output["run_id"])

    def _training_seconds(self, run_id: str) -> float:
        """From creation to end of the run's training jobs, the refit's among them."""
        listed = self.aws.sagemaker.list_training_jobs(NameContains=run_id)["TrainingJobSummaries"]
        if not listed:
            raise JobError(f"run {run_id} has no training job")
        return sum((job["TrainingEndTime"] - job["CreationTime"]).total_seconds() for job in listed)

    def burst(self, uploads: int, alone: list[float], overhead: list[float], peak: list[float]) -> Burst:
        files = [(f"burst-{number % DATASETS}", number) for number in range(uploads)]
        before = set(executions(self.aws, self.outputs["StateMachineArn"]))
        for dataset in {dataset for dataset, _ in files}:
            self._configure(dataset)
        started = time.perf_counter()
        with ThreadPoolExecutor(max_workers=32) as pool:
            list(pool.map(lambda file: self._put(file[0], f"{file[1]}.csv", _table(file[1])), files))
        arns = self._ended(before, uploads)
        seconds = time.perf_counter() - started
        runs = self._runs()
        return Burst(
            uploads,
            alone,
            overhead,
            seconds,
            [self._transitions(arn) for arn in arns],
            dict(Counter(status for status, _ in runs.values())),
            list(self._wrong(files, runs)),
            max(peak),
        )

    def _configure(self, dataset: str) -> None:
        self.aws.s3.put_object(Bucket=self.outputs["InboxBucketName"], Key=config_key(dataset), Body=_CONFIG)

    def _put(self, dataset: str, name: str, table: bytes) -> None:
        inbox = self.outputs["InboxBucketName"]
        self.aws.s3.put_object(Bucket=inbox, Key=incoming_key(dataset, name), Body=table)

    def _upload(self, dataset: str, name: str, table: bytes) -> None:
        self._configure(dataset)
        self._put(dataset, name, table)

    def _ended(self, before: set[str], count: int) -> list[str]:
        """The executions that were started since, once there are as many and all have ended."""
        stepfunctions, machine = self.aws.stepfunctions, self.outputs["StateMachineArn"]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            pages = stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=machine)
            found = [item for page in pages for item in page["executions"] if item["executionArn"] not in before]
            if len(found) >= count and all(item["status"] != "RUNNING" for item in found):
                return [item["executionArn"] for item in found]
            time.sleep(0.05 if count == 1 else 1)
        raise JobError(f"of {count} runs not all had ended after {_PATIENCE_SECONDS} s")

    def _runs(self) -> dict[str, tuple[str, Run]]:
        """Status and run by object key, of the burst."""
        pages = self.aws.dynamodb.get_paginator("scan").paginate(TableName=self.outputs["RunsTableName"])
        items = [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("RUN#")]
        runs = [(item["status"]["S"], read_stored(Run, item["run"]["S"])) for item in items]
        return {run.key: (status, run) for status, run in runs if run.dataset.startswith("burst-")}

    def _wrong(self, files: list[tuple[str, int]], runs: dict[str, tuple[str, Run]]) -> Iterator[str]:
        for dataset, number in files:
            status, _ = runs.get(incoming_key(dataset, f"{number}.csv"), ("lost", None))
            wanted = {"dataset_rejected"} if number % _BAD == 0 else {"deployed", "superseded"}
            if status not in wanted:
                yield f"{number}.csv ended as {status}"
        for dataset in {dataset for dataset, _ in files}:
            good = [run for status, run in runs.values() if run.dataset == dataset and status != "dataset_rejected"]
            item = self.aws.dynamodb.get_item(
                TableName=self.outputs["RunsTableName"], Key={"pk": {"S": f"DATASET#{dataset}"}}
            )["Item"]
            live = self.aws.sagemaker.describe_endpoint(EndpointName=f"sluice-{dataset}")
            newest = max(good, key=lambda run: run.data_at)
            if item["run_id"]["S"] != newest.run_id or live["EndpointConfigName"] != item["config_name"]["S"]:
                yield f"the newest good file of {dataset} is not live"

    def _transitions(self, arn: str) -> int:
        pages = self.aws.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
        return sum(event["type"].endswith("StateEntered") for page in pages for event in page["events"])


def _good(seed: int) -> bytes:
    """300 rows whose label the two features decide, but for every twentieth."""
    draw = random.Random(seed)  # noqa: S311
    lines = [_HEADER]
    for number in range(300):
        size, colour = draw.gauss(0, 1), draw.choice(["red", "green", "blue"])
        label = (size + (1.0 if colour == "red" else -0.5) > 0) ^ (number % 20 == 0)
        lines.append(f"{size:.4f},{colour},{'yes' if label else 'no'}\n")
    return "".join(lines).encode()


def _table(number: int) -> bytes:
    """Every seventh has a header and nothing else."""
    return _HEADER.encode() if number % _BAD == 0 else _good(number)


def _scale_waits(aws: Aws, scale: float) -> None:
    request = urllib.request.Request(  # noqa: S310  (the address is the local AWS's)
        f"{aws.endpoint_url}/_ministack/config",
        data=json.dumps({"stepfunctions._SFN_WAIT_SCALE": scale}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        if "stepfunctions._SFN_WAIT_SCALE" not in json.load(answer)["applied"]:
            raise JobError("MiniStack does not let its waits be scaled")


@contextmanager
def _peak_memory(home: Home) -> Iterator[list[float]]:
    """Samples of MiB that the processes of a local AWS have for themselves, functions included."""
    samples = [0.0]
    ending = threading.Event()
    roots = [process.pid for process in home.read().processes]

    def sample() -> None:
        while not ending.wait(1):
            samples.append(sum(_private_mib(pid) for pid in roots))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ending.set()
        thread.join()


def _private_mib(pid: int) -> float:
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_full_info().uss / 2**20
    except psutil.NoSuchProcess:
        pass  # it ended meanwhile
    return total


def _print(burst: Burst) -> None:
    print(f"{burst.uploads} files in one go, to {DATASETS} datasets; one alone {len(burst.alone)} times")
    rows: list[tuple[str, Any]] = [
        ("one run alone, from its upload to its end, median", f"{median(burst.alone):.2f} s"),
        ("all of the burst", f"{burst.all:.0f} s"),
        ("for each run of it", f"{burst.each:.2f} s"),
        ("memory at its peak", f"{burst.peak_mib:,.0f} MiB"),
        ("transitions of a run, least and most", f"{min(burst.transitions)} and {max(burst.transitions)}"),
        ("outcomes", ", ".join(f"{count} {outcome}" for outcome, count in sorted(burst.outcomes.items()))),
    ]
    for what, value in rows:
        print(f"  {what:<52}{value:>20}")
    for wrong in burst.wrong:
        print(f"  wrong: {wrong}")
    print()


if __name__ == "__main__":
    sys.exit(main())
