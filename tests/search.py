"""How far the tests that search for a counterexample look: `make test` a little, `make longer` all the way.

Hypothesis draws other examples in each run, so what one run leaves out another tries.
"""

from __future__ import annotations

import os
from typing import Final

SHARE: Final = float(os.environ.get("SLUICE_SEARCH", "0.08"))
"""Of each test's examples. `make longer` sets it to 1."""
MIN_EXAMPLES: Final = 3


def examples(whole: int) -> int:
    """How many examples a test looks at now.

    Args:
        whole: how many it looks at in `make longer`.
    """
    return min(whole, max(MIN_EXAMPLES, round(SHARE * whole)))
