"""The deployment dies at each of its calls in turn, and is called again."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from functions.deploy_endpoint import app as deploy
from sluice.messages import Deployment
from tests.functions.conftest import ARTIFACTS, REGION, Aws, Context, request
from tests.functions.test_deploy_endpoint import Calls, deployed, live


class CrashError(Exception):
    """The function dies."""


class EveryCall(list[str]):
    """Every AWS call of the function, by its name. At the ``dies_at``-th it dies, with or without the call's effect."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.dies_at: int | None = None
        self.after_effect = True
        call = BaseClient._make_api_call  # type: ignore[attr-defined]

        def counted(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
            self.append(operation)
            dies = self.dies_at == len(self)
            if dies and not self.after_effect:
                raise CrashError(operation)
            try:
                answer = call(client, operation, arguments)
            except ClientError as error:
                if dies:
                    raise CrashError(operation) from error
                raise
            if dies:
                raise CrashError(operation)
            return answer

        monkeypatch.setattr(BaseClient, "_make_api_call", counted)


@pytest.mark.parametrize("after_effect", [True, pytest.param(False, marks=pytest.mark.longer)])
@pytest.mark.parametrize("updates", [True, False], ids=["update", "creation"])
def test_a_function_that_dies_at_any_of_its_calls_does_the_rest_when_it_is_called_again(
    context: Context, monkeypatch: pytest.MonkeyPatch, updates: bool, after_effect: bool
) -> None:
    def once(dies_at: int | None) -> tuple[Deployment, int, list[Any]]:
        with mock_aws():
            aws = Aws()
            aws.put(ARTIFACTS, aws.layout.config, "{}")
            asked = Calls()
            with monkeypatch.context() as patch:
                if updates:
                    live(patch, "InService", "old")
                    asked.patch(patch, deploy.sagemaker, "update_endpoint")
                calls = EveryCall(patch)
                calls.dies_at, calls.after_effect = dies_at, after_effect
                if dies_at is not None:
                    with pytest.raises(CrashError):
                        deploy.handler(request("deploy_endpoint"), context)
                    calls.clear()
                    calls.dies_at = None
                answer = deployed(context)
            alarms = boto3.client("cloudwatch", region_name=REGION).describe_alarms()["MetricAlarms"]
            configs = aws.sagemaker.list_endpoint_configs()["EndpointConfigs"]
            endpoints = aws.sagemaker.list_endpoints()["Endpoints"]
            names = [
                sorted(alarm["AlarmName"] for alarm in alarms),
                [item["EndpointConfigName"] for item in configs],
                [item["EndpointName"] for item in endpoints],
                [name for name, _ in asked][-1:],
            ]
            return answer, len(calls), names

    good, calls, left = once(None)
    assert good.verdict == "started"
    assert calls > 5
    for number in range(1, calls + 1):
        answer, _, same = once(number)
        assert (answer, same) == (good, left), f"died at call {number}"
