"""What the ledger says of a run before it has an outcome. Imports nothing: the command starts with it."""

from __future__ import annotations

from typing import Final

QUEUED: Final = "queued"
RUNNING: Final = "running"
#: Of a run that somebody is at. Any other status is how it ended.
OPEN: Final = frozenset({QUEUED, RUNNING})
