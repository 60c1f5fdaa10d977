from __future__ import annotations

import pytest
from pydantic import ValidationError

from sluice.settings import EvaluateSettings, RecordSettings, TrainSettings


def test_a_missing_variable_stops_the_function_by_name() -> None:
    with pytest.raises(ValidationError, match="runs_table"):
        RecordSettings.load({"ARTIFACT_BUCKET": "a", "OUTCOME_TOPIC_ARN": "t"})


def test_the_templates_text_becomes_numbers_and_switches() -> None:
    settings = TrainSettings.load(
        {
            "ARTIFACT_BUCKET": "a",
            "NAME_PREFIX": "sluice",
            "AWS_REGION": "us-east-1",
            "SAGEMAKER_ROLE_ARN": "arn",
            "TRAINING_INSTANCE_TYPE": "ml.m5.large",
            "TRAINING_MAX_RUNTIME_SECONDS": "60",
            "TRAINING_MANAGED_SPOT": "false",
            "KMS_KEY_ARN": "",
            "SUBNET_IDS": "subnet-0a,subnet-0b",
            "SECURITY_GROUP_IDS": "",
        }
    )
    assert settings.subnet_ids == ("subnet-0a", "subnet-0b")
    assert settings.security_group_ids == ()
    assert settings.training_max_runtime_seconds == 60
    assert settings.training_managed_spot is False


@pytest.mark.parametrize(("text", "value"), [("", None), ("0.9", 0.9)])
def test_a_number_may_be_left_empty(text: str, value: float | None) -> None:
    environment = {"ARTIFACT_BUCKET": "a", "RUNS_TABLE": "r", "DEFAULT_GATES": ""}
    settings = EvaluateSettings.load({**environment, "DEFAULT_MAX_LOG_LOSS_SHARE_OF_PRIOR": text})
    assert settings.default_max_log_loss_share_of_prior == value
