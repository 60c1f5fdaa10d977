"""Puts a table into the inbox, finds the run that this started, and shows how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.connection import Connection
from cli.execution import follow_to_the_end
from cli.failure import AnswerIsNoError, interruptible
from cli.output import Output
from cli.runs import Run, find_run, runs_of
from cli.stack import Stack
from sluice.names import run_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from cli.operating import Confirm
    from following.dropping import Drop

_PART_BYTES: Final = 16 << 20
_PATIENCE_SECONDS: Final = 90.0


@dataclass(frozen=True)
class Uploaded:
    """The object as S3 took it. ``version_id`` is None if the bucket has no versions."""

    bucket: str
    key: str
    etag: str
    version_id: str | None

    def is_of(self, run: Run) -> bool:
        """Whether this object started the run. In a bucket without versions, the run's event does not name one."""
        if self.version_id and run.run_id == run_id(self.bucket, self.key, self.version_id):
            return True
        named_without = run.run_id == run_id(self.bucket, self.key, run.etag + run.sequencer)
        return named_without and (run.key, run.etag) == (self.key, self.etag)


def drop(connection: Connection, stack: Stack, asked: Drop, confirm: Confirm, follow: bool, output: Output) -> int:
    """Drops a table. Returns: exit status.

    Raises:
        AnswerIsNoError: no run started in time, or the person does not want the configuration to be replaced.
        WrongCallError: the stored configuration says otherwise, or names columns that the table lacks.
    """
    from following.configuration import DeclinedError, prepare

    dataset = asked.dataset
    try:
        prepare(connection.s3, stack.inbox, asked, confirm, output.say)
    except DeclinedError as error:
        raise AnswerIsNoError(str(error)) from error
    before = {run.run_id for run in _of_key(connection, stack, dataset, asked.key)}
    with interruptible(
        "The upload was interrupted. If S3 has the whole file, its run starts without this command; to see it: "
        f"sluice runs {dataset}. Otherwise drop the file again."
    ):
        uploaded = upload(connection.s3, asked.table, stack.inbox, asked.key, output)
    with interruptible(
        f"The file is uploaded, and its run starts without this command. To see it: sluice runs {dataset}"
    ):
        run = await_run(connection, stack, dataset, uploaded, before)
    if not follow:
        output.document({**run.as_json(), "execution": run.execution, "object": f"s3://{stack.inbox}/{asked.key}"})
        output.print(
            f"run {run.run_id} of dataset {dataset} has started; to see its progress: sluice show {run.run_id}"
        )
        return 0
    return follow_to_the_end(connection, run.execution_arn, run, output)


def upload(s3: S3Client, table: Path, bucket: str, key: str, output: Output) -> Uploaded:
    """Uploads a table, in parts if it is large, with a progress bar on a terminal."""
    from boto3.s3.transfer import TransferConfig

    answers: dict[str, Any] = {}

    # upload_file returns nothing, and a look at the object afterwards might show another's upload.
    def keep(parsed: dict[str, Any], **_: Any) -> None:
        answers.update(parsed)

    for operation in ("PutObject", "CompleteMultipartUpload"):
        s3.meta.events.register(f"after-call.s3.{operation}", keep)
    with _bar(table, output) as advance:
        transfer = TransferConfig(multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, max_concurrency=4)
        s3.upload_file(str(table), bucket, key, Callback=advance, Config=transfer)
    output.say(f"s3://{bucket}/{key} is uploaded ({table.stat().st_size:,} bytes)")
    return Uploaded(bucket, key, answers["ETag"].strip('"'), answers.get("VersionId"))


@contextmanager
def _bar(table: Path, output: Output) -> Iterator[Callable[[int], None]]:
    if not output.err.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=output.err, transient=True) as progress:
        task = progress.add_task(table.name, total=table.stat().st_size)
        yield lambda count: progress.advance(task, count)


def await_run(
    connection: Connection,
    stack: Stack,
    dataset: str,
    uploaded: Uploaded,
    before: set[str],
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Run:
    """The run that an upload started, once the ledger has it.

    Args:
        before: ids of the runs of the same key from before the upload.

    Raises:
        AnswerIsNoError: none started in time.
    """
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if uploaded.version_id:
            # By its id, which is known: the index lags behind the table.
            named = run_id(uploaded.bucket, uploaded.key, uploaded.version_id)
            if run := find_run(connection.dynamodb, stack.runs_table, named):
                return run
        for run in _of_key(connection, stack, dataset, uploaded.key):
            if run.run_id not in before and uploaded.is_of(run):
                return run
        time.sleep(min(connection.poll_seconds, 1.0))
    raise AnswerIsNoError(
        f"s3://{uploaded.bucket}/{uploaded.key} is uploaded, but its run did not start within {patience_seconds:.0f} "
        "s. Its event may wait in the dead-letter queue, from which `sluice redrive` starts it; if the event is lost, "
        "the stack starts the run automatically within twenty minutes."
    )


def _of_key(connection: Connection, stack: Stack, dataset: str, key: str) -> Iterator[Run]:
    return (run for run in runs_of(connection.dynamodb, stack.runs_table, dataset) if run.key == key)
