"""Sluice's report: the log read in batches, counted, compared."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from benchmarks.monitor_jobs.log import CONTRACT, RUN, log_files, read_reference, recipe
from sluice.dataset.config import Monitor
from sluice.dataset.contract import Contract
from sluice.monitoring.aws.log import BATCH_BYTES
from sluice.monitoring.comparison import Window, compare
from sluice.monitoring.question import ask
from tabular.traffic import count_traffic


def run(folder: Path) -> dict[str, float]:
    """The population stability index by column."""
    contract = Contract.read((folder / CONTRACT).read_text())
    question = ask(RUN, recipe(read_reference(folder)), contract, {})
    seen = count_traffic(question, batches(folder))
    report = compare(question, seen, Monitor(), Window("benchmark", "2026-11-30", "2026-11-30", "", 1.0))
    return {one.name: one.distribution.psi for one in report.columns if one.distribution.psi is not None}


def batches(folder: Path) -> Iterator[bytes]:
    """As ``sluice.monitoring.aws.log`` makes them of S3's objects."""
    held: list[bytes] = []
    size = 0
    for file in log_files(folder):
        held.append(gzip.decompress(file.read_bytes()))
        size += len(held[-1])
        if size >= BATCH_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
