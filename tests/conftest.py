"""What all lanes share: descriptions of AWS's services that are read once, and which tests stay in one process."""

from __future__ import annotations

import functools
from typing import Final

import botocore.loaders
import botocore.session
import hypothesis
import pytest

from tests.search import examples

ONCE: Final = frozenset({"ministack", "lab", "local_aws", "pages"})
"""Fixtures that start servers or take long: `--dist loadgroup` runs all tests that need one in one process, so that
each is made once."""

# Of the tests that do not say how far they search: Hypothesis' own hundred, or a part of it.
hypothesis.settings.register_profile("sluice", max_examples=examples(100), deadline=None)
hypothesis.settings.load_profile("sluice")

# moto takes the default session away before each test, and with it the loader that keeps what it has read: each test
# would parse the descriptions of all services that it has clients of again, which took longer than most tests.
botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


@pytest.hookimpl(tryfirst=True)  # xdist's own hook reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in ONCE.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(fixture))
