"""Makes a report from the log in S3, for the daily function and the command alike. The client comes first."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from sluice.monitoring.aws.log import log_batches, log_files
from sluice.monitoring.aws.watched import Watched
from sluice.monitoring.comparison import Window, compare
from sluice.monitoring.log_files import chosen
from sluice.monitoring.question import Question, SeenTraffic
from sluice.monitoring.report import EndpointTraffic, MonitorReport

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

type Count = Callable[[Question, Iterable[bytes]], SeenTraffic]
"""Counts the lines of a log: ``tabular.traffic.count_traffic``."""


def report_on(
    s3: S3Client,
    bucket: str,
    dataset: str,
    watched: Watched,
    days: Sequence[datetime.date],
    count: Count,
    before: MonitorReport | None,
    endpoint: EndpointTraffic | None = None,
) -> MonitorReport:
    """The report on the predictions of some days. It is not written.

    Args:
        before: the report before it.
        endpoint: what CloudWatch has of these days; None if it was not asked.
    """
    files = log_files(s3, bucket, dataset, days)
    read = chosen(files)
    broken: list[str] = []
    seen = count(watched.question, log_batches(s3, bucket, read, broken))
    window = Window(
        dataset=dataset,
        since=days[0].isoformat(),
        until=days[-1].isoformat(),
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        log_share=watched.predictions.log_share,
        read_share=len(read) / len(files) if files else 1.0,
        broken_files=len(broken),
    )
    report = compare(watched.question, seen, watched.monitor, window, before)
    return report.model_copy(update={"endpoint": endpoint})
