"""validation.json as the page reads it.

The engine that writes it is in a layer of its own, whose weight this one does not carry. If a file was rejected before
it was read, its report has only reasons, so everything may be missing.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from sluice.messages import RowCounts


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Dialect(_Part):
    encoding: str
    compression: str | None = None
    delimiter: str
    header_line: int | None = None


class Column(_Part):
    name: str
    kind: str
    missing: int
    use: str | None = None
    reason: str | None = None


class Contract(_Part):
    version: int
    made: bool = False


class Split(_Part):
    method: str
    column: str | None = None
    seed: int


class Problem(_Part):
    """Rows that break one rule in one column. Their text stays out of the page: it may hold personal data."""

    rule: str
    column: str | None
    rows: int
    first_line: int


class TableProfile(_Part):
    name: str | None = None
    verdict: Literal["accepted", "rejected"]
    warnings: tuple[str, ...] = ()
    rows: RowCounts = RowCounts()
    dialect: Dialect | None = None
    columns: tuple[Column, ...] = ()
    problems: tuple[Problem, ...] = ()
    split: Split | None = None
    contract: Contract | None = None
