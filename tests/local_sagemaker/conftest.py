"""A MiniStack with IAM enforced for the whole session, and a SageMaker beside it."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import numpy
import pytest
import xgboost
from botocore.config import Config
from botocore.exceptions import ClientError

from local.sagemaker import LocalSageMaker

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
BUCKET: Final = "artifacts"
IMAGE: Final = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
PACE_SECONDS: Final = 0.02
WAIT_SCALE: Final = 0.01
"""A minute of a guarded update lasts 0.6 s."""
MINUTE: Final = 60
PATIENCE_SECONDS: Final = 20.0

TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ],
}
HYPERPARAMETERS: Final = {
    "num_round": "30",
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "early_stopping_rounds": "5",
    "eta": "0.3",
}


def table(rows: int, seed: int, columns: int = 4) -> str:
    """Rows with the label in front, half of them of class 1, which lies a little higher."""
    rng = random.Random(seed)  # noqa: S311
    lines = (
        ",".join(str(value) for value in (i % 2, *(round(rng.random() + 0.3 * (i % 2), 3) for _ in range(columns))))
        for i in range(rows)
    )
    return "\n".join(lines) + "\n"


def policy(*statements: tuple[list[str], list[str]]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in statements
        ],
    }


def wait_for(condition: Callable[[], Any]) -> Any:
    """The condition's first true value, within the patience of a test."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it never came true")


class Lab:
    """The laptop's AWS with clients of its root, and what a test would otherwise say at length."""

    def __init__(self, url: str, root: dict[str, str]) -> None:
        self.url = url
        self.root = root
        self.s3 = self.client("s3", url)
        self.iam = self.client("iam", url)
        self.logs = self.client("logs", url)
        self.cloudwatch = self.client("cloudwatch", url)
        self._names = 0

    def client(self, service: str, url: str, credentials: dict[str, str] | None = None, retries: int = 0) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=url,
            region_name=REGION,
            config=Config(retries={"max_attempts": retries}),
            **(credentials or self.root),
        )

    def name(self, word: str) -> str:
        self._names += 1
        return f"{word}-{self._names}"

    def role(self, name: str, permissions: dict[str, Any] | None, trust: dict[str, Any] = TRUST) -> str:
        """ARN of a new role."""
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        if permissions is not None:
            self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(permissions))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def put(self, key: str, text: str | bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text)
        return f"s3://{BUCKET}/{key}"


class SageMaker:
    """Clients of a running SageMaker, and requests that are good unless a test says otherwise."""

    def __init__(self, lab: Lab, server: LocalSageMaker, role: str) -> None:
        self.lab = lab
        self.server = server
        self.role = role
        self.api = lab.client("sagemaker", server.url)
        self.runtime = lab.client("sagemaker-runtime", server.url)

    def job_request(self, name: str, **changes: Any) -> dict[str, Any]:
        request = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": self.role,
            "InputDataConfig": [
                channel("train", f"s3://{BUCKET}/data/train/"),
                channel("validation", f"s3://{BUCKET}/data/validation/"),
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "HyperParameters": HYPERPARAMETERS,
        }
        return request | changes

    def start(self, **changes: Any) -> str:
        name = self.lab.name("job")
        self.api.create_training_job(**self.job_request(name, **changes))
        return name

    def finished(self, name: str) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            job: dict[str, Any] = self.api.describe_training_job(TrainingJobName=name)
            return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

        job: dict[str, Any] = wait_for(over)
        return job

    def train(self, **changes: Any) -> dict[str, Any]:
        return self.finished(self.start(**changes))

    def log_of(self, job: str) -> list[str]:
        group = "/aws/sagemaker/TrainingJobs"

        streams = self.lab.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/algo-1-")
        stream = streams["logStreams"][0]["logStreamName"]
        events = self.lab.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in events["events"]]

    def model(self, artefact: str, role: str | None = None) -> str:
        """Name of a new model."""
        name = self.lab.name("version")
        self.api.create_model(
            ModelName=name,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artefact},
            ExecutionRoleArn=role or self.role,
        )
        return name

    def config(self, artefact: str) -> str:
        """Name of an endpoint configuration for an artefact, and of its model."""
        name = self.model(artefact)
        self.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant("AllTraffic", name)])
        return name

    def variants_config(self, artefacts: dict[str, str], instances: int = 2, **more: Any) -> str:
        """Name of an endpoint configuration with a variant for each artefact, by name of the variant."""
        name = self.lab.name("config")
        variants = [variant(word, self.model(artefact), instances) for word, artefact in artefacts.items()]
        self.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **more)
        return name

    def serverless_config(self, artefact: str, **more: Any) -> str:
        name = self.lab.name("serverless")
        self.api.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[serverless_variant("AllTraffic", self.model(artefact))],
            **more,
        )
        return name

    def settled(self, endpoint: str) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            shown = self.describe(endpoint)
            return shown if shown["EndpointStatus"] in ("InService", "Failed") else None

        shown: dict[str, Any] = wait_for(over)
        return shown

    def deploy(self, artefact: str) -> dict[str, Any]:
        return self.deploy_config(self.config(artefact))

    def deploy_config(self, config: str) -> dict[str, Any]:
        name = self.lab.name("endpoint")
        self.api.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return self.settled(name)

    def describe(self, endpoint: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.api.describe_endpoint(EndpointName=endpoint)
        return shown

    def answers(self, endpoint: str, count: int) -> list[bytes]:
        return [self.ask(endpoint)["Body"].read() for _ in range(count)]

    def ask(self, endpoint: str, body: str | bytes = "0.1,0.2,0.3,0.4", **headers: str) -> Any:
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **{"ContentType": "text/csv"} | headers)
        # Read whether the test wants it or not: the socket of an answer that is not would be left open.
        answer["Body"] = io.BytesIO(answer["Body"].read())
        return answer


def variant(name: str, model: str, instances: int = 1, weight: float = 1.0) -> dict[str, Any]:
    """A variant on instances."""
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": instances,
        "InitialVariantWeight": weight,
    }


def serverless_variant(name: str, model: str, **more: int) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **more},
    }


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    """Code and message of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def trained(seed: int) -> bytes:
    """A model of four columns that scores otherwise than the trained one."""
    rng = numpy.random.default_rng(seed)
    matrix = xgboost.DMatrix(rng.random((50, 4)), label=rng.integers(0, 2, 50))
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 3)
    return bytes(booster.save_raw("ubj"))


def channel(name: str, uri: str, content_type: str | None = "text/csv") -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }
    return shown if content_type is None else shown | {"ContentType": content_type}


def tarball(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("_", "-"))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    state = tmp_path_factory.mktemp("ministack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (state / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env={
                "PATH": os.environ["PATH"],
                "AUTH": "true",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "STATE_DIR": str(state),
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: _healthy(url))
        lab = Lab(url, {"aws_access_key_id": "test", "aws_secret_access_key": "test"})
        lab.s3.create_bucket(Bucket=BUCKET)
        lab.put("data/train/train.csv", table(300, seed=1))
        lab.put("data/validation/validation.csv", table(100, seed=2))
        yield lab
    finally:
        process.terminate()
        process.wait(timeout=10)


def _healthy(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/_ministack/health", timeout=1):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="session")
def execution_role(lab: Lab) -> str:
    return lab.role(
        "execution",
        policy(
            (["s3:GetObject", "s3:PutObject"], [f"arn:aws:s3:::{BUCKET}/*"]),
            (["s3:ListBucket"], [f"arn:aws:s3:::{BUCKET}"]),
            (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], ["*"]),
            (["cloudwatch:DescribeAlarms"], ["*"]),
        ),
    )


@pytest.fixture(scope="session")
def server(lab: Lab) -> Iterator[LocalSageMaker]:
    with LocalSageMaker(aws_endpoint=lab.url, pace=PACE_SECONDS, wait_scale=WAIT_SCALE) as server:
        yield server


@pytest.fixture(scope="session")
def clients(lab: Lab, server: LocalSageMaker, execution_role: str) -> SageMaker:
    return SageMaker(lab, server, execution_role)


@pytest.fixture
def sagemaker(clients: SageMaker) -> Iterator[SageMaker]:
    yield clients
    clients.server.faults.clear()


@pytest.fixture(scope="session")
def artefact(clients: SageMaker) -> str:
    """S3 URI of a trained model of four columns."""
    job = clients.train()
    uri: str = job["ModelArtifacts"]["S3ModelArtifacts"]
    return uri


@pytest.fixture(scope="session")
def other(lab: Lab) -> str:
    """S3 URI of a model that answers otherwise than the trained one."""
    return lab.put("other/model.tar.gz", tarball(xgboost_model=trained(seed=3)))
