"""Files in the inbox that start nothing where they lie: what a person meant, and what to do.

Runs start for files under ``incoming/<dataset>/`` and read ``datasets/<dataset>/config.yaml``. Files under
``labels/<dataset>/`` are joined with predictions. Anything else would lie there silently.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from pathlib import PurePosixPath
from typing import Final

from sluice.layout import CONFIG_FILE, DATASETS, INCOMING, LABELS, config_key, incoming_key, labels_prefix
from sluice.names import dataset_name, default_folder, is_file
from sluice.wording import one_line

_ALIKE: Final = 0.75
"""Of difflib's ratio: ``incomming`` is like ``incoming``, ``archive`` is not."""
_A_SLIP: Final = 0.9
"""``customer`` and ``customers``, not ``sales-de`` and ``sales-dk``."""
_MAX_KEY_CHARACTERS: Final = 300


@dataclass(frozen=True)
class Misplaced:
    """A file that starts nothing.

    Attributes:
        place: where such files lie, for a notice to be sent once: the first folder of the key with its slash; ``/`` for
            the root of the bucket.
        reason: what it is and what to do, in one line.
    """

    place: str
    reason: str


def misplaced(key: str, folders: Collection[str]) -> Misplaced | None:
    """
    Args:
        key: of an object that no run starts for.
        folders: those below ``incoming/`` in which files lie.

    Returns: None if nothing is wrong with it: a folder marker, a hidden file, the configuration of a dataset, or labels
        of one.
    """
    if not is_file(key):
        return None
    if key.startswith(DATASETS):
        return _below_datasets(key, folders)
    if key.startswith(LABELS):
        return _below_labels(key, folders)
    first, _, rest = key.partition("/")
    if not rest:
        return Misplaced("/", _said(key, f"Put it into {incoming_key(default_folder(key) or '<dataset>', key)}"))
    wanted = get_close_matches(first.lower(), [one.strip("/") for one in (INCOMING, DATASETS, LABELS)], 1, _ALIKE)
    better = f"{wanted[0]}/{rest}" if wanted else incoming_key("<dataset>", PurePosixPath(rest).name)
    return Misplaced(f"{first}/", _said(key, f"Put it into {better}"))


def _below_datasets(key: str, folders: Collection[str]) -> Misplaced | None:
    below = PurePosixPath(key.removeprefix(DATASETS))
    folder = below.parts[0] if len(below.parts) > 1 else "<dataset>"
    if key != config_key(folder):
        only = f"{_shown(key)} is not read. The configuration of a dataset is {config_key(folder)}"
        return Misplaced(DATASETS, f"{only}; name it so." if is_meant_as_config(below.name) else f"{only}.")
    alike = _alike(folder, folders)
    if not alike:
        return None
    return Misplaced(
        f"{DATASETS}{folder}/",
        f"{_shown(key)} is read by no run: no file lies in {INCOMING}{_shown(folder)}/. If it is for the files in "
        f"{INCOMING}{_shown(alike[0])}/, put it into {_shown(config_key(alike[0]))}.",
    )


def _below_labels(key: str, folders: Collection[str]) -> Misplaced | None:
    below = PurePosixPath(key.removeprefix(LABELS))
    if len(below.parts) == 1:
        right = _shown(f"{labels_prefix('<dataset>')}{below.name}")
        return Misplaced(
            LABELS, f"{_shown(key)} is not read: labels lie in the folder of their dataset. Put it into {right}."
        )
    folder = below.parts[0]
    alike = [] if dataset_name(folder) in map(dataset_name, folders) else _alike(folder, folders)
    if not alike:
        return None
    return Misplaced(
        labels_prefix(folder),
        f"{_shown(key)} is joined with no predictions: no file lies in {INCOMING}{_shown(folder)}/. If it is for the "
        f"model of {INCOMING}{_shown(alike[0])}/, put it into {_shown(labels_prefix(alike[0]) + below.name)}.",
    )


def _alike(folder: str, folders: Collection[str]) -> list[str]:
    """The folders below ``incoming/`` whose name was meant, if it is none of them."""
    return [] if folder in folders else sorted(other for other in folders if _is_slip(folder, other))


def _is_slip(folder: str, other: str) -> bool:
    """Whether one of two folders is the other, mistyped. Datasets of two years or countries are not: the configuration
    of a new one comes before its first file."""
    one, two = (re.sub(r"[^a-z0-9]", "", name.lower()) for name in (folder, other))
    if re.findall(r"\d", one) != re.findall(r"\d", two):
        return False
    return sorted(one) == sorted(two) or SequenceMatcher(None, one, two).ratio() >= _A_SLIP


def is_meant_as_config(file: str) -> bool:
    """Whether a file beside ``config.yaml``, or in its place, was meant to be read: ``config.yml``, ``Config.yaml``."""
    name = PurePosixPath(file.lower())
    return (
        file != CONFIG_FILE and name.stem in ("config", "configuration") and name.suffix in (".yml", ".yaml", ".json")
    )


def unread_config(key: str, files: Collection[str]) -> str | None:
    """A warning for the runs of a dataset whose configuration has the wrong name.

    Args:
        key: of the configuration that is read.
        files: the names of the files in its folder.
    """
    folder = key.removesuffix(CONFIG_FILE)
    unread = next((file for file in sorted(files) if is_meant_as_config(file)), None)
    if unread is None:
        return None
    if CONFIG_FILE in files:
        return f"{_shown(folder + unread)} is not read; {CONFIG_FILE} beside it is."
    return f"{_shown(folder + unread)} is not read, so the defaults hold; name it {CONFIG_FILE}."


def notice(bucket: str, found: Misplaced) -> tuple[str, str]:
    """Subject and text of the notice."""
    return (
        "Sluice: a file in the inbox starts nothing",
        f"{found.reason}\n\nInbox: {bucket}\n\n"
        f"Other files in this place get no notice for an hour. The function's log names each, and the metric "
        f"MisplacedFiles counts them.\n",
    )


def _said(key: str, way_out: str) -> str:
    return f"{_shown(key)} starts nothing: only files under {INCOMING}<dataset>/ do. {_shown(way_out)}."


def _shown(text: str) -> str:
    return one_line(text)[:_MAX_KEY_CHARACTERS]
