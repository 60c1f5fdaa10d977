"""Reads what a report compares with, and reports. The client comes first."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sluice.aws.objects import read_json, read_text, write_json
from sluice.dataset.config import Monitor, Predictions, read_known_config
from sluice.dataset.contract import parse_contract
from sluice.dataset.recipe import Recipe
from sluice.layout import RunLayout, monitor_prefix, monitor_report_key, uri
from sluice.monitoring.question import Question, ask
from sluice.monitoring.report import MonitorReport

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_DAY: Final = re.compile(r"/([0-9]{4}-[0-9]{2}-[0-9]{2})/$")


@dataclass(frozen=True)
class Watched:
    """The live model, and what its dataset's configuration says of watching it."""

    question: Question
    monitor: Monitor
    predictions: Predictions


def read_watched(s3: S3Client, bucket: str, dataset: str, run_id: str) -> Watched:
    """What the run of the live model left.

    Raises:
        FileNotFoundError: one of its documents is gone.
        NewerDocumentError: a newer release made its recipe.
        ContractError: a newer release made its contract.
    """
    there = RunLayout(dataset, run_id)
    contract = read_text(s3, bucket, there.contract)
    name = uri(bucket, there.contract)
    config = read_known_config(read_json(s3, uri(bucket, there.config)))
    question = ask(
        run_id,
        Recipe.read(read_json(s3, uri(bucket, there.recipe))),
        parse_contract(contract, name) if contract is not None else None,
        read_json(s3, uri(bucket, there.evaluation)),
    )
    return Watched(question, config.monitor, config.predictions)


def read_monitor(s3: S3Client, bucket: str, dataset: str, run_id: str) -> Monitor:
    """What the configuration of a run says of watching its model.

    Raises:
        FileNotFoundError: it is gone.
    """
    return read_known_config(read_json(s3, uri(bucket, RunLayout(dataset, run_id).config))).monitor


def datasets(s3: S3Client, bucket: str) -> list[str]:
    """Every dataset that has had a run, by name."""
    return sorted(folder.rstrip("/") for folder in _folders(s3, bucket, ""))


def newest_report(s3: S3Client, bucket: str, dataset: str) -> MonitorReport | None:
    return report_before(s3, bucket, dataset, datetime.date.max)


def report_before(s3: S3Client, bucket: str, dataset: str, day: datetime.date) -> MonitorReport | None:
    """The newest report on days before this one."""
    folders = _folders(s3, bucket, monitor_prefix(dataset))
    days = [found[1] for folder in folders if (found := _DAY.search(folder))]
    for earlier in sorted((one for one in days if one < day.isoformat()), reverse=True):
        text = read_text(s3, bucket, monitor_report_key(dataset, datetime.date.fromisoformat(earlier)))
        if text is not None:
            return MonitorReport.read(text)
    return None


def write_report(s3: S3Client, bucket: str, report: MonitorReport) -> None:
    day = datetime.date.fromisoformat(report.until)
    write_json(s3, bucket, monitor_report_key(report.dataset, day), report.model_dump(mode="json"))


def _folders(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", [])]
