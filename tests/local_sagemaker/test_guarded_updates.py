"""Updates with deployment guardrails over the wire: how requests move, what sends them back, what is refused."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker import LocalSageMaker
from local.sagemaker.configurations import EndpointConfig
from local.sagemaker.errors import ApiError
from local.sagemaker.rollout import rollout_of
from tests.local_sagemaker.conftest import (
    BUCKET,
    MINUTE,
    WAIT_SCALE,
    Lab,
    SageMaker,
    policy,
    refused,
    variant,
    wait_for,
)

UNHEALTHY = (
    "The primary container for production variant champion did not pass the ping health check. Please check "
    "CloudWatch logs for this endpoint."
)
TRUST_UNCONDITIONALLY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
HALF: dict[str, Any] = {"Type": "INSTANCE_COUNT", "Value": 1}


@pytest.fixture
def alarm(lab: Lab) -> str:
    """Name of an alarm that is not on."""
    name = lab.name("guard/errors")
    lab.cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="none", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=0, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    turn(lab, name, "OK")
    return name


def turn(lab: Lab, alarm: str, state: str) -> None:
    lab.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="test")


@pytest.fixture
def endpoint(sagemaker: SageMaker, artefact: str) -> str:
    """Name of an endpoint with one variant on two instances."""
    shown = sagemaker.deploy_config(sagemaker.variants_config({"champion": artefact}))
    assert shown["EndpointStatus"] == "InService"
    name: str = shown["EndpointName"]
    return name


def guards(kind: str = "ALL_AT_ONCE", *alarms: str, wait: int = 0, baking: int = 0, **size: Any) -> dict[str, Any]:
    on = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **size},
            "TerminationWaitInSeconds": baking,
        },
        **on,
    }


def update(sagemaker: SageMaker, endpoint: str, artefact: str, deployment: dict[str, Any] | None, **more: Any) -> str:
    """Name of the configuration that the endpoint is now updated to."""
    new = sagemaker.variants_config({"champion": artefact})
    asked = {"DeploymentConfig": deployment} if deployment else {}
    sagemaker.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=new, **asked, **more)
    return new


def pending_status(sagemaker: SageMaker, endpoint: str) -> str | None:
    summary = sagemaker.describe(endpoint).get("PendingDeploymentSummary")
    if summary is None:
        return None
    status: str = summary["ProductionVariants"][0]["VariantStatus"][0]["Status"]
    return status


# -- how requests move


@pytest.mark.parametrize(
    ("kind", "size"), [("CANARY", {"CanarySize": HALF}), ("LINEAR", {"LinearStepSize": HALF})], ids=["canary", "linear"]
)
def test_requests_move_in_parts_and_old_and_new_answer_meanwhile(
    sagemaker: SageMaker, endpoint: str, other: str, kind: str, size: dict[str, Any]
) -> None:
    (before,) = set(sagemaker.answers(endpoint, 5))
    old = sagemaker.describe(endpoint)["EndpointConfigName"]
    new = update(sagemaker, endpoint, other, guards(kind, wait=8 * MINUTE, **size))
    wait_for(lambda: pending_status(sagemaker, endpoint) == "Baking")
    shares = Counter(sagemaker.answers(endpoint, 200))
    shown = sagemaker.describe(endpoint)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("Updating", old)
    assert len(shares) == 2
    assert 60 <= shares[before] <= 140
    assert sagemaker.settled(endpoint)["EndpointConfigName"] == new
    (after,) = set(sagemaker.answers(endpoint, 20))
    assert after != before


def test_a_tenth_of_the_capacity_gets_about_a_tenth_of_the_requests(
    sagemaker: SageMaker, endpoint: str, other: str
) -> None:
    (before,) = set(sagemaker.answers(endpoint, 5))
    tenth = {"Type": "CAPACITY_PERCENT", "Value": 10}
    update(sagemaker, endpoint, other, guards("CANARY", wait=8 * MINUTE, CanarySize=tenth))
    wait_for(lambda: pending_status(sagemaker, endpoint) == "Baking")
    assert 2 <= 200 - Counter(sagemaker.answers(endpoint, 200))[before] <= 50
    sagemaker.settled(endpoint)


def test_an_update_is_described_from_its_beginning_to_its_rollback(
    lab: Lab, execution_role: str, artefact: str, other: str, alarm: str
) -> None:
    with LocalSageMaker(aws_endpoint=lab.url, pace=0.6, wait_scale=WAIT_SCALE) as server:
        slow = SageMaker(lab, server, execution_role)
        endpoint = slow.deploy_config(slow.variants_config({"champion": artefact}))["EndpointName"]
        began = datetime.now(UTC) - timedelta(seconds=2)
        deployment = guards("ALL_AT_ONCE", alarm, baking=30 * MINUTE)
        new = update(slow, endpoint, other, deployment)
        summary = slow.describe(endpoint)["PendingDeploymentSummary"]
        assert (summary["EndpointConfigName"], began < summary["StartTime"]) == (new, True)
        (shown,) = summary["ProductionVariants"]
        assert (shown["VariantName"], shown["CurrentInstanceCount"], shown["DesiredInstanceCount"]) == (
            "champion",
            0,
            2,
        )
        assert shown["VariantStatus"][0]["Status"] == "Creating"
        wait_for(lambda: pending_status(slow, endpoint) == "Baking")
        turn(lab, alarm, "ALARM")
        wait_for(lambda: slow.describe(endpoint)["EndpointStatus"] == "RollingBack")
        ended = slow.settled(endpoint)
        assert "PendingDeploymentSummary" not in ended
        assert ended["LastDeploymentConfig"] == deployment


def test_no_request_fails_while_the_fleets_change(
    sagemaker: SageMaker, endpoint: str, other: str, artefact: str
) -> None:
    failures: list[str] = []
    answered: list[bytes] = []
    ending = threading.Event()

    def ask() -> None:
        while not ending.is_set():
            try:
                answered.append(sagemaker.ask(endpoint)["Body"].read())
            except ClientError as error:
                failures.append(str(error))

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    canary = guards("CANARY", wait=10, baking=10, CanarySize=HALF)
    try:
        for version, deployment in ((other, canary), (artefact, None), (other, guards()), (artefact, canary)):
            new = update(sagemaker, endpoint, version, deployment)
            assert sagemaker.settled(endpoint)["EndpointConfigName"] == new
        sagemaker.server.faults.endpoint(endpoint, "RollBack", stage="shifting")
        update(sagemaker, endpoint, other, canary)
        sagemaker.settled(endpoint)
    finally:
        ending.set()
        for caller in callers:
            caller.join()
    assert failures == []
    assert len(set(answered)) == 2


# -- what sends them back


@pytest.mark.parametrize("stage", ["shifting", "baking"])
def test_an_alarm_rolls_the_update_back(
    lab: Lab, sagemaker: SageMaker, endpoint: str, other: str, alarm: str, stage: str
) -> None:
    (before,) = set(sagemaker.answers(endpoint, 5))
    old = sagemaker.describe(endpoint)["EndpointConfigName"]
    wait, baking = (30 * MINUTE, 0) if stage == "shifting" else (0, 30 * MINUTE)
    update(sagemaker, endpoint, other, guards("CANARY", alarm, wait=wait, baking=baking, CanarySize=HALF))
    wait_for(lambda: set(sagemaker.answers(endpoint, 10)) != {before})
    turn(lab, alarm, "ALARM")
    shown = sagemaker.settled(endpoint)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", old)
    assert shown["FailureReason"] == f"One or more alarms are in the ALARM state: {alarm}. Rolled back."
    assert "PendingDeploymentSummary" not in shown
    assert set(sagemaker.answers(endpoint, 20)) == {before}


def test_the_reason_of_a_rollback_goes_with_the_next_update(
    lab: Lab, sagemaker: SageMaker, endpoint: str, other: str, alarm: str
) -> None:
    turn(lab, alarm, "ALARM")
    update(sagemaker, endpoint, other, guards("ALL_AT_ONCE", alarm))
    assert alarm in sagemaker.settled(endpoint)["FailureReason"]
    turn(lab, alarm, "OK")
    new = update(sagemaker, endpoint, other, guards("ALL_AT_ONCE", alarm))
    shown = sagemaker.settled(endpoint)
    assert (shown["EndpointConfigName"], shown.get("FailureReason")) == (new, None)


def test_alarms_that_can_no_longer_be_seen_roll_the_update_back(
    lab: Lab, sagemaker: SageMaker, artefact: str, other: str, alarm: str
) -> None:
    may_read = (["s3:GetObject"], [f"arn:aws:s3:::{BUCKET}/*"])
    name = lab.name("fickle")
    # Without a condition in its trust policy: a session that is federated keeps the permissions that it began with.
    role = lab.role(name, policy(may_read, (["cloudwatch:DescribeAlarms"], ["*"])), TRUST_UNCONDITIONALLY)
    fickle = SageMaker(lab, sagemaker.server, role)
    endpoint = fickle.deploy_config(fickle.variants_config({"champion": artefact}))["EndpointName"]
    update(fickle, endpoint, other, guards("ALL_AT_ONCE", alarm, baking=30 * MINUTE))
    wait_for(lambda: pending_status(fickle, endpoint) == "Baking")
    lab.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy(may_read)))
    reason = fickle.settled(endpoint)["FailureReason"]
    assert reason.startswith("The alarms could not be described. Rolled back. (An error occurred (AccessDenied")


@pytest.mark.parametrize("outcome", ["RollBack", "HealthCheck"])
@pytest.mark.parametrize("stage", ["creating", "shifting", "baking"])
def test_a_fault_at_any_stage_leaves_the_old_model_answering(
    sagemaker: SageMaker, endpoint: str, other: str, outcome: str, stage: str
) -> None:
    (before,) = set(sagemaker.answers(endpoint, 5))
    old = sagemaker.describe(endpoint)["EndpointConfigName"]
    sagemaker.server.faults.endpoint(endpoint, outcome, stage=stage)
    update(sagemaker, endpoint, other, guards("CANARY", wait=2 * MINUTE, baking=2 * MINUTE, CanarySize=HALF))
    moved = wait_for(lambda: set(sagemaker.answers(endpoint, 10)) != {before}) if stage != "creating" else False
    shown = sagemaker.settled(endpoint)
    assert moved is (stage != "creating")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", old)
    if outcome == "HealthCheck":
        assert shown["FailureReason"] == UNHEALTHY
    else:
        assert shown["FailureReason"].startswith("Unable to provision requested ML compute capacity")
    assert set(sagemaker.answers(endpoint, 20)) == {before}


def test_a_new_endpoint_that_does_not_pass_its_health_check_fails(sagemaker: SageMaker, artefact: str) -> None:
    sagemaker.server.faults.endpoint("endpoint-*", "HealthCheck")
    shown = sagemaker.deploy_config(sagemaker.variants_config({"champion": artefact}))
    assert (shown["EndpointStatus"], shown["FailureReason"]) == ("Failed", UNHEALTHY)


def test_a_fleet_that_answers_wrongly_looks_healthy_and_does_so_alone(
    sagemaker: SageMaker, endpoint: str, artefact: str
) -> None:
    (before,) = set(sagemaker.answers(endpoint, 5))
    sagemaker.server.faults.endpoint(endpoint, "WrongScores")
    new = update(sagemaker, endpoint, artefact, None)
    shown = sagemaker.settled(endpoint)
    assert (shown["EndpointConfigName"], shown.get("FailureReason")) == (new, None)
    (wrong,) = set(sagemaker.answers(endpoint, 5))
    assert float(wrong) == pytest.approx(0.5 * float(before) + 0.01)
    update(sagemaker, endpoint, artefact, None)
    sagemaker.settled(endpoint)
    assert set(sagemaker.answers(endpoint, 5)) == {before}


# -- what is retained


def test_what_is_to_be_retained_is(sagemaker: SageMaker, endpoint: str, other: str) -> None:
    sagemaker.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "champion", "DesiredWeight": 3.0, "DesiredInstanceCount": 4}],
    )
    sagemaker.settled(endpoint)

    def after(*excluded: str) -> tuple[int, float]:
        left_out = [{"VariantPropertyType": name} for name in excluded]
        more = {"ExcludeRetainedVariantProperties": left_out} if excluded else {}
        update(sagemaker, endpoint, other, None, RetainAllVariantProperties=True, **more)
        (shown,) = sagemaker.settled(endpoint)["ProductionVariants"]
        return shown["CurrentInstanceCount"], shown["CurrentWeight"]

    assert after() == (4, 3.0)
    assert after("DesiredWeight") == (4, 1.0)
    assert after("DesiredInstanceCount") == (2, 1.0)


def test_the_last_deployment_configuration_can_be_retained(sagemaker: SageMaker, endpoint: str, other: str) -> None:
    deployment = guards("CANARY", wait=4 * MINUTE, CanarySize=HALF)
    update(sagemaker, endpoint, other, deployment)
    sagemaker.settled(endpoint)
    update(sagemaker, endpoint, other, None, RetainDeploymentConfig=True)
    wait_for(lambda: pending_status(sagemaker, endpoint) == "Baking")
    assert sagemaker.settled(endpoint)["LastDeploymentConfig"] == deployment


# -- what is refused


def test_an_endpoint_that_cannot_be_updated_so_says_why(
    lab: Lab, sagemaker: SageMaker, endpoint: str, other: str
) -> None:
    def asked(name: str, deployment: dict[str, Any]) -> str:
        code, message = refused(
            sagemaker.api.update_endpoint, EndpointName=endpoint, EndpointConfigName=name, DeploymentConfig=deployment
        )
        assert code == "ValidationException"
        return message

    two = sagemaker.variants_config({"champion": other})
    one = sagemaker.variants_config({"champion": other}, instances=1)
    assert "one instance by CANARY" in asked(one, guards("CANARY", CanarySize=HALF))
    assert "variant names" in asked(sagemaker.variants_config({"another": other}), guards())
    assert "a CanarySize of 60%" in asked(two, guards("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 60}))
    assert "do not exist: not-there" in asked(two, guards("ALL_AT_ONCE", "not-there"))
    assert sagemaker.describe(endpoint)["EndpointStatus"] == "InService"


def test_a_role_that_may_not_see_the_alarms_is_refused(
    lab: Lab, sagemaker: SageMaker, endpoint: str, other: str, alarm: str
) -> None:
    role = lab.role(lab.name("blind"), policy((["s3:GetObject"], [f"arn:aws:s3:::{BUCKET}/*"])))
    blind = SageMaker(lab, sagemaker.server, role)
    with pytest.raises(ClientError, match=r"ValidationException.*may cloudwatch:DescribeAlarms"):
        update(blind, endpoint, other, guards("ALL_AT_ONCE", alarm))
    assert sagemaker.describe(endpoint)["EndpointStatus"] == "InService"


def test_a_serverless_endpoint_moves_all_at_once_and_bakes(sagemaker: SageMaker, artefact: str, other: str) -> None:
    endpoint = sagemaker.deploy_config(sagemaker.serverless_config(artefact))["EndpointName"]
    new = sagemaker.serverless_config(other)
    asked = {"EndpointName": endpoint, "EndpointConfigName": new}
    code, message = refused(sagemaker.api.update_endpoint, **asked, DeploymentConfig=guards("CANARY", CanarySize=HALF))
    assert (code, "serverless" in message) == ("ValidationException", True)
    sagemaker.api.update_endpoint(**asked, DeploymentConfig=guards(baking=2 * MINUTE))
    wait_for(lambda: pending_status(sagemaker, endpoint) == "Baking")
    assert sagemaker.settled(endpoint)["EndpointConfigName"] == new


def of(instances: int, variants: int = 1) -> EndpointConfig:
    shown = [variant(f"variant-{number}", "model", instances) for number in range(variants)]
    return EndpointConfig({"EndpointConfigName": "config", "ProductionVariants": shown}, "arn")


def percent(member: str, value: int) -> dict[str, Any]:
    return {member: {"Type": "CAPACITY_PERCENT", "Value": value}}


ROLLING = {"WaitIntervalInSeconds": 60, **percent("MaximumBatchSize", 25)}


@pytest.mark.parametrize(
    ("deployment", "instances", "shares"),
    [
        (guards(), 1, (1.0,)),
        (guards("CANARY", **percent("CanarySize", 1)), 2, (0.01, 1.0)),
        (guards("CANARY", CanarySize=HALF), 4, (0.25, 1.0)),
        (guards("LINEAR", LinearStepSize=HALF), 3, (0.333333333, 0.666666667, 1.0)),
        (guards("LINEAR", **percent("LinearStepSize", 30)), 2, (0.3, 0.6, 0.9, 1.0)),
        (guards("LINEAR", **percent("LinearStepSize", 10)), 2, tuple(step / 10 for step in range(1, 11))),
        ({"RollingUpdatePolicy": ROLLING}, 2, (0.25, 0.5, 0.75, 1.0)),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}, 1, (1.0,)),
    ],
)
def test_shares_follow_from_the_deployment_configuration(
    deployment: dict[str, Any], instances: int, shares: tuple[float, ...]
) -> None:
    assert rollout_of(deployment, of(instances)).shares == pytest.approx(shares)


@pytest.mark.parametrize(
    ("deployment", "config", "words"),
    [
        (guards("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 2}), of(3), "CanarySize of 67%"),
        (guards("LINEAR", **percent("LinearStepSize", 60)), of(3), "at least 10% and at most 50%"),
        (guards("LINEAR", **percent("LinearStepSize", 9)), of(3), "LinearStepSize of 9%"),
        (guards("LINEAR", LinearStepSize=HALF), of(20), "LinearStepSize of 5%"),
        (guards("LINEAR"), of(3), "needs a LinearStepSize"),
        (guards("LINEAR", LinearStepSize=HALF), of(1), "one instance by LINEAR"),
        ({"RollingUpdatePolicy": ROLLING}, of(4, variants=2), "several variants"),
        ({"RollingUpdatePolicy": ROLLING, **guards()}, of(4), "either"),
        (
            {
                "BlueGreenUpdatePolicy": {
                    **guards("CANARY", wait=500, baking=500, CanarySize=HALF)["BlueGreenUpdatePolicy"],
                    "MaximumExecutionTimeoutInSeconds": 900,
                }
            },
            of(2),
            "waits of 1000 seconds",
        ),
    ],
)
def test_what_sagemaker_could_not_carry_out_is_refused(
    deployment: dict[str, Any], config: EndpointConfig, words: str
) -> None:
    with pytest.raises(ApiError, match=words) as refusal:
        rollout_of(deployment, config)
    assert refusal.value.code == "ValidationException"
