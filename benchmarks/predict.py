"""What the predict function adds to the endpoint's own time: ``python -m benchmarks.predict`` at the repository's root.

Starts a local AWS of its own, deploys the shipped template, has the pipeline deploy a model, and then asks for one
record in turns: the predict function by its URL, the endpoint for the same row, and a function that does no more than
write a line of log, which shows what of the difference is the laptop's way to any function. A second model keeps each
request: what that adds is told, too. An IAM user asks, as on AWS: only the local root user goes unchecked. Prints the
differences last.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from rich.console import Console

from benchmarks.measure import JobError
from benchmarks.signed_url import ROOT, SignedUrl
from benchmarks.validate import Ratio
from following.dropping import check_drop
from following.execution import follow
from following.result import run_result
from local import cloud, run
from local.aws import REGION, Aws
from local.cloud import Options
from local.demo import DEMOS
from local.home import Home, LocalError
from sluice.layout import CONFIG_FILE, RunLayout
from sluice.messages import Outcome, RunResult

MAX_ADDED_MS: Final = 15.0
ROUNDS: Final = 300
WARM_UP: Final = 20
TARGET: Final = DEMOS["classification"].target
DATASET: Final = "predict-benchmark"
KEPT: Final = "predict-benchmark-kept"
"""Its config.yaml has each request kept."""
_MISSED, _NO_RESULT = 1, 2

# MiniStack waits 50 ms for the log of a function that writes none.
_NOTHING: Final = "def handler(event, context):\n    print('asked')\n    return {'statusCode': 200, 'body': '{}'}\n"
_MAY_ASK: Final = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction", "sagemaker:InvokeEndpoint"]


@dataclass(frozen=True)
class Times:
    """Milliseconds of each request, by round."""

    predict: list[float]
    kept: list[float]
    endpoint: list[float]
    nothing: list[float]

    def added(self) -> float:
        return median(self.predict) - median(self.endpoint)

    def added_by_keeping(self) -> float:
        return median(self.kept) - median(self.predict)


def judge(times: Times) -> list[Ratio]:
    """Holds what was measured to what is wanted."""
    floor = median(times.nothing)
    return [
        Ratio("a function that does nothing but log, by its URL", f"{floor:.1f} ms", "no more than is known", None),
        Ratio(
            "predict function less endpoint, one record, median",
            f"{times.added():.1f} ms",
            f"at most {MAX_ADDED_MS:g} ms",
            times.added() <= MAX_ADDED_MS,
        ),
        # Lambda sends the answer first; the local AWS cannot, see docs/local-aws.md.
        Ratio(
            "what keeping the request adds if it is written before the answer, one record, median",
            f"{times.added_by_keeping():.1f} ms",
            "nothing on AWS, which writes it after the answer",
            None,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.predict",
        description="Measures what the predict function adds to the endpoint's own answer, on a warm local stack.",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"requests of each kind, in turns ({ROUNDS})")
    parser.add_argument("--check", action="store_true", help=f"exit with {_MISSED} where the limit is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there, too")
    options = parser.parse_args(arguments)
    try:
        times = measure(options.rounds)
    except (JobError, LocalError) as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT
    _print(times)
    ratios = judge(times)
    if options.json is not None:
        content = {"milliseconds": vars(times), "ratios": [vars(ratio) for ratio in ratios]}
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print("\n".join(map(str, ratios)))
    return _MISSED if options.check and any(ratio.met is False for ratio in ratios) else 0


def measure(rounds: int) -> Times:
    """Deploys and asks.

    Raises:
        LocalError: the local AWS did not come up.
        JobError: no model was deployed, or something else than 200 came back.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
        home = Home(Path(folder) / "aws")
        try:
            aws, outputs = run.start_and_deploy(
                home, Options(port=0, wait_scale=0.01, keep=False), Console(file=sys.stderr)
            )
            result = _deploy_model(aws, outputs, Path(folder))
            _deploy_model(aws, outputs, Path(folder), KEPT)
            user = _user(aws)
            with (
                SignedUrl(outputs["PredictUrl"], aws.endpoint_url, user) as predict,
                SignedUrl(_function_that_does_nothing(aws), aws.endpoint_url, user) as nothing,
            ):
                return _in_turns(_questions(aws, outputs, result, user, predict, nothing), rounds)
        finally:
            with home.locked():
                cloud.stop(home)


def _deploy_model(aws: Aws, outputs: dict[str, str], folder: Path, dataset: str = DATASET) -> RunResult:
    config = folder / CONFIG_FILE
    config.write_text(f"target: {TARGET}\npredictions: {{log_share: {int(dataset == KEPT)}}}\n", encoding="utf-8")
    call = check_drop(DEMOS["classification"].write(folder), dataset, config)
    *_, ended = follow(aws, run.drop(aws, outputs, call))
    result = run_result(ended)
    if result is None or result.outcome is not Outcome.DEPLOYED or result.endpoint is None:
        raise JobError(f"no model was deployed: {ended.cause or ended.status}")
    return result


def _client(service: Any, endpoint_url: str, credentials: Credentials = ROOT) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(proxies={}),
    )


def _user(aws: Aws) -> Credentials:
    """Makes an IAM user who may ask."""
    iam = _client("iam", aws.endpoint_url)
    iam.create_user(UserName="asks")
    statement = {"Effect": "Allow", "Action": _MAY_ASK, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="asks", PolicyName="may-ask", PolicyDocument=policy)
    key = iam.create_access_key(UserName="asks")["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def _function_that_does_nothing(aws: Aws) -> str:
    """Makes one with a function URL of the same kind. Returns its URL."""
    client = _client("lambda", aws.endpoint_url)
    listed = client.list_functions()["Functions"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", _NOTHING)
    client.create_function(
        FunctionName="nothing",
        Runtime="python3.13",
        Handler="app.handler",
        Role=next(function["Role"] for function in listed if "PredictFunction" in function["FunctionName"]),
        Code={"ZipFile": code.getvalue()},
    )
    url: str = client.create_function_url_config(FunctionName="nothing", AuthType="AWS_IAM")["FunctionUrl"]
    return url


def _questions(
    aws: Aws, outputs: dict[str, str], result: RunResult, user: Credentials, predict: SignedUrl, nothing: SignedUrl
) -> dict[str, Callable[[], None]]:
    """The same held-out row, asked in each way."""
    layout = RunLayout(result.dataset, result.run_id)
    bucket = outputs["ArtifactBucketName"]
    runtime = _client("sagemaker-runtime", aws.sagemaker_url, user)

    def first_lines(key: str, count: int) -> list[str]:
        return aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()[:count]

    header, cells = (line.split(",") for line in first_lines(layout.held_out_rows, 2))
    record = json.dumps({name: _number(cell) for name, cell in zip(header, cells, strict=True) if name != TARGET})
    row = first_lines(layout.part_file("test"), 1)[0].partition(",")[2].encode()
    endpoint = result.endpoint.name if result.endpoint else ""

    def ask(url: SignedUrl, path: str) -> None:
        reply = url.ask(path, record)
        if reply.status != 200:
            raise JobError(f"{path or 'the function that does nothing'} answered {reply.status}: {reply.text}")

    def ask_endpoint() -> None:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=row)[
            "Body"
        ].read()

    return {
        "predict": lambda: ask(predict, DATASET),
        "kept": lambda: ask(predict, KEPT),
        "endpoint": ask_endpoint,
        "nothing": lambda: ask(nothing, ""),
    }


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _in_turns(questions: dict[str, Callable[[], None]], rounds: int) -> Times:
    taken: dict[str, list[float]] = {name: [] for name in questions}
    for number in range(WARM_UP + rounds):
        for name, ask in questions.items():
            start = time.perf_counter()
            ask()
            milliseconds = (time.perf_counter() - start) * 1000
            if number >= WARM_UP:
                taken[name].append(milliseconds)
    return Times(**taken)


def _print(times: Times) -> None:
    print(f"one record of 30 columns, {len(times.predict)} requests of each kind in turns, milliseconds")
    print(f"  {'who is asked':<44}{'median':>10}{'p90':>10}")
    titles = {
        "predict": "predict function, by its URL",
        "kept": "predict function that keeps the request",
        "endpoint": "endpoint, the same row",
        "nothing": "function that does nothing but log, by its URL",
    }
    for name, title in titles.items():
        values = getattr(times, name)
        print(f"  {title:<44}{median(values):>10.1f}{quantiles(values, n=10)[-1]:>10.1f}")
    print()


if __name__ == "__main__":
    sys.exit(main())
