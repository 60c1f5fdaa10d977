"""docs/first-deployment.md on a stack in AWS: ``make cloud-check STACK=name``.

It needs an account, costs less than a dollar and takes about an hour and a half.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.cloud.checklist import MAX_RUN_SECONDS, STEPS, Checklist, Place

VARIABLE: Final = "SLUICE_CLOUD_STACK"
pytestmark = [pytest.mark.cloud, pytest.mark.timeout(2 * MAX_RUN_SECONDS)]


def why_not() -> str | None:
    """Why no stack in AWS can be checked here; None if one can."""
    import boto3  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    if not os.environ.get(VARIABLE):
        return "no stack is named: make cloud-check STACK=name"
    try:
        session = boto3.Session()
        if session.region_name is None:
            return "no region is set: AWS_DEFAULT_REGION, or that of a profile"
        session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return f"there are no credentials that AWS takes: {error}"
    return None


@pytest.fixture(scope="module")
def checklist(tmp_path_factory: pytest.TempPathFactory) -> Checklist:
    if reason := why_not():
        pytest.skip(reason)
    return Checklist(Place(os.environ[VARIABLE], os.environ), tmp_path_factory.mktemp("cloud"))


@pytest.mark.parametrize("step", STEPS)
def test_the_step_ends_as_the_page_says(checklist: Checklist, step: str, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{step}: {getattr(Checklist, step).__doc__}")
        for line in getattr(checklist, step)():
            print(f"  {line}")
