"""The environment of the functions, read in one place and checked at cold start.

A missing variable stops the function with its name: a default here would hide a broken template.
"""

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

NAMESPACE = "Sluice"
"""Of the metrics that the functions emit."""


def _parts(value: object) -> object:
    """Text with commas between its parts, as the parts; none of empty text."""
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


type _Listed = Annotated[tuple[str, ...], BeforeValidator(_parts)]


def _known(value: object) -> object:
    """None if the text is empty."""
    return None if value == "" else value


type _Optional[Value] = Annotated[Value | None, BeforeValidator(_known)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    @classmethod
    def load[T: _Settings](cls: type[T], environ: Mapping[str, str] = os.environ) -> T:
        """Fields are the environment's names in lower case.

        Raises:
            pydantic.ValidationError: a variable is missing or does not fit.
        """
        return cls.model_validate({name.lower(): value for name, value in environ.items()})


class ClaimSettings(_Settings):
    runs_table: str
    max_concurrent_runs: int


class ValidateSettings(_Settings):
    artifact_bucket: str
    default_target: str = ""
    max_csv_bytes: int
    subnet_ids: _Listed


class NetworkSettings(_Settings):
    """Where training jobs and models run; both are empty, or neither."""

    subnet_ids: _Listed
    security_group_ids: _Listed


class TrainSettings(NetworkSettings):
    artifact_bucket: str
    name_prefix: str
    aws_region: str
    sagemaker_role_arn: str
    training_instance_type: str
    training_max_runtime_seconds: int
    training_managed_spot: bool
    kms_key_arn: str


class EvaluateSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    default_max_log_loss_share_of_prior: _Optional[float]
    default_gates: str


class EndpointSettings(_Settings):
    artifact_bucket: str
    name_prefix: str
    kms_key_arn: str


class DeploySettings(EndpointSettings, NetworkSettings):
    runs_table: str
    outcome_topic_arn: str
    aws_region: str
    sagemaker_role_arn: str


class RestoreSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    name_prefix: str


class CleanSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    name_prefix: str


class ReconcileSettings(_Settings):
    inbox_bucket: str
    runs_table: str
    state_machine_arn: str
    restore_endpoint_function: str
    record_outcome_function: str
    register_model_function: str
    render_report_function: str


class MonitorSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    name_prefix: str
    outcome_topic_arn: str


class MisplacedSettings(_Settings):
    runs_table: str
    outcome_topic_arn: str


class TearDownSettings(_Settings):
    name_prefix: str
    kms_key_arn: str


class AskSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    outcome_topic_arn: str
    approval_url: str


class DecideSettings(_Settings):
    runs_table: str


class RecordSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    outcome_topic_arn: str


class RegisterSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    name_prefix: str
    aws_region: str


class RenderSettings(_Settings):
    artifact_bucket: str
    runs_table: str


class PredictSettings(_Settings):
    artifact_bucket: str
    runs_table: str
    name_prefix: str
