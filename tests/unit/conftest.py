"""The unit lane touches no network: a connection to another machine is an error.

A connection within this machine is none. Sockets cannot be forbidden to one thread only, and servers that other lanes
started for the session (the local AWS calls its functions on a schedule) live on in the process while these tests run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))
