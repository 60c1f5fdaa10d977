from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.restore_endpoint import app as restore
from sluice.endpoint.aws.turns import give_turn_back, take_turn
from sluice.endpoint.restoration import MAX_ATTEMPTS
from sluice.layout import RunLayout
from sluice.messages import Restoration
from sluice.runs.aws.ledger import Deployed, crown_champion
from tests.functions.conftest import ARTIFACTS, TABLE, Aws, Context, request
from tests.messages import GOOD

DATASET = GOOD.run.dataset
NAME = f"sluice-{DATASET}"
OURS = f"sluice-{DATASET}-{GOOD.run.run_id}"
BEFORE = Deployed("000000000001", "sluice-before")


class Endpoint:
    """An endpoint that notes what is asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.live: dict[str, Any] | None = {"EndpointStatus": "InService", "EndpointConfigName": OURS}
        variants = {"ProductionVariants": [{"VariantName": "champion", "InstanceType": "ml.m5.large"}]}
        monkeypatch.setattr(restore.sagemaker, "describe_endpoint_config", lambda **_: variants)
        self.calls: list[tuple[str, str | None]] = []
        self.error: ClientError | None = None
        monkeypatch.setattr(restore, "describe_endpoint", lambda *_: self.live)
        monkeypatch.setattr(restore.sagemaker, "update_endpoint", self._update)
        monkeypatch.setattr(restore.sagemaker, "delete_endpoint", lambda **_: self.calls.append(("delete", None)))
        self.scaled: list[int | None] = []
        """What was asked of Application Auto Scaling: a limit, or None for an end."""
        scaling = restore.autoscaling
        monkeypatch.setattr(scaling, "register_scalable_target", lambda **its: self.scaled.append(its["MaxCapacity"]))
        monkeypatch.setattr(scaling, "put_scaling_policy", lambda **_: None)
        monkeypatch.setattr(scaling, "deregister_scalable_target", lambda **_: self.scaled.append(None))

    def _update(self, **arguments: str) -> None:
        if self.error:
            raise self.error
        self.calls.append(("update", arguments["EndpointConfigName"]))


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> Endpoint:
    take_turn(aws.dynamodb, TABLE, DATASET, GOOD.run.execution_arn, time.time())
    return Endpoint(monkeypatch)


def restored(context: Context, before: Restoration | None = None) -> Restoration:
    body = request("restore_endpoint", restoration=before and before.model_dump(mode="json"))
    return Restoration.model_validate(restore.handler(body, context))


def crown(aws: Aws, deployed: Deployed = BEFORE, **endpoint: Any) -> None:
    aws.put(ARTIFACTS, RunLayout(DATASET, deployed.run_id).config, json.dumps({"endpoint": endpoint}))
    crown_champion(aws.dynamodb, TABLE, DATASET, deployed, None, "2026-01-01")


def test_the_model_before_is_put_back_and_waited_for(aws: Aws, endpoint: Endpoint, context: Context) -> None:
    crown(aws)
    first = restored(context)
    assert endpoint.calls == [("update", "sluice-before")]
    assert (first.verdict, first.attempts) == ("in_progress", 1)
    endpoint.live = {"EndpointStatus": "Updating", "EndpointConfigName": OURS}
    second = restored(context, first)
    assert second.verdict == "in_progress"
    endpoint.live = {"EndpointStatus": "InService", "EndpointConfigName": "sluice-before"}
    third = restored(context, second)
    assert (third.verdict, third.config_name) == ("restored", "sluice-before")
    assert len(endpoint.calls) == 1


def test_the_model_before_gets_its_autoscaling_back(aws: Aws, endpoint: Endpoint, context: Context) -> None:
    crown(aws, kind="instance", autoscaling={"max": 7})
    endpoint.live = {"EndpointStatus": "InService", "EndpointConfigName": "sluice-before"}
    assert restored(context).verdict == "restored"
    assert endpoint.scaled == [7]


def test_a_model_before_that_did_not_scale_does_not_begin_to(aws: Aws, endpoint: Endpoint, context: Context) -> None:
    crown(aws, kind="instance")
    endpoint.live = {"EndpointStatus": "InService", "EndpointConfigName": "sluice-before"}
    assert restored(context).verdict == "restored"
    assert endpoint.scaled == [None]


def test_nothing_scales_before_the_model_before_answers(aws: Aws, endpoint: Endpoint, context: Context) -> None:
    crown(aws, kind="instance", autoscaling={"max": 7})
    endpoint.live = {"EndpointStatus": "Updating", "EndpointConfigName": "sluice-before"}
    assert restored(context).verdict == "in_progress"
    assert endpoint.scaled == []


def test_a_way_back_to_other_instances_ends_the_autoscaling_first(
    aws: Aws, endpoint: Endpoint, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    crown(aws, kind="instance", autoscaling={"max": 7})
    types = {OURS: "ml.m5.xlarge", "sluice-before": "ml.m5.large"}
    monkeypatch.setattr(
        restore.sagemaker,
        "describe_endpoint_config",
        lambda EndpointConfigName: {  # noqa: N803 - boto3's own
            "ProductionVariants": [{"VariantName": "champion", "InstanceType": types[EndpointConfigName]}]
        },
    )
    assert restored(context).verdict == "in_progress"
    assert endpoint.scaled == [None]
    assert endpoint.calls == [("update", "sluice-before")]


def test_an_endpoint_without_a_model_before_is_removed(endpoint: Endpoint, context: Context) -> None:
    first = restored(context)
    assert endpoint.calls == [("delete", None)]
    endpoint.live = None
    last = restored(context, first)
    assert (last.verdict, last.config_name) == ("restored", None)


def test_an_endpoint_that_rolled_back_by_itself_is_left_as_it_is(
    aws: Aws, endpoint: Endpoint, context: Context
) -> None:
    crown(aws)
    endpoint.live = {"EndpointStatus": "InService", "EndpointConfigName": "sluice-before"}
    assert restored(context).verdict == "restored"
    assert endpoint.calls == []


def test_what_another_has_the_turn_for_is_not_touched(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = Endpoint(monkeypatch)
    crown(aws)
    endpoint.live = {"EndpointStatus": "Updating", "EndpointConfigName": "sluice-before"}
    take_turn(aws.dynamodb, TABLE, DATASET, "another", time.time())
    assert restored(context).verdict == "untouched"
    endpoint.live = {
        "EndpointStatus": "Updating",
        "EndpointConfigName": "sluice-before",
        "PendingDeploymentSummary": {"EndpointConfigName": OURS},
    }
    assert restored(context).verdict == "in_progress"
    assert endpoint.calls == []


def test_a_model_of_a_stopped_run_that_another_left_live_is_taken_away_when_that_one_is_done(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = Endpoint(monkeypatch)
    crown(aws)
    take_turn(aws.dynamodb, TABLE, DATASET, "another", time.time())
    assert restored(context).verdict == "in_progress"
    assert endpoint.calls == []
    give_turn_back(aws.dynamodb, TABLE, DATASET, "another")
    assert restored(context).verdict == "in_progress"
    assert endpoint.calls == [("update", "sluice-before")]


def test_a_model_that_is_the_champion_already_stays(aws: Aws, endpoint: Endpoint, context: Context) -> None:
    crown(aws, Deployed(GOOD.run.run_id, OURS))
    assert restored(context).verdict == "untouched"
    assert endpoint.calls == []


def test_a_model_before_that_does_not_come_back_is_a_matter_for_a_person(
    aws: Aws, endpoint: Endpoint, context: Context
) -> None:
    crown(aws)
    found = None
    for _ in range(MAX_ATTEMPTS):
        found = restored(context, found)
    last = restored(context, found)
    assert last.verdict == "failed"
    assert "retire" in last.reasons[0]
    assert len(endpoint.calls) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("code", "message", "verdict"),
    [
        ("ValidationException", "Could not find endpoint configuration", "failed"),
        ("ValidationException", "Cannot update in-progress endpoint", None),
        ("ThrottlingException", "Rate exceeded", None),
    ],
)
def test_what_asking_again_does_not_mend_is_said_at_once(
    aws: Aws, endpoint: Endpoint, context: Context, code: str, message: str, verdict: str | None
) -> None:
    crown(aws)
    endpoint.error = ClientError({"Error": {"Code": code, "Message": message}}, "UpdateEndpoint")
    if verdict is None:
        with pytest.raises(ClientError, match=message):
            restored(context)
    else:
        answer = restored(context)
        assert answer.verdict == verdict
        assert message in answer.reasons[0]
