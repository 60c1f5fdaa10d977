"""The same report by Evidently: PSI and Jensen-Shannon distance of each column, and its missing values.

Runs in ``.venv-monitor``, so it imports nothing of this repository but names. The standard library parses the log, line
by line, as people read one into pandas.
"""

from __future__ import annotations

import csv
import gzip
import json
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks.monitor_jobs.files import NUMBERS, REFERENCE, TEXTS, log_files


def run(folder: Path) -> dict[str, Any]:
    """Seconds with and of reading, and the population stability index by column."""
    warnings.filterwarnings("ignore")
    import pandas as pd  # noqa: PLC0415
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415
    from evidently.metrics import MissingValueCount, ValueDrift  # noqa: PLC0415

    start = time.perf_counter()
    definition = DataDefinition(numerical_columns=[*NUMBERS], categorical_columns=[*TEXTS])
    with (folder / REFERENCE).open(newline="") as file:
        rows = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    reference = pd.DataFrame(rows)
    reference[[*NUMBERS]] = reference[[*NUMBERS]].apply(pd.to_numeric)
    records = []
    for path in log_files(folder):
        with gzip.open(path, "rb") as lines:
            records += [json.loads(line)["record"] for line in lines]
    current = pd.DataFrame(records)
    del records
    read = time.perf_counter()
    names = [*NUMBERS, *TEXTS]
    metrics = [
        *(ValueDrift(column=name, method="psi") for name in names),
        *(ValueDrift(column=name, method="jensenshannon") for name in names),
        *(MissingValueCount(column=name) for name in names),
    ]
    made = Report(metrics).run(
        Dataset.from_pandas(current, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    )
    values = [float(metric["value"]) for metric in made.dict()["metrics"][: len(names)]]
    return {
        "seconds": time.perf_counter() - start,
        "read": read - start,
        "psi": dict(zip(names, values, strict=True)),
    }


if __name__ == "__main__":
    import sys

    print(json.dumps(run(Path(sys.argv[1]))))
