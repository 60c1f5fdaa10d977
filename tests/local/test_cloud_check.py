"""The checklist for a stack in AWS, as far as the local AWS goes: so that it works when somebody has an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.stack import STACK_NAME
from tests.cloud.checklist import STEPS, CheckFailedError, Checklist, Place, local_environment
from tests.local.conftest import LocalAws


@pytest.fixture(scope="module")
def checklist(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Checklist:
    place = Place(STACK_NAME, local_environment(local_aws.home.root), patience_seconds=60)
    return Checklist(place, tmp_path_factory.mktemp("check"))


@pytest.mark.parametrize("step", STEPS)
def test_each_step_ends_on_the_local_aws_as_the_page_says(checklist: Checklist, step: str) -> None:
    seen = list(getattr(checklist, step)())
    assert seen


def test_a_step_that_does_not_end_well_says_what_came_instead(checklist: Checklist, tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match=r"sluice predict: exit status 1: .*cloud-check"):
        list(checklist.predictions())
