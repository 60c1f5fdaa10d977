"""Holds the image table and the SageMaker requests to what AWS's own SDK knows.

The SDK weighs 1 GB, so it has an environment of its own::

    uv venv --python 3.13 .venv-sdk && uv pip sync --python .venv-sdk requirements-sdk.txt
    .venv-sdk/bin/python -m pytest tests/contract/sdk

The requests are checked as the SDK would send them: each of ours is read into the SDK's typed resource, which refuses
what it does not know, and what the resource then sends has to be the request that we began with, to the letter.
"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from sluice.dataset.config import DatasetConfig, parse_config
from sluice.endpoint.requests import endpoint_config_request, endpoint_request, model_request
from sluice.messages import AcceptedFile, CompletedTraining, Run, Trainer
from sluice.settings import DeploySettings, TrainSettings
from sluice.training.images import ACCOUNTS, VERSION, training_image
from sluice.training.job import training_job_request

_WHY = "the SageMaker SDK is not installed here; it has an environment of its own, see the top of this file"
image_uris = pytest.importorskip("sagemaker.core.image_uris", reason=_WHY)
resources = pytest.importorskip("sagemaker.core.resources", reason=_WHY)
codec = pytest.importorskip("sagemaker.core.utils.code_injection.codec", reason=_WHY)
sdk_utils = pytest.importorskip("sagemaker.core.utils.utils", reason=_WHY)

ROLE = "arn:aws:iam::123456789012:role/sluice-sagemaker"
RUN = Run(
    run_id="0123456789ab",
    dataset="customer-churn",
    folder="Customer Churn",
    bucket="sluice-inbox",
    key="incoming/Customer Churn/a+b.csv",
    etag="d41d8cd98f00b204e9800998ecf8427e",
    sequencer="0062E99A88DC407460",
    size=977_501,
    execution_arn="arn:aws:states:eu-central-1:123456789012:execution:sluice:1",
    started_at="2026-11-23T10:00:00Z",
)
VALIDATION = AcceptedFile(
    target="churned",
    train_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/train/",
    validation_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/validation/",
    test_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/test/",
    held_out_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/held_out/rows.csv",
    recipe_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/recipe.json",
    config_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/config.json",
    report_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/validation.json",
    rejected_rows_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/rejected_rows.csv",
)
TRAIN = TrainSettings(
    artifact_bucket="sluice-artifacts",
    name_prefix="sluice",
    aws_region="eu-central-1",
    sagemaker_role_arn=ROLE,
    training_instance_type="ml.m5.large",
    training_max_runtime_seconds=3600,
    training_managed_spot=False,
    kms_key_arn="",
    subnet_ids=(),
    security_group_ids=(),
)
DEPLOY = DeploySettings(
    artifact_bucket="sluice-artifacts",
    runs_table="sluice-runs",
    outcome_topic_arn="arn:aws:sns:eu-central-1:000000000000:sluice-outcomes",
    name_prefix="sluice",
    aws_region="eu-central-1",
    sagemaker_role_arn=ROLE,
    kms_key_arn="",
    subnet_ids=(),
    security_group_ids=(),
)
IMAGE = training_image("eu-central-1")
TRAINED = CompletedTraining(
    job_name="job",
    secondary_status="Completed",
    model_uri="s3://sluice-artifacts/customer-churn/runs/0123456789ab/model/job/output/model.tar.gz",
    trainer=Trainer(algorithm="sagemaker-xgboost", image=IMAGE, instance_type="ml.m5.large"),
)

CONFIGS = {
    "defaults": "",
    "spot": "training: {managed_spot: true, instance_type: ml.c5.xlarge, max_runtime_seconds: 600}",
    "tuned": "hyperparameters: {max_depth: 3, eta: 0.05, lambda: 2, tree_method: hist, scale_pos_weight: 1.5}",
    "instance": "endpoint: {kind: instance, instance_type: ml.c5.large, instance_count: 2}",
    "serverless": "endpoint: {kind: serverless, memory_mb: 4096, max_concurrency: 20}",
}


@pytest.fixture(params=list(CONFIGS))
def config(request: pytest.FixtureRequest) -> DatasetConfig:
    return parse_config(CONFIGS[request.param], "config.yaml")


@pytest.mark.parametrize("scope", ["training", "inference"])
@pytest.mark.parametrize("region", sorted(ACCOUNTS))
def test_the_image_of_a_region_is_the_one_that_the_sdk_gives(region: str, scope: str) -> None:
    assert training_image(region) == image_uris.retrieve("xgboost", region, VERSION, image_scope=scope)


@pytest.mark.parametrize("scope", ["training", "inference"])
def test_the_table_has_every_region_that_the_sdk_has(scope: str) -> None:
    versions = image_uris.config_for_framework("xgboost")[scope]["versions"]
    assert set(ACCOUNTS) == set(versions[VERSION]["registries"])


def test_the_image_is_the_newest_that_the_sdk_knows() -> None:
    versions = image_uris.config_for_framework("xgboost")["training"]["versions"]
    assert max(versions, key=_release) == VERSION


def test_the_sdk_sends_our_create_training_job(config: DatasetConfig) -> None:
    request = training_job_request(RUN, VALIDATION, config, TRAIN)
    assert (
        _sent_by_the_sdk(resources.TrainingJob, "create_training_job", "CreateTrainingJobRequest", request) == request
    )


def test_the_sdk_sends_our_create_model(config: DatasetConfig) -> None:
    request = model_request(RUN, TRAINED, config, DEPLOY)
    assert _sent_by_the_sdk(resources.Model, "create_model", "CreateModelInput", request) == request


def test_the_sdk_sends_our_create_endpoint_config(config: DatasetConfig) -> None:
    request = endpoint_config_request(RUN, config, DEPLOY)
    sent = _sent_by_the_sdk(resources.EndpointConfig, "create_endpoint_config", "CreateEndpointConfigInput", request)
    assert sent == request


def test_the_sdk_sends_our_create_endpoint() -> None:
    request = endpoint_request(RUN, DEPLOY)
    assert _sent_by_the_sdk(resources.Endpoint, "create_endpoint", "CreateEndpointInput", request) == request


def test_a_field_that_the_sdk_does_not_know_is_found() -> None:
    request = {**endpoint_request(RUN, DEPLOY), "EndpointKonfig": "typo"}
    assert _sent_by_the_sdk(resources.Endpoint, "create_endpoint", "CreateEndpointInput", request) != request


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.replace("-", ".").split("."))


def _sent_by_the_sdk(resource: Any, operation: str, shape: str, request: dict[str, Any]) -> dict[str, Any]:
    """What the SDK's resource hands to boto3 when it is made from ``request``.

    boto3 checks it against the service's own model on the way: names, types, required fields, lengths.
    """
    session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="eu-central-1")
    client = session.client("sagemaker")
    sent: dict[str, Any] = {}
    client.meta.events.register("provide-client-params.sagemaker", lambda params, **_: sent.update(params))
    with Stubber(client) as stub, pytest.MonkeyPatch.context() as patch:
        stub.add_response(operation, {f"{resource.__name__}Arn": "arn:" + "x" * 20})
        patch.setattr(resources.Base, "get_sagemaker_client", lambda **_: client)
        # The SDK misspells this field when it sends it (aws/sagemaker-core issue 225), so it cannot make serverless
        # endpoints at all; fixed here, so that the rest of our request can be compared.
        patch.setitem(sdk_utils.SPECIAL_SNAKE_TO_PASCAL_MAPPINGS, "memory_size_in_mb", "MemorySizeInMB")
        # Having created it, the SDK would ask for its description.
        patch.setattr(resource, "get", lambda **_: None)
        resource.create(**codec.transform(request, shape))
        stub.assert_no_pending_responses()
    return sent
