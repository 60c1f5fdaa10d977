"""What this SageMaker keeps on disk, so that it outlives its process: one JSON document, and times in it.

The document is written whole and put in place in one step. Requests and descriptions hold nothing but JSON and times.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

VERSION: Final = 1
_TIME: Final = "$time"


class StateError(Exception):
    """The file cannot be read. The message is for a person and names it."""


def encode(document: dict[str, Any]) -> str:
    return json.dumps({"version": VERSION, **document}, default=_plain, separators=(",", ":"))


def read(path: Path) -> dict[str, Any]:
    """The document, empty if there is no file yet.

    Raises:
        StateError: it is damaged, or of another version.
    """
    if not path.exists():
        return {}
    try:
        document: dict[str, Any] = json.loads(path.read_text(), object_hook=_with_times)
        version = document["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path} is damaged ({error}): `sluice local up --fresh` forgets it") from error
    if version != VERSION:
        raise StateError(f"{path} has version {version}, not {VERSION}: `sluice local up --fresh` forgets it")
    return document


class Keeper:
    """Writes a document whenever it has changed.

    Args:
        document: gives what is to be kept.
    """

    def __init__(self, path: Path, document: Callable[[], dict[str, Any]]) -> None:
        self._path = path
        self._document = document
        self._written = ""

    def keep(self) -> None:
        text = encode(self._document())
        if text != self._written:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(".new")
            beside.write_text(text)
            beside.replace(self._path)
            self._written = text


def _plain(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    raise TypeError(f"{type(value).__name__} in what is kept")


def _with_times(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value[_TIME]) if value.keys() == {_TIME} else value
