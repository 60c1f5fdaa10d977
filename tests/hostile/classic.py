"""What sample code commonly does with files, keys and models of others: the counterpart that the hostile corpus harms.

Written for these tests in the manner of published samples, and used by nothing else. ``fully_trusted`` is what
``extractall`` did when they were written; Python 3.14 filters by default.
"""

from __future__ import annotations

import csv
import gzip
import logging
import pickle
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pandas as pd


def unpack(archive: Path, folder: Path) -> Path:
    """The model file of an archive."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="fully_trusted")  # noqa: S202
    return folder / "xgboost-model"


def load_model(archive: Path, folder: Path) -> Any:
    with unpack(archive, folder).open("rb") as stream:
        return pickle.load(stream)  # noqa: S301


def key_of(event: dict[str, Any]) -> str:
    """Of S3's own notifications keys are encoded; of EventBridge's they are not, which samples overlook."""
    return unquote_plus(event["detail"]["object"]["key"])


def read_table(path: Path) -> pd.DataFrame:
    """Without a header, as the built-in algorithm wants it."""
    return pd.read_csv(path, header=None)


def read_compressed(data: bytes) -> bytes:
    return gzip.decompress(data)


def page(dataset: str, columns: Iterable[str]) -> str:
    items = "".join(f"<li>{column}</li>" for column in columns)
    return f"<html><head><title>{dataset}</title></head><body><ul>{items}</ul></body></html>"


def write_bad_rows(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)


def log(logger: logging.Logger, key: str) -> None:
    logger.info(f"processing {key}")


def subject(key: str) -> str:
    return f"Training of {key} failed"
