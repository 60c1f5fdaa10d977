"""Messages to build tests on: one good run, as the files under events/ tell it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sluice.messages import RecordRequest

EVENTS = Path(__file__).parents[1] / "events"


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


GOOD = RecordRequest.model_validate(event("record_outcome"))
"""Everything that is known at the end of a good run."""
