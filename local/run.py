"""The main job from a file on this machine: start what is not up, deploy, drop, follow, tell the result."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import time
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml
from botocore.exceptions import ClientError
from rich.console import Console
from rich.text import Text

from following.execution import NotStartedError, Snapshot, await_execution, executions, follow
from following.progress import Progress
from following.report import print_report
from following.result import failure_json, result_json, run_result, validation_result
from local import cloud, stack
from local.aws import Aws
from local.cloud import Options
from local.home import Home, LocalError
from local.table import read_header
from sluice.dataset.config import ConfigError, parse_config
from sluice.endpoint.requests import parse_scores
from sluice.layout import config_key, incoming_key, is_report, runs_prefix, split_uri, uri
from sluice.messages import Outcome, RunResult, ValidationResult
from sluice.names import dataset_name, default_folder
from sluice.wording import one_line

DEPLOYED: Final = 0
NOT_DEPLOYED: Final = 1
WRONG_CALL: Final = 2

_TEST_HEAD_BYTES: Final = 1 << 20
_REPORTS: Final = (
    "validation",
    "rejected_rows",
    "contract",
    "recipe",
    "config",
    "evaluation",
    "decision",
    "outcome",
    "report",
)
_NAMES_SHOWN: Final = 40
_NAME_SHOWN: Final = 60


class WrongCallError(Exception):
    """The call cannot be done as it stands. Nothing has been started."""


@dataclass(frozen=True)
class Call:
    """A checked call: the table, the folder below ``incoming/`` that it goes to, and the dataset's configuration."""

    table: Path
    folder: str
    config: str
    json_path: Path | None

    @property
    def dataset(self) -> str:
        return dataset_name(self.folder)

    @property
    def key(self) -> str:
        return incoming_key(self.folder, self.table.name)


def check_call(
    table: Path, target: str, dataset: str | None = None, config: Path | None = None, json_path: Path | None = None
) -> Call:
    """Checks a call before anything is started.

    Raises:
        WrongCallError: the table, its target column or the configuration is not there or cannot be used.
    """
    try:
        header = read_header(table)
    except OSError as error:
        raise WrongCallError(f"{table}: {error.strerror or error}") from error
    if header is not None and target not in header:
        raise WrongCallError(_no_such_column(table, target, header))
    folder = dataset if dataset is not None else default_folder(table.name)
    if not folder or "/" in folder or folder != folder.strip():
        raise WrongCallError(f"--dataset {folder!r}: expected a name for a folder, such as churn")
    if json_path and not json_path.parent.is_dir():
        raise WrongCallError(f"--json {json_path}: there is no folder {json_path.parent}")
    return Call(table, folder, _config_with_target(config, target), json_path)


def _no_such_column(table: Path, target: str, header: list[str]) -> str:
    near = next((name for name in header if name.lower() == target.lower()), None)
    near = near or next(iter(get_close_matches(target, header, n=1)), None)
    hint = f"; did you mean `{near}`?" if near else ""
    shown = ", ".join(f"`{name[:_NAME_SHOWN]}`" for name in header[:_NAMES_SHOWN])
    more = f" and {len(header) - _NAMES_SHOWN} more" if len(header) > _NAMES_SHOWN else ""
    listed = shown.encode("unicode_escape").decode("ascii") if not shown.isprintable() else shown
    return f"{table}: there is no column `{target}`{hint} The columns are {listed}{more}."


def run(home: Home, call: Call, options: Options, console: Console, keep: Path | None = None) -> int:
    """Does the main job.

    Args:
        keep: a folder for copies of the reports, where the local AWS will be gone before they are read.

    Returns:
        Exit status: 0 deployed, 1 not deployed, whatever the reason; the reasons are on standard error.
    """
    started = time.monotonic()
    try:
        result, recorded, validation = _run(home, call, options, console, started)
    except LocalError as error:
        result, recorded, validation = failure_json(call.dataset, str(error), time.monotonic() - started), None, None
    if call.json_path:
        call.json_path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    shown, page = result, None
    if result["artifacts"]:
        aws = Aws.of(home.read())
        if keep:
            shown = {**result, "artifacts": keep_reports(aws, result["artifacts"], keep)}
            page = shown["artifacts"].get("report")
        else:
            page = page_url(aws, result["artifacts"].get("report"))
    print_report(console, shown, recorded, validation, page)
    if result["outcome"] == Outcome.DEPLOYED:
        return DEPLOYED
    for reason in result["reasons"]:
        print(one_line(reason), file=sys.stderr)
    return NOT_DEPLOYED


def keep_reports(aws: Aws, artifacts: dict[str, str], folder: Path) -> dict[str, str]:
    """Copies the reports of a run into ``folder``, which holds those of the last run only. Returns path by name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kept: dict[str, str] = {}
    for name, (bucket, key) in {name: split_uri(artifacts[name]) for name in _REPORTS if name in artifacts}.items():
        path = folder / Path(key).name
        try:
            aws.s3.download_file(bucket, key, str(path))
        except ClientError:
            if name != "report":  # the page alone may be missing: no run fails for it
                raise
            continue
        kept[name] = str(path)
    return kept


def page_url(aws: Aws, s3_uri: str | None) -> str | None:
    """Where a browser finds a run's page for an hour; None where there is none."""
    if s3_uri is None:
        return None
    bucket, key = split_uri(s3_uri)
    try:
        aws.s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return None
    return aws.s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)


def newest_page(home: Home, dataset: str) -> str:
    """The address of the page of a dataset's newest run.

    Raises:
        LocalError: the local AWS is down, or the dataset has no page.
    """
    state = home.read()
    if not cloud.is_up(state):
        raise LocalError("the local AWS is down; start it with: make local")
    aws = Aws.of(state)
    bucket = (stack.stack_outputs(aws) or {}).get("ArtifactBucketName", "")
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=runs_prefix(dataset))
    found = [item for page in pages for item in page.get("Contents", []) if is_report(item["Key"])]
    if not found:
        raise LocalError(f"dataset {dataset} has no page yet; it is drawn when a run has ended")
    newest = max(found, key=lambda item: item["LastModified"])
    return page_url(aws, uri(bucket, newest["Key"])) or ""


def start_and_deploy(home: Home, options: Options, console: Console) -> tuple[Aws, dict[str, str]]:
    """The local AWS, up and with the current stack, and the stack's outputs."""

    def say(text: str) -> None:
        console.print(Text(text, style="dim"), soft_wrap=not console.is_terminal)

    with home.locked():
        if not cloud.is_up(home.read()):
            say("starting the local AWS ...")
        state = cloud.start(home, options)
        outputs = stack.deploy(home, say)
    return Aws.of(state), outputs


def _run(
    home: Home, call: Call, options: Options, console: Console, started: float
) -> tuple[dict[str, Any], RunResult | None, ValidationResult | None]:
    aws, outputs = start_and_deploy(home, options, console)
    arn = drop(aws, outputs, call)
    dropped = Text(one_line(f"s3://{outputs['InboxBucketName']}/{call.key} is in; execution {arn}"), style="dim")
    console.print(dropped, soft_wrap=not console.is_terminal)
    snapshot = _follow(aws, arn, console)
    recorded, validation = run_result(snapshot), validation_result(snapshot)
    prediction = None
    if recorded and recorded.outcome is Outcome.DEPLOYED and recorded.endpoint and validation:
        prediction = ask_endpoint(aws, recorded.endpoint.name, validation, _cutoff(recorded))
    elapsed = time.monotonic() - started
    return (
        result_json(snapshot, dataset=call.dataset, prediction=prediction, total_seconds=elapsed),
        recorded,
        validation,
    )


def drop(aws: Aws, outputs: dict[str, str], call: Call) -> str:
    """Writes the dataset's configuration, then the table, into the inbox.

    Returns:
        ARN of the execution that this started.

    Raises:
        LocalError: none started.
    """
    inbox, machine = outputs["InboxBucketName"], outputs["StateMachineArn"]
    aws.s3.put_object(Bucket=inbox, Key=config_key(call.folder), Body=call.config.encode())
    before = executions(aws, machine)
    aws.s3.upload_file(str(call.table), inbox, call.key)
    etag = aws.s3.head_object(Bucket=inbox, Key=call.key)["ETag"].strip('"')
    try:
        return await_execution(aws, machine, before, (inbox, call.key, etag))
    except NotStartedError as error:
        raise LocalError(str(error)) from error


def ask_endpoint(aws: Aws, endpoint: str, validation: ValidationResult, cutoff: float | None) -> dict[str, Any]:
    """Sends the first held-out row to the live endpoint.

    Returns:
        The row as it was sent, the probability of each class, the score (the positive class's of two classes, the
        likeliest one's of more), and the predicted and the true class by name.
    """
    label, features = _first_test_row(aws, validation)
    answer = aws.sagemaker_runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=features.encode()
    )
    scores = parse_scores(answer["Body"].read().decode())
    if cutoff is not None:
        shown, predicted = 1, int(scores[0] >= cutoff)
        scores = [1 - scores[0], scores[0]]
    else:
        shown = predicted = scores.index(max(scores))
    return {
        "endpoint": endpoint,
        "features": features,
        "scores": dict(zip(validation.classes, scores, strict=True)),
        "score": scores[shown],
        "positive": validation.classes[shown],
        "predicted": validation.classes[predicted],
        "actual": validation.classes[label],
    }


def _first_test_row(aws: Aws, validation: ValidationResult) -> tuple[int, str]:
    bucket, prefix = split_uri(validation.test_uri or "")
    key = aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"][0]["Key"]
    head = aws.s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_TEST_HEAD_BYTES - 1}")["Body"].read().decode()
    label, *features = next(csv.reader(head.splitlines()))
    return int(float(label)), ",".join(features)


def _cutoff(recorded: RunResult) -> float | None:
    return recorded.metrics.cutoff if recorded.metrics else 0.5


def _follow(aws: Aws, arn: str, console: Console) -> Snapshot:
    with Progress(console) as progress:
        for snapshot in follow(aws, arn):
            progress.show(snapshot)
    return snapshot


def _config_with_target(path: Path | None, target: str) -> str:
    try:
        text = path.read_text(encoding="utf-8") if path else None
        parse_config(text, str(path))
        merged = {**(yaml.safe_load(text or "") or {}), "target": target}
        config = yaml.safe_dump(merged, allow_unicode=True, sort_keys=False)
        parse_config(config, str(path or "--target"))
    except OSError as error:
        raise WrongCallError(f"--config {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise WrongCallError(f"--config {path}: {error}") from error
    except ConfigError as error:
        raise WrongCallError("\n".join(error.reasons)) from error
    return config
