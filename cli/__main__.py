"""What the installed ``sluice`` calls."""

from __future__ import annotations

import sys

from cli.failure import INTERRUPTED


def main() -> int:
    """Returns: exit status, see docs/cli.md."""
    try:
        from cli.app import app

        app(prog_name="sluice")
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
