"""The interval of a share that is measured on some rows."""

from __future__ import annotations

import math


def wilson(found: float, rows: int, deviations: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share.

    Args:
        found: how many of the rows.
        rows: on which it is measured; at least 1.
        deviations: standard deviations of a normal distribution on each side: 1.96 for 95 %, 1.645 for a one-sided
            95 %.
    """
    share, spread = found / rows, deviations**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    half = deviations / (1 + spread) * math.sqrt(share * (1 - share) / rows + spread / (4 * rows))
    return middle - half, middle + half
