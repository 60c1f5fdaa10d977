"""Faults on request: what tests of the pipeline rely on."""

from __future__ import annotations

import time
import urllib.error

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.faults import FaultBoard
from tests.local_sagemaker.conftest import SageMaker


def test_an_operation_fails_as_often_as_asked(sagemaker: SageMaker) -> None:
    sagemaker.server.faults.operation("ListTrainingJobs", times=2)
    for _ in range(2):
        with pytest.raises(ClientError, match=r"ThrottlingException.*Rate exceeded"):
            sagemaker.api.list_training_jobs()
    sagemaker.api.list_training_jobs()
    assert sagemaker.server.faults.pending() == []


def test_an_answer_can_be_lost_after_the_operation_took_effect(sagemaker: SageMaker) -> None:
    name = sagemaker.lab.name("lost")
    sagemaker.server.faults.operation("CreateTrainingJob", "InternalFailure", status=500, after_effect=True)
    with pytest.raises(ClientError, match="InternalFailure"):
        sagemaker.api.create_training_job(**sagemaker.job_request(name))
    assert sagemaker.finished(name)["TrainingJobStatus"] == "Completed"


def test_boto3_gets_over_throttling_by_itself(sagemaker: SageMaker) -> None:
    patient = sagemaker.lab.client("sagemaker", sagemaker.server.url, retries=2)
    sagemaker.server.faults.operation("ListTrainingJobs", times=1)
    assert patient.list_training_jobs()["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        ("Failed", "Failed", "AlgorithmError: out of luck"),
        ("CapacityError", "Failed", "CapacityError: Unable to provision requested ML compute capacity"),
        ("Stopped", "Stopped", ""),
    ],
)
def test_a_job_ends_as_asked(sagemaker: SageMaker, outcome: str, status: str, reason: str) -> None:
    given = reason if outcome == "Failed" else ""
    sagemaker.server.faults.training_job("job-*", outcome, given)
    job = sagemaker.train()
    assert job["TrainingJobStatus"] == status
    assert job.get("FailureReason", "").startswith(reason)
    assert "ModelArtifacts" not in job
    assert sagemaker.train()["TrainingJobStatus"] == "Completed"


def test_an_endpoint_rolls_back_as_asked(sagemaker: SageMaker, artefact: str) -> None:
    shown = sagemaker.deploy(artefact)
    name, old = shown["EndpointName"], shown["EndpointConfigName"]
    sagemaker.server.faults.endpoint(name, "RollBack", "no luck")
    sagemaker.api.update_endpoint(EndpointName=name, EndpointConfigName=sagemaker.config(artefact))
    shown = sagemaker.settled(name)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"], shown["FailureReason"]) == (
        "InService",
        old,
        "no luck",
    )


def test_an_endpoint_fails_as_asked(sagemaker: SageMaker, artefact: str) -> None:
    sagemaker.server.faults.endpoint("endpoint-*", "Failed")
    shown = sagemaker.deploy(artefact)
    assert shown["EndpointStatus"] == "Failed"
    assert shown["FailureReason"].startswith("Unable to provision requested ML compute capacity")


def test_an_invocation_fails_as_asked(sagemaker: SageMaker, artefact: str) -> None:
    name = sagemaker.deploy(artefact)["EndpointName"]
    sagemaker.server.faults.operation("InvokeEndpoint", "ServiceUnavailable", message="later", status=503)
    with pytest.raises(sagemaker.runtime.exceptions.ServiceUnavailable):
        sagemaker.ask(name)
    sagemaker.ask(name)


def test_what_was_made_a_moment_ago_can_be_invisible(sagemaker: SageMaker, artefact: str) -> None:
    config = sagemaker.config(artefact)
    sagemaker.server.faults.invisible(config, times=2)
    for _ in range(2):
        with pytest.raises(ClientError, match=f'Could not find endpoint configuration ".*/{config}"'):
            sagemaker.api.create_endpoint(EndpointName=config, EndpointConfigName=config)
    assert sagemaker.deploy_config(config)["EndpointStatus"] == "InService"


def test_an_answer_can_come_late(sagemaker: SageMaker) -> None:
    sagemaker.server.faults.add({"operation": "ListEndpoints", "delay": 0.3})
    sagemaker.server.faults.operation("ListEndpoints", delay=0.3)
    began = time.monotonic()
    sagemaker.api.list_endpoints()
    with pytest.raises(ClientError, match="ThrottlingException"):
        sagemaker.api.list_endpoints()
    assert time.monotonic() - began >= 0.6
    assert sagemaker.server.faults.pending() == []


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"endpoint": "*", "outcome": "RollBack", "stage": "later"},
        {"operation": "CreateModel"},
        {"operation": "CreateModel", "training_job": "*", "error": "X"},
        {"training_job": "*", "outcome": "Exploded"},
        {"endpoint": "*", "outcome": "Stopped"},
        {"operation": "CreateModel", "error": "X", "time": 1},
        {"invisible": "*", "outcome": "Failed"},
    ],
)
def test_a_fault_that_nothing_would_look_at_is_refused(sagemaker: SageMaker, fault: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        FaultBoard().add([fault])
    with pytest.raises(urllib.error.HTTPError):
        sagemaker.server.faults.add(fault)


def test_cleared_faults_do_not_happen(sagemaker: SageMaker) -> None:
    sagemaker.server.faults.operation("*", times=None)
    with pytest.raises(ClientError):
        sagemaker.api.list_endpoints()
    sagemaker.server.faults.clear()
    sagemaker.api.list_endpoints()
