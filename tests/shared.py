"""Tables that lie beside the repository; a test that needs one is skipped where it is absent, saying so."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

SHARED: Final = Path(__file__).parents[2] / "shared"


def shared_table(name: str) -> Path:
    """A table of ../shared/data, such as ``adult.csv`` or ``tables/glass.csv``."""
    return _beside("data", name)


def shared_case(name: str) -> Path:
    """A small synthetic file of ../shared/cases; its README.md says what is right for each."""
    return _beside("cases", name)


def _beside(folder: str, name: str) -> Path:
    path = SHARED / folder / name
    if not path.exists():
        pytest.skip(f"{path} is absent: ../shared/{folder} is kept beside the project, not in it")
    return path
