"""This project's validation: every check, the row-level report, the split and the recipe."""

from __future__ import annotations

from pathlib import Path

from benchmarks import mixed_table as mixed
from benchmarks.measure import Counts, JobError
from sluice.dataset.config import DatasetConfig
from tabular import validate_table


def run(file: Path, out: Path) -> Counts:
    config = DatasetConfig.model_validate({"target": mixed.TARGET})
    report = validate_table(file, name=file.name, config=config, default_target=None, out=out)
    if report.verdict != "accepted":
        raise JobError(f"the validation refused the table: {'; '.join(report.reasons)}")
    return Counts(set_aside=report.rows.rejected)
