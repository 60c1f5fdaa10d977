"""The columns of the table that is measured, and its faults: what its maker and its readers must agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IDENTIFIER: Final = "customer_id"
AMOUNTS: Final = tuple(f"amount_{i}" for i in range(6))
RATIOS: Final = tuple(f"ratio_{i}" for i in range(3))
INCOME: Final = "income"
AGE: Final = "age"
VISITS: Final = "visits"
UNITS: Final = "units"
DECIMALS: Final = (*AMOUNTS, *RATIOS, INCOME)
WHOLES: Final = (AGE, VISITS, UNITS)

CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(f"{word}-{i:03d}" for i in range(levels))
    for name, word, levels in (
        ("plan", "subscription", 5),
        ("region", "north-region", 12),
        ("channel", "channel", 8),
        ("device", "device-type", 18),
    )
}
"""Levels by column, the commonest first."""

CITY: Final = "city"
CITIES: Final = tuple(f"city-{i:04d}" for i in range(4000))
"""The commonest first."""

ACTIVE: Final = "active"
SIGNED_UP: Final = "signed_up"
LAST_SEEN: Final = "last_seen"
TARGET: Final = "churned"
NO_YES: Final = ("no", "yes")

COLUMNS: Final = (IDENTIFIER, *DECIMALS, *WHOLES, *CATEGORIES, CITY, ACTIVE, SIGNED_UP, LAST_SEEN, TARGET)

LOST_CELL: Final = CITY
"""The cell that a ragged row lacks; those after it stand one column too far left."""

TEXT_COLUMNS: Final = (INCOME, UNITS)
TEXTS: Final = ("n.a.", "unknown", "see remark")
"""What stands for a number in a row with a text fault, and where: each of the columns in turn."""

_ROWS_PER_FAULT: Final = 10_000


@dataclass(frozen=True)
class Faults:
    """Rows that cannot be used: with a cell too few, and with a text in a number column."""

    ragged: int
    text: int

    @property
    def rows(self) -> int:
        return self.ragged + self.text


def faults(rows: int) -> Faults:
    """Of a table of so many rows: 0.02 % of them, half of each kind, and one of each at the least."""
    each = max(1, rows // _ROWS_PER_FAULT)
    return Faults(ragged=each, text=each)
