"""What a person may have meant: existing datasets and runs with a similar name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

from cli.connection import Connection
from cli.stack import Stack

_RUNS_LOOKED_AT = 1000


def dataset_hint(connection: Connection, stack: Stack, dataset: str) -> str:
    """`` Did you mean ...?`` by the artifact bucket's folders; empty if none is similar or they cannot be listed."""
    from botocore.exceptions import ClientError

    pages = connection.s3.get_paginator("list_objects_v2").paginate(Bucket=stack.artifacts, Delimiter="/")
    try:
        names = [found["Prefix"].rstrip("/") for page in pages for found in page.get("CommonPrefixes", [])]
    except ClientError:
        return ""  # a hint is not worth a failure
    return _hint(dataset, names)


def run_hint(connection: Connection, stack: Stack, run_id: str) -> str:
    """`` Did you mean ...?``, by some of the runs of the ledger; empty if none is similar."""
    from cli.runs import all_runs

    some = islice(all_runs(connection.dynamodb, stack.runs_table), _RUNS_LOOKED_AT)
    return _hint(run_id, (run.run_id for run in some))


def _hint(wanted: str, names: Iterable[str]) -> str:
    near = [name for name in get_close_matches(wanted, list(names), n=1) if name != wanted]
    return f" Did you mean {near[0]}?" if near else ""
