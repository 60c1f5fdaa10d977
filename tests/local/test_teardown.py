"""Deleting the stack leaves nothing that costs money."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from local import cloud, run
from local.home import Home
from local.sagemaker.faults import Faults

from .conftest import OPTIONS, LocalAws, learnable_rows, write_table


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A local AWS of this test's own: its stack goes."""
    home = Home(tmp_path / "local-aws")
    try:
        aws, outputs = run.start_and_deploy(home, OPTIONS, Console(file=sys.stderr))
        yield LocalAws(home, aws, outputs, Faults(aws.sagemaker_url))
    finally:
        with home.locked():
            cloud.stop(home)


def test_a_stack_that_is_deleted_takes_its_endpoints_with_it(own_aws: LocalAws, tmp_path: Path) -> None:
    table = write_table(tmp_path / "gone.csv", ["size", "colour", "comment", "label"], learnable_rows(300, seed=1))
    assert own_aws.result(own_aws.drop(table, "label"))["outcome"] == "deployed"
    assert own_aws.endpoints("sluice-gone") == ["sluice-gone"]

    own_aws.aws.cloudformation.delete_stack(StackName="sluice")
    # Buckets with files keep the stack; what costs by the hour goes before they are looked at.
    own_aws.aws.cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="sluice", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )

    sagemaker = own_aws.aws.sagemaker
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
