"""Holds an uploaded table against the rules, and makes training, validation and test data of what passes."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import boto3
from botocore.exceptions import ClientError

from sluice import layout
from sluice.aws.errors import is_not_found, is_precondition_failed
from sluice.aws.objects import ObjectTooLargeError, StoredText, read_stored, read_text, upload_working_data, write_json
from sluice.aws.step import TRANSFER_CONFIG, step
from sluice.dataset.aws.contract import write_contract
from sluice.dataset.config import (
    MAX_CONFIG_BYTES,
    ConfigError,
    DatasetConfig,
    parse_config,
    read_whole_config,
    stored_config,
)
from sluice.dataset.contract import ContractError, Plan, plan
from sluice.documents import VERSION_KEY
from sluice.endpoint.network import no_vpc_reason
from sluice.layout import RunLayout, config_key, contract_key, incoming_key, uri
from sluice.messages import AcceptedFile, RejectedFile, Run, ValidateRequest
from sluice.runs.misplaced import unread_config
from sluice.settings import ValidateSettings
from sluice.wording import one_line
from tabular import TableReport, validate_table

_COPY_BYTES: Final = 1 << 20

settings = ValidateSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)


@step(ValidateRequest)
def handler(request: ValidateRequest) -> AcceptedFile | RejectedFile:
    run = request.run
    if reason := refused_unread(run):
        return reject(run, (reason,))
    try:
        config = config_of(run)
        stored, contract = contract_of(run, config)
    except (ConfigError, ContractError) as error:
        return reject(run, tuple(error.reasons))
    if reason := no_vpc_reason(config.endpoint, settings.subnet_ids, uri(run.bucket, config_key(run.folder))):
        return reject(run, (reason,))
    with tempfile.TemporaryDirectory() as scratch:
        table, out = Path(scratch, "table.csv"), Path(scratch, "out")
        out.mkdir()
        if missing := fetch(run, table):
            return reject(run, (missing,))
        report = validate_table(
            table,
            name=PurePosixPath(run.key).name,
            config=config,
            default_target=settings.default_target or None,
            out=out,
            contract=contract,
            max_bytes=settings.max_csv_bytes,
            remarks=remarks(run),
            folds=True,
        )
        keep_contract(run, stored, contract, out)
        return store(run, config, report, out)


def config_of(run: Run) -> DatasetConfig:
    """The dataset's configuration, as the run found it first: a repeated step must not split the rows otherwise.

    Raises:
        ConfigError: it cannot be used.
    """
    kept = read_text(s3, settings.artifact_bucket, RunLayout(run.dataset, run.run_id).config)
    if kept is not None:
        return read_whole_config(json.loads(kept))
    key = config_key(run.folder)
    name = uri(run.bucket, key)
    try:
        text = read_text(s3, run.bucket, key, MAX_CONFIG_BYTES)
    except ObjectTooLargeError as error:
        what = (
            f"it has {error.size:,} bytes; the maximum is {MAX_CONFIG_BYTES:,}. Keep the keys of docs/configuration.md"
        )
        raise ConfigError([f"{name}: {what}"]) from error
    return parse_config(text, name)


def remarks(run: Run) -> tuple[str, ...]:
    """Warnings about the dataset's configuration: it is told if it has a name by which nothing reads it."""
    key = config_key(run.folder)
    beside = key.removesuffix(layout.CONFIG_FILE)
    listed = s3.list_objects_v2(Bucket=run.bucket, Prefix=beside, MaxKeys=100).get("Contents", [])
    warning = unread_config(key, [found["Key"].removeprefix(beside) for found in listed])
    return (warning,) if warning else ()


def contract_of(run: Run, config: DatasetConfig) -> tuple[StoredText | None, Plan]:
    """The dataset's contract as it lies in S3, and what this run does with it.

    Raises:
        ContractError: it cannot be used.
    """
    key = contract_key(run.dataset)
    stored = None if config.contract.mode == "ignore" else read_stored(s3, settings.artifact_bucket, key)
    name = uri(settings.artifact_bucket, key)
    return stored, plan(config.contract.mode, stored.text if stored else None, name, run.run_id)


def keep_contract(run: Run, stored: StoredText | None, contract: Plan, out: Path) -> None:
    """Writes the contract that the file made, unless another run was faster, and what the run used beside its data."""
    made = out / layout.CONTRACT
    if made.exists() and not contract.stored:
        text = made.read_text(encoding="utf-8")
        write_contract(s3, settings.artifact_bucket, contract_key(run.dataset), text, stored)
    elif contract.held and stored:
        made.write_text(stored.text, encoding="utf-8")


def refused_unread(run: Run) -> str | None:
    if not run.folder:
        return f"{run.key}: it names no dataset. Put the file into a folder: {incoming_key('<dataset>', '<file>.csv')}"
    if run.size > settings.max_csv_bytes:
        return (
            f"{run.key} has {run.size:,} bytes; the maximum is {settings.max_csv_bytes:,} (stack parameter "
            "MaxCsvBytes). Sample it, or split off a part."
        )
    return None


def reject(run: Run, reasons: tuple[str, ...]) -> AcceptedFile | RejectedFile:
    """Rejects a file that was not read; its report holds the reasons alone."""
    key = RunLayout(run.dataset, run.run_id).validation_report
    reasons = tuple(map(one_line, reasons))
    report = {VERSION_KEY: 1, "verdict": "rejected", "reasons": list(reasons)}
    write_json(s3, settings.artifact_bucket, key, report)
    return RejectedFile(reasons=reasons, report_uri=uri(settings.artifact_bucket, key))


def left_out(report: TableReport) -> Iterator[tuple[str, str]]:
    """The first columns that no feature was made of; all of them are in the report."""
    unused = ((column.name, column.reason) for column in report.columns if column.reason)
    return itertools.islice(((name[:60], reason) for name, reason in unused), 30)


def fetch(run: Run, path: Path) -> str | None:
    """Downloads the very content that the run's event told of. If it is gone: the reason, for a person."""
    try:
        if run.version_id:
            s3.download_file(run.bucket, run.key, str(path), ExtraArgs={"VersionId": run.version_id})
        else:
            # Without a version the content is known by its ETag alone, which a managed transfer does not ask for.
            body = s3.get_object(Bucket=run.bucket, Key=run.key, IfMatch=f'"{run.etag}"')["Body"]
            with path.open("wb") as file:
                shutil.copyfileobj(body, file, _COPY_BYTES)
    except ClientError as error:
        if is_not_found(error):
            return f"{run.key}: the file was removed before it was read. Drop it again."
        if is_precondition_failed(error):
            return (
                f"{run.key}: another file was put in its place before it was read. That one has a run of its own; to "
                "train on this one anyway, drop it again under another name."
            )
        raise
    return None


def upload_json(path: Path, bucket: str, key: str) -> None:
    s3.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": "application/json"})


def store(run: Run, config: DatasetConfig, report: TableReport, out: Path) -> AcceptedFile | RejectedFile:
    """Uploads what validation made. The report goes last: where it lies, everything lies."""
    there, bucket = RunLayout(run.dataset, run.run_id), settings.artifact_bucket
    accepted = report.verdict == "accepted"
    write_json(s3, bucket, there.config, stored_config(config))
    if accepted:
        for part in layout.PARTS:
            upload_working_data(s3, out / layout.part_file(part), bucket, there.part_file(part))
        upload_working_data(s3, out / layout.HELD_OUT_ROWS, bucket, there.held_out_rows)
        upload_json(out / layout.RECIPE, bucket, there.recipe)
        for number, name in enumerate(layout.GROUP_SAMPLES):
            if (sample := out / name).exists():
                upload_working_data(s3, sample, bucket, there.group_sample(number))
        if report.folds:
            upload_working_data(s3, out / layout.FOLDS, bucket, there.folds)
        if config.facets:
            upload_json(out / layout.FACETS, bucket, there.facets)
    if (used := out / layout.CONTRACT).exists():
        upload_json(used, bucket, there.contract)
    upload_working_data(s3, out / layout.REJECTED_ROWS, bucket, there.rejected_rows)
    upload_json(out / layout.VALIDATION_REPORT, bucket, there.validation_report)
    told = {
        "reasons": report.reasons,
        "warnings": report.warnings,
        "rows": report.rows,
        "classes": report.classes,
        "features": report.features,
        "left_out": dict(left_out(report)),
        "prior_log_loss": report.prior_log_loss,
        "task": report.task,
        "target_numbers": report.target_numbers,
        "config_uri": uri(bucket, there.config),
        "report_uri": uri(bucket, there.validation_report),
        "rejected_rows_uri": uri(bucket, there.rejected_rows),
        "contract_uri": uri(bucket, there.contract) if report.contract else None,
        "contract_version": report.contract.version if report.contract else None,
    }
    if report.verdict == "rejected" or report.target is None:
        return RejectedFile(target=report.target, **told)
    return AcceptedFile(
        target=report.target,
        train_uri=uri(bucket, there.part("train")),
        validation_uri=uri(bucket, there.part("validation")),
        learning_uri=uri(bucket, there.learning),
        test_uri=uri(bucket, there.part("test")),
        held_out_uri=uri(bucket, there.held_out_rows),
        facets_uri=uri(bucket, there.facets) if config.facets else None,
        recipe_uri=uri(bucket, there.recipe),
        **told,
    )
