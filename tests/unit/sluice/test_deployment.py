from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.config import DatasetConfig
from sluice.deployment import (
    SCORE_TOLERANCE,
    endpoint_config_request,
    endpoint_request,
    endpoint_status,
    largest_difference,
    model_request,
    parse_scores,
)
from sluice.settings import DeploySettings
from tests.messages import GOOD
from tests.service_models import problems

SETTINGS = DeploySettings(
    runs_table="runs",
    name_prefix="sluice",
    aws_region="us-east-1",
    sagemaker_role_arn="arn:aws:iam::000000000000:role/sluice-SageMakerRole-1",
)
SERVERLESS = DatasetConfig.model_validate({})
INSTANCE = DatasetConfig.model_validate({"endpoint": {"kind": "instance", "instance_count": 2}})
assert GOOD.deployment is not None
DEPLOYMENT = GOOD.deployment


@pytest.mark.parametrize("config", [SERVERLESS, INSTANCE])
def test_the_requests_fit_the_service_model(config: DatasetConfig) -> None:
    assert not problems("CreateModel", model_request(GOOD.run, "s3://b/model.tar.gz", config, SETTINGS))
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
    assert model_request(GOOD.run, "s3://b/m", SERVERLESS, SETTINGS)["EnableNetworkIsolation"] is False
    assert model_request(GOOD.run, "s3://b/m", INSTANCE, SETTINGS)["EnableNetworkIsolation"] is True


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
