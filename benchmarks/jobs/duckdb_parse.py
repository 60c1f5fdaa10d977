"""DuckDB parses every cell as text and keeps none; the rows that it cannot parse go to its table of rejects."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from benchmarks import mixed_table as mixed
from benchmarks.measure import Counts


def run(file: Path, out: Path) -> Counts:
    out.mkdir(parents=True, exist_ok=True)
    # A column that is not counted would not be parsed.
    counts = ", ".join(f'count("{name}")' for name in mixed.COLUMNS)
    query = (
        f"SELECT count(*), {counts} FROM read_csv(?, header = true, delim = ',', all_varchar = true, "  # noqa: S608
        "null_padding = false, store_rejects = true)"
    )
    with duckdb.connect(config={"threads": os.process_cpu_count() or 1, "temp_directory": str(out)}) as connection:
        # Read to its end: only then does the table of rejects stand.
        ((rows, *_),) = connection.execute(query, [str(file)]).fetchall()
        ((rejected,),) = connection.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchall()
    return Counts(rows=int(rows), set_aside=int(rejected))
