"""Names that the state machine's first state gives, computed here as there; a test holds the two together."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_MAX_NAME_CHARACTERS: Final = 28
_RUN_ID: Final = re.compile(r"[0-9a-f]{12}")
_ENDING: Final = re.compile(r"\.[^.]*\Z")
_NO_FILE: Final = re.compile(r"(^|/)(\.[^/]*)?\Z")


def run_id(bucket: str, key: str, version: str) -> str:
    """The id of the run of an object.

    Args:
        version: its version id; its ETag and sequencer, one after the other, where its event has none.
    """
    return _sha256(f"{bucket}|{key}|{version}")[:12]


def is_run_id(text: str) -> bool:
    return _RUN_ID.fullmatch(text) is not None


def is_file(key: str) -> bool:
    """Whether an object is data: consoles make empty objects as folder markers, desktops leave files with a dot."""
    return _NO_FILE.search(key) is None


def dataset_of(key: str) -> str:
    """The dataset of an object below ``incoming/``. One in no folder is named after its file, and refused later."""
    parts = key.split("/")
    folder = parts[1] if len(parts) > 2 else ""
    return dataset_name(folder or _ENDING.sub("", parts[-1]))


def default_folder(file_name: str) -> str:
    """The folder below ``incoming/`` that a file goes to if none is named: its name without its endings."""
    return _ENDING.sub("", file_name.removesuffix(".gz")).strip()


def dataset_name(folder: str) -> str:
    """The dataset of a folder below ``incoming/``: a name that every service takes. That of a dataset is itself."""
    # Without other letters before lower case: engines differ in what they make of a sharp s.
    slug = re.sub(r"[^A-Za-z0-9]+", "-", folder).lower().strip("-")
    if slug and slug == folder and len(slug) <= _MAX_NAME_CHARACTERS:
        return slug
    return "-".join(filter(None, [slug[:19].strip("-"), _sha256(folder)[:8]]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
