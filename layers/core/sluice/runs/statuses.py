"""What the ledger says of a run before it has an outcome. Imports nothing: the command starts with it."""

from __future__ import annotations

from typing import Final

QUEUED: Final = "queued"
RUNNING: Final = "running"
AWAITING_APPROVAL: Final = "awaiting_approval"
"""A person must approve its model. The same word as the outcome that its page and :class:`Question` have meanwhile."""
OPEN: Final = frozenset({QUEUED, RUNNING, AWAITING_APPROVAL})
"""Of a run that somebody is at. Any other status is how it ended."""
