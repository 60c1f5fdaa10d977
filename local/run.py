"""A whole run from a file on this machine: start the local AWS if needed, deploy, drop, follow, print the result."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError
from rich.console import Console
from rich.text import Text

from following.configuration import Confirm, DeclinedError, Say, prepare
from following.dropping import Drop, WrongCallError
from following.execution import NotStartedError, Snapshot, await_execution, executions, follow, run_id_of
from following.progress import Progress
from following.report import print_report
from following.result import failure_json, result_json, run_result, validation_result
from local import cloud, stack
from local.aws import Aws, answering
from local.cloud import Options
from local.home import Home, LocalError
from sluice.endpoint.golden import parse_scores
from sluice.layout import is_report, runs_prefix, split_uri, uri
from sluice.messages import AcceptedFile, Metrics, Outcome, RunResult, ValidationResult
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


class StoppedWatchingError(Exception):
    """The person pressed Ctrl-C while a run went on, which it does all the same."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"Run {run_id} goes on in the local AWS. To follow it again: sluice show {run_id} --follow --local"
        )


def ask_nobody(question: str) -> None:
    """Answers if nobody can be asked."""


def check_result_path(json_path: Path | None, *others: Path | None) -> None:
    """Checks where the result is to be written; ``others``: files that the call reads.

    Raises:
        WrongCallError: there is no such folder, or a file that the call reads would be overwritten.
    """
    if json_path is None:
        return
    if not json_path.parent.is_dir():
        raise WrongCallError(f"--json {json_path}: the folder {json_path.parent} does not exist")
    if json_path.is_dir():
        raise WrongCallError(f"--json {json_path} is a folder; name a file")
    if any(other and other.exists() and json_path.exists() and json_path.samefile(other) for other in others):
        raise WrongCallError(f"--json {json_path} would overwrite a file that the call reads; name another one")


def run(
    home: Home,
    call: Drop,
    options: Options,
    console: Console,
    *,
    json_path: Path | None = None,
    keep: Path | None = None,
    confirm: Confirm = ask_nobody,
    verbose: bool = False,
) -> int:
    """Runs a table through the pipeline.

    Args:
        json_path: where to write the result.
        keep: a folder for copies of the reports, so that they can be read while the local AWS is down.
        confirm: asks whether a stored configuration may be replaced.
        verbose: also lists what the local AWS leaves out of the template.

    Returns:
        Exit status: 0 deployed, 1 not deployed, whatever the reason; the reasons are on standard error.

    Raises:
        WrongCallError: the stored configuration says otherwise, or names columns that the table lacks.
        StoppedWatchingError: the person pressed Ctrl-C after the run had started.
    """
    started = time.monotonic()
    try:
        with answering():
            result, recorded, validation = _run(home, call, options, console, started, confirm, verbose)
    except (LocalError, DeclinedError) as error:
        result, recorded, validation = failure_json(call.dataset, str(error), time.monotonic() - started), None, None
    if json_path:
        json_path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
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
    """The address at which a browser finds a run's page for an hour; None if there is none."""
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
        raise LocalError("the local AWS is down; start it with: sluice local up")
    aws = Aws.of(state)
    bucket = (stack.stack_outputs(aws) or {}).get("ArtifactBucketName", "")
    pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=runs_prefix(dataset))
    found = [item for page in pages for item in page.get("Contents", []) if is_report(item["Key"])]
    if not found:
        raise LocalError(f"dataset {dataset} has no page yet; each run draws its page when it ends")
    newest = max(found, key=lambda item: item["LastModified"])
    return page_url(aws, uri(bucket, newest["Key"])) or ""


def start_and_deploy(
    home: Home, options: Options, console: Console, *, verbose: bool = False
) -> tuple[Aws, dict[str, str]]:
    """The local AWS, up and with the current stack, and the stack's outputs."""

    def say(text: str) -> None:
        console.print(Text(text, style="dim"), soft_wrap=not console.is_terminal)

    with home.locked():
        if not cloud.is_up(home.read()):
            say("starting the local AWS ...")
        state = cloud.start(home, options, say)
        outputs = stack.deploy(home, say, tell_left_out=verbose)
    return Aws.of(state), outputs


def _run(
    home: Home, call: Drop, options: Options, console: Console, started: float, confirm: Confirm, verbose: bool
) -> tuple[dict[str, Any], RunResult | None, ValidationResult | None]:
    aws, outputs = start_and_deploy(home, options, console, verbose=verbose)

    def say(text: str) -> None:
        for line in text.split("\n"):
            console.print(Text(one_line(line), style="dim"), soft_wrap=not console.is_terminal)

    arn = drop(aws, outputs, call, confirm, say)
    dropped = Text(one_line(f"s3://{outputs['InboxBucketName']}/{call.key} is uploaded; execution {arn}"), style="dim")
    console.print(dropped, soft_wrap=not console.is_terminal)
    snapshot = _follow(aws, arn, console)
    recorded, validation = run_result(snapshot), validation_result(snapshot)
    prediction = None
    if recorded and recorded.outcome is Outcome.DEPLOYED and recorded.endpoint and isinstance(validation, AcceptedFile):
        prediction = ask_endpoint(aws, recorded.endpoint.name, validation, _cutoff(recorded))
    elapsed = time.monotonic() - started
    return (
        result_json(snapshot, dataset=call.dataset, prediction=prediction, total_seconds=elapsed),
        recorded,
        validation,
    )


def drop(
    aws: Aws, outputs: dict[str, str], call: Drop, confirm: Confirm = ask_nobody, say: Say = lambda _: None
) -> str:
    """Prepares the dataset's configuration in the inbox, then uploads the table.

    Returns:
        ARN of the execution that this started.

    Raises:
        LocalError: none started.
        WrongCallError: the stored configuration says otherwise, or names columns that the table lacks.
        DeclinedError: the person does not want it to be replaced.
    """
    inbox, machine = outputs["InboxBucketName"], outputs["StateMachineArn"]
    prepare(aws.s3, inbox, call, confirm, say)
    before = executions(aws, machine)
    aws.s3.upload_file(str(call.table), inbox, call.key)
    etag = aws.s3.head_object(Bucket=inbox, Key=call.key)["ETag"].strip('"')
    try:
        return await_execution(aws, machine, before, (inbox, call.key, etag))
    except NotStartedError as error:
        raise LocalError(str(error)) from error


def ask_endpoint(aws: Aws, endpoint: str, validation: AcceptedFile, cutoff: float | None) -> dict[str, Any]:
    """Sends the first held-out row to the live endpoint.

    Returns:
        The row as it was sent, the probability of each class, the score (the positive class's of two classes, the
        likeliest one's of more), and the predicted and the true class by name. Of a target of numbers the predicted
        and the true number.
    """
    label, features = _first_test_row(aws, validation)
    answer = aws.sagemaker_runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=features.encode()
    )
    scores = parse_scores(answer["Body"].read().decode())
    if validation.task == "regression":
        return {"endpoint": endpoint, "features": features, "predicted": scores[0], "actual": label}
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
        "actual": validation.classes[int(label)],
    }


def _first_test_row(aws: Aws, validation: AcceptedFile) -> tuple[float, str]:
    bucket, prefix = split_uri(validation.test_uri)
    key = aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"][0]["Key"]
    head = aws.s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_TEST_HEAD_BYTES - 1}")["Body"].read().decode()
    label, *features = next(csv.reader(head.splitlines()))
    return float(label), ",".join(features)


def _cutoff(recorded: RunResult) -> float | None:
    """None if the answer is no probability of two classes."""
    if recorded.metrics is None:
        return 0.5
    return recorded.metrics.cutoff if isinstance(recorded.metrics, Metrics) else None


def _follow(aws: Aws, arn: str, console: Console) -> Snapshot:
    run_id = run_id_of(aws, arn)
    try:
        with Progress(console) as progress:
            for snapshot in follow(aws, arn):
                progress.show(snapshot)
    except KeyboardInterrupt:
        raise StoppedWatchingError(run_id) from None
    return snapshot
