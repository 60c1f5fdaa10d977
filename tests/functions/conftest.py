"""Handlers with their events, on moto's S3, DynamoDB, SNS, logs and SageMaker control plane."""

from __future__ import annotations

import io
import logging
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import numpy as np
import pytest
import sklearn.datasets
import xgboost
from moto import mock_aws

from sluice.layout import RunLayout
from tests.messages import GOOD, event

INBOX = "sluice-inbox"
ARTIFACTS = "sluice-artifacts"
TABLE = "sluice-runs"
REGION = "us-east-1"

# The functions read their settings when they are imported, as in AWS.
os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "INBOX_BUCKET": INBOX,
        "ARTIFACT_BUCKET": ARTIFACTS,
        "RUNS_TABLE": TABLE,
        "MAX_CONCURRENT_RUNS": "2",
        "NAME_PREFIX": "sluice",
        "DEFAULT_TARGET": "",
        "MAX_CSV_BYTES": "1000000",
        "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/sluice-SageMakerRole",
        "TRAINING_INSTANCE_TYPE": "ml.m5.large",
        "TRAINING_MAX_RUNTIME_SECONDS": "3600",
        "TRAINING_MANAGED_SPOT": "false",
        "KMS_KEY_ARN": "",
        "SUBNET_IDS": "",
        "SECURITY_GROUP_IDS": "",
        "DEFAULT_MAX_LOG_LOSS_SHARE_OF_PRIOR": "",
        "DEFAULT_GATES": "",
        "APPROVAL_URL": "https://example.lambda-url.us-east-1.on.aws/",
        "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:sluice-pipeline",
        "RESTORE_ENDPOINT_FUNCTION": f"arn:aws:lambda:{REGION}:123456789012:function:restore",
        "RECORD_OUTCOME_FUNCTION": f"arn:aws:lambda:{REGION}:123456789012:function:record",
        "REGISTER_MODEL_FUNCTION": f"arn:aws:lambda:{REGION}:123456789012:function:register",
        "RENDER_REPORT_FUNCTION": f"arn:aws:lambda:{REGION}:123456789012:function:render",
        "OUTCOME_TOPIC_ARN": f"arn:aws:sns:{REGION}:123456789012:sluice-outcomes",
    }
)


@dataclass(frozen=True)
class Context:
    """What a handler is told of its invocation."""

    function_name: str = "sluice"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:sluice"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def context() -> Context:
    return Context()


class Aws:
    """Clients, and the state of the world that one good run leaves."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name=REGION)
        self.sagemaker = boto3.client("sagemaker", region_name=REGION)
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.layout = RunLayout(GOOD.run.dataset, GOOD.run.run_id)
        for bucket in (INBOX, ARTIFACTS):
            self.s3.create_bucket(Bucket=bucket)
        self.dynamodb.create_table(
            TableName=TABLE,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"}
                for name in ("pk", "dataset", "started_at", "running_since")
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_dataset",
                    "KeySchema": [
                        {"AttributeName": "dataset", "KeyType": "HASH"},
                        {"AttributeName": "started_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                },
                {
                    "IndexName": "by_running",
                    "KeySchema": [{"AttributeName": "running_since", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                },
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("sns", region_name=REGION).create_topic(Name="sluice-outcomes")

    def put(self, bucket: str, key: str, body: bytes | str) -> str:
        """Returns: the object's ETag, as events tell it."""
        return self.s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=ARTIFACTS, Key=key)["Body"].read()

    def stored(self) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=ARTIFACTS).get("Contents", [])}


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield Aws()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions' logger writes. It keeps the standard output that it found at import, so capsys misses it."""
    stream = io.StringIO()
    for handler in logging.getLogger("sluice").handlers:
        if isinstance(handler, logging.StreamHandler):
            monkeypatch.setattr(handler, "stream", stream)
    return stream


@pytest.fixture(scope="session")
def breast_cancer() -> str:
    """The table as a person would have it: header, text label last."""
    bunch = sklearn.datasets.load_breast_cancer(as_frame=True)
    table = bunch.frame.drop(columns="target")
    table["diagnosis"] = ["malignant" if label == 0 else "benign" for label in bunch.target]
    return str(table.to_csv(index=False))


@pytest.fixture(scope="session")
def model_archive() -> tuple[bytes, str]:
    """A ``model.tar.gz`` with three features, and a test file (label first) that it scores well."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 1] > 0).astype(int)
    data = xgboost.DMatrix(rows[:300], label=labels[:300])
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, num_boost_round=20)
    test = "".join(
        f"{label},{a!r},{b!r},{c!r}\n" for label, (a, b, c) in zip(labels[300:], rows[300:].tolist(), strict=True)
    )
    return archive_of(bytes(booster.save_raw("ubj"))), test


def archive_of(model: bytes) -> bytes:
    """A ``model.tar.gz`` as SageMaker writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo("xgboost-model")
        member.size = len(model)
        tar.addfile(member, io.BytesIO(model))
    return stream.getvalue()


def request(name: str, **changes: Any) -> dict[str, Any]:
    """The event of a function, with changes at its top level."""
    return {**event(name), **changes}
