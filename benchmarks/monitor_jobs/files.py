"""The log of predictions as files, and the names of its twenty columns. The standard library alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NUMBERS: Final = tuple(f"number_{i}" for i in range(14))
TEXTS: Final = tuple(f"text_{i}" for i in range(6))
REFERENCE: Final = "reference.csv"
"""What the contract was made of."""


def log_files(folder: Path) -> list[Path]:
    return sorted((folder / "log").glob("*.jsonl.gz"))
