"""Deleting the stack leaves nothing that costs money."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import LocalAws, learnable_rows, start_local_aws, write_table


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A local AWS of this test's own: its stack goes."""
    with start_local_aws(tmp_path / "local-aws") as started:
        yield started


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
