from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from sluice.endpoint.golden import SCORE_TOLERANCE, largest_difference, parse_scores, verdict
from sluice.endpoint.requests import (
    alarm_requests,
    endpoint_config_request,
    endpoint_request,
    endpoint_status,
    model_request,
    not_as_asked,
    scaling_requests,
    update_request,
)
from sluice.messages import CompletedTraining, Trainer
from sluice.names import alarm_names
from sluice.settings import DeploySettings
from tests.messages import GOOD
from tests.service_models import problems

SETTINGS = DeploySettings(
    artifact_bucket="artifacts",
    runs_table="runs",
    outcome_topic_arn="arn:aws:sns:us-east-1:000000000000:outcomes",
    name_prefix="sluice",
    aws_region="us-east-1",
    sagemaker_role_arn="arn:aws:iam::000000000000:role/sluice-SageMakerRole-1",
    kms_key_arn="",
    subnet_ids=(),
    security_group_ids=(),
)
SERVERLESS = DatasetConfig.model_validate({})
INSTANCE = DatasetConfig.model_validate({"endpoint": {"kind": "instance", "instance_count": 2}})
assert GOOD.deployment is not None
assert isinstance(GOOD.training, CompletedTraining)
TRAINED = GOOD.training
DEPLOYMENT = GOOD.deployment


def test_a_model_is_served_by_the_image_that_trained_it() -> None:
    trainer = Trainer(algorithm="another:1.0", image="000000000000.dkr.ecr.us-east-1.amazonaws.com/another:1.0")
    trained = TRAINED.model_copy(update={"trainer": trainer})
    container = model_request(GOOD.run, trained, SERVERLESS, SETTINGS)["PrimaryContainer"]
    assert container == {"Image": trainer.image, "ModelDataUrl": TRAINED.model_uri}


@pytest.mark.parametrize("config", [SERVERLESS, INSTANCE])
def test_the_requests_fit_the_service_model(config: DatasetConfig) -> None:
    assert not problems("CreateModel", model_request(GOOD.run, TRAINED, config, SETTINGS))
    assert not problems("CreateEndpointConfig", endpoint_config_request(GOOD.run, config, SETTINGS))
    assert not problems("CreateEndpoint", endpoint_request(GOOD.run, SETTINGS))


def test_an_endpoint_costs_nothing_at_rest_unless_instances_are_asked_for() -> None:
    (variant,) = endpoint_config_request(GOOD.run, SERVERLESS, SETTINGS)["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert "InstanceType" not in variant
    (variant,) = endpoint_config_request(GOOD.run, INSTANCE, SETTINGS)["ProductionVariants"]
    assert variant["InitialInstanceCount"] == 2
    assert "ServerlessConfig" not in variant


def test_serverless_models_are_not_isolated_since_sagemaker_refuses_that() -> None:
    assert model_request(GOOD.run, TRAINED, SERVERLESS, SETTINGS)["EnableNetworkIsolation"] is False
    assert model_request(GOOD.run, TRAINED, INSTANCE, SETTINGS)["EnableNetworkIsolation"] is True


KEY = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("endpoint", "disks"),
    [
        ({"kind": "serverless"}, None),
        ({"kind": "instance", "instance_type": "ml.m5.large"}, KEY),
        ({"kind": "instance", "instance_type": "ml.m5d.large"}, None),
    ],
)
def test_the_stacks_key_encrypts_the_disks_that_it_can(endpoint: dict[str, Any], disks: str | None) -> None:
    config = DatasetConfig.model_validate({"endpoint": endpoint})
    request = endpoint_config_request(GOOD.run, config, SETTINGS.model_copy(update={"kms_key_arn": KEY}))
    assert not problems("CreateEndpointConfig", request)
    assert request.get("KmsKeyId") == disks


@pytest.mark.parametrize("instance_type", ["ml.m5.large", "ml.m5d.large"])
def test_captured_data_are_encrypted_by_the_stacks_key(instance_type: str) -> None:
    config = instances(instance_type=instance_type, data_capture={"share": 1})
    request = endpoint_config_request(GOOD.run, config, SETTINGS.model_copy(update={"kms_key_arn": KEY}))
    assert not problems("CreateEndpointConfig", request)
    assert request["DataCaptureConfig"]["KmsKeyId"] == KEY


def test_a_model_runs_in_the_stacks_vpc_and_stays_isolated() -> None:
    network = {"subnet_ids": ("subnet-0a",), "security_group_ids": ("sg-0a", "sg-0b")}
    request = model_request(GOOD.run, TRAINED, INSTANCE, SETTINGS.model_copy(update=network))
    assert not problems("CreateModel", request)
    assert request["VpcConfig"] == {"Subnets": ["subnet-0a"], "SecurityGroupIds": ["sg-0a", "sg-0b"]}
    assert request["EnableNetworkIsolation"] is True


def test_without_key_and_vpc_the_requests_name_neither() -> None:
    config = instances(data_capture={"share": 1})
    assert "Kms" not in str(endpoint_config_request(GOOD.run, config, SETTINGS))
    assert "VpcConfig" not in model_request(GOOD.run, TRAINED, config, SETTINGS)


def instances(count: int = 4, **endpoint: Any) -> DatasetConfig:
    return DatasetConfig.model_validate({"endpoint": {"kind": "instance", "instance_count": count, **endpoint}})


def guards(config: DatasetConfig, there: int | None = None) -> dict[str, Any]:
    count = config.endpoint.instance_count if there is None else there
    request = update_request(DEPLOYMENT, config.endpoint, ["a", "b"], count, guarded=True)
    assert not problems("UpdateEndpoint", request)
    found: dict[str, Any] = request["DeploymentConfig"]
    assert found["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}
    return found["BlueGreenUpdatePolicy"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("config", "routing"),
    [
        (SERVERLESS, {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}),
        (instances(1), {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}),
        (
            instances(2),
            {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 300,
                "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
            },
        ),
        (
            instances(10, rollout={"policy": "linear", "share": 0.2, "wait_seconds": 60}),
            {
                "Type": "LINEAR",
                "WaitIntervalInSeconds": 60,
                "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 2},
            },
        ),
    ],
)
def test_updates_shift_traffic_as_far_as_the_endpoint_can(config: DatasetConfig, routing: dict[str, Any]) -> None:
    assert guards(config)["TrafficRoutingConfiguration"] == routing


@given(count=st.integers(2, 100), share=st.floats(0.1, 0.5), policy=st.sampled_from(["canary", "linear"]))
def test_a_step_is_at_least_a_tenth_and_at_most_half(count: int, share: float, policy: str) -> None:
    routing = guards(instances(count, rollout={"policy": policy, "share": share}))["TrafficRoutingConfiguration"]
    size = routing["CanarySize" if policy == "canary" else "LinearStepSize"]["Value"]
    assert 0.1 <= size / count <= 0.5


def test_an_endpoint_that_was_scaled_down_to_one_instance_switches_at_once() -> None:
    config = instances(4, autoscaling={"max": 5})
    assert guards(config, there=1)["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert guards(config, there=4)["TrafficRoutingConfiguration"]["Type"] == "CANARY"


def test_an_update_may_take_as_long_as_its_waits() -> None:
    policy = guards(instances(10, rollout={"policy": "linear", "wait_seconds": 1800, "baking_seconds": 1800}))
    assert policy["TerminationWaitInSeconds"] == 1800
    assert 600 <= policy["MaximumExecutionTimeoutInSeconds"] <= 14_400


def test_an_update_that_changes_the_variants_has_no_guards() -> None:
    request = update_request(DEPLOYMENT, instances().endpoint, ["a"], 4, guarded=False)
    assert "DeploymentConfig" not in request


def test_autoscaling_keeps_the_instances_that_there_are() -> None:
    config = instances(autoscaling={"max": 5})
    request = update_request(DEPLOYMENT, config.endpoint, [], 4, guarded=True)
    assert not problems("UpdateEndpoint", request)
    assert request["RetainAllVariantProperties"]
    assert config.endpoint.autoscaling
    for operation, asked in zip(
        ("RegisterScalableTarget", "PutScalingPolicy"),
        scaling_requests("sluice-churn", config.endpoint.autoscaling),
        strict=True,
    ):
        assert not problems(operation, asked, "application-autoscaling")


def test_the_alarms_fit_the_service_model_and_have_an_eye_on_the_endpoint() -> None:
    requests = alarm_requests(GOOD.run, SERVERLESS, SETTINGS)
    assert [request["AlarmName"] for request in requests] == list(alarm_names("sluice-breast-cancer"))
    for request in requests:
        assert not problems("PutMetricAlarm", request, "cloudwatch")
    assert [request["MetricName"] for request in requests] == [
        "Invocation5XXErrors",
        "ModelLatency",
        "OutsideTrainingRange",
    ]


def test_captured_requests_lie_in_the_datasets_folder() -> None:
    request = endpoint_config_request(GOOD.run, instances(data_capture={"share": 0.5}), SETTINGS)
    assert not problems("CreateEndpointConfig", request)
    assert request["DataCaptureConfig"]["DestinationS3Uri"] == "s3://artifacts/breast-cancer/captured/"
    assert request["DataCaptureConfig"]["InitialSamplingPercentage"] == 50


def test_a_shadow_gets_a_share_of_the_requests() -> None:
    config = instances(previous={"role": "shadow", "share": 0.5}, data_capture={"share": 1})
    request = endpoint_config_request(GOOD.run, config, SETTINGS, "sluice-before")
    assert not problems("CreateEndpointConfig", request)
    (champion,), (shadow,) = request["ProductionVariants"], request["ShadowProductionVariants"]
    assert (champion["InitialVariantWeight"], shadow["InitialVariantWeight"]) == (1.0, 0.5)
    assert shadow["ModelName"] == "sluice-before"
    assert "ShadowProductionVariants" not in endpoint_config_request(GOOD.run, config, SETTINGS)


def test_what_sagemaker_adds_to_a_configuration_is_no_difference() -> None:
    config = instances(previous={"role": "variant", "share": 0.3})
    asked = endpoint_config_request(GOOD.run, config, SETTINGS, "sluice-before")
    there = copy.deepcopy(asked)
    for variant in there["ProductionVariants"]:
        variant["InitialVariantWeight"] = float(np.float32(variant["InitialVariantWeight"]))
        variant["EnableSSMAccess"] = False
    described = {"ProductionVariants": [{"VariantName": "champion"}, {"VariantName": "previous"}]}
    assert not_as_asked(asked, there, described) is None
    there["ProductionVariants"][1]["InitialVariantWeight"] = 0.4
    assert "InitialVariantWeight of its variant previous" in (not_as_asked(asked, there, described) or "")


def described(status: str, config: str, **more: str) -> dict[str, Any]:
    return {"EndpointStatus": status, "EndpointConfigName": config, **more}


def test_in_service_on_the_new_configuration_is_success() -> None:
    assert endpoint_status(described("InService", DEPLOYMENT.config_name), DEPLOYMENT).status == "in_service"


def test_in_service_on_another_configuration_is_a_rollback() -> None:
    status = endpoint_status(described("InService", "old", FailureReason="no capacity"), DEPLOYMENT)
    assert status.status == "rolled_back"
    assert "old still answers" in status.reasons[0]
    assert "no capacity" in status.reasons[0]


@pytest.mark.parametrize("word", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_an_endpoint_under_way_is_waited_for(word: str) -> None:
    status = endpoint_status(described(word, DEPLOYMENT.config_name), DEPLOYMENT)
    assert status.status == "in_progress"
    assert status.wait_seconds > 0


@pytest.mark.parametrize("word", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_any_other_word_is_a_failure_with_the_reason(word: str) -> None:
    status = endpoint_status(described(word, DEPLOYMENT.config_name, FailureReason="ping"), DEPLOYMENT)
    assert status.status == "failed"
    assert "ping" in status.reasons[0]


@given(st.lists(st.floats(min_value=0, max_value=1, width=32), min_size=1, max_size=30), st.sampled_from("\n,"))
def test_scores_come_back_as_they_were_sent(scores: list[float], separator: str) -> None:
    assert parse_scores(separator.join(map(repr, scores)) + "\n") == scores


def test_scores_of_many_classes_come_row_after_row() -> None:
    assert parse_scores("[0.1, 0.2, 0.7]\n[0.5, 0.25, 0.25]\n") == [0.1, 0.2, 0.7, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("body", ["nan", "0.5\ninf", "abc"])
def test_what_is_no_score_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r"finite|could not convert"):
        parse_scores(body)


def test_too_few_scores_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 scores were expected and 2 came back"):
        largest_difference([0.1, 0.2], [0.1, 0.2, 0.3])


def test_rounding_to_float32_is_within_the_tolerance_and_another_model_is_not() -> None:
    assert largest_difference([0.1234567], [0.12345671]) < SCORE_TOLERANCE
    assert largest_difference([0.424], [0.040]) > SCORE_TOLERANCE


def test_golden_rows_of_numbers_have_a_tolerance_of_their_own_size() -> None:
    golden = {"rows": ["1"], "scores": [250_000.0], "tolerance": 2.5}
    assert verdict(golden, "250001.5\n").wrong is None
    found = verdict(golden, "250003.5\n")
    assert found.wrong is not None
    assert "exceeds the maximum of 2.5" in found.wrong
    assert verdict({"rows": ["1"], "scores": [0.5]}, "0.50002\n").wrong is not None
