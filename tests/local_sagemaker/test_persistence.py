"""What a server keeps outlives it: the next one on the same file has it again, and its endpoints answer."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.sagemaker import LocalSageMaker
from local.sagemaker.storage import StateError, encode, read
from tests.local_sagemaker.conftest import PACE_SECONDS, WAIT_SCALE, Lab, SageMaker, refused, wait_for
from tests.local_sagemaker.test_autoscaling import POLICY, target
from tests.local_sagemaker.test_registry import card, group, package
from tests.local_sagemaker.test_server import fetch


@contextmanager
def served(lab: Lab, role: str, state: Path, pace: float = PACE_SECONDS) -> Iterator[SageMaker]:
    with LocalSageMaker(aws_endpoint=lab.url, pace=pace, wait_scale=WAIT_SCALE, state=state) as server:
        wait_for(lambda: fetch(f"{server.url}/_health")["taken_up"])
        yield SageMaker(lab, server, role)


def plain(answer: Any) -> Any:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_all_that_was_made_is_there_again_as_it_was_described(
    lab: Lab, execution_role: str, artefact: str, tmp_path: Path
) -> None:
    state = tmp_path / "sagemaker.json"

    def described(sagemaker: SageMaker) -> dict[str, Any]:
        api = sagemaker.api
        scaling = lab.client("application-autoscaling", sagemaker.server.url)
        return {
            "job": plain(api.describe_training_job(TrainingJobName=job)),
            "model": plain(api.describe_model(ModelName=config)),
            "config": plain(api.describe_endpoint_config(EndpointConfigName=config)),
            "endpoint": {**plain(sagemaker.describe(endpoint)), "ProductionVariants": None},
            "instances": sagemaker.describe(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"],
            "answer": sagemaker.answers(endpoint, 1),
            "package": plain(api.describe_model_package(ModelPackageName=version)),
            "packages": api.list_model_packages(ModelPackageGroupName=registry)["ModelPackageSummaryList"],
            "card": plain(api.describe_model_card(ModelCardName=document)),
            "tags": api.list_tags(
                ResourceArn=version.rsplit("/", 1)[0].replace("model-package/", "model-package-group/")
            )["Tags"],
            "targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"],
            "policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"],
        }

    with served(lab, execution_role, state) as before:
        job = before.train()["TrainingJobName"]
        config = before.config(artefact)
        endpoint = before.deploy_config(config)["EndpointName"]
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
        before.api.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
        before.settled(endpoint)
        registry = group(before)
        version, document = package(before, registry), card(before)
        scaling = lab.client("application-autoscaling", before.server.url)
        scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=3)
        scaling.put_scaling_policy(**target(endpoint), **POLICY)
        was = described(before)
    with served(lab, execution_role, state) as after:
        assert described(after) == was
        assert was["instances"] == 2
        assert package(after, registry).endswith("/2")
        taken = refused(after.api.create_training_job, **after.job_request(job))
        assert taken[0] == "ResourceInUse"


def test_what_was_under_way_has_failed_or_is_as_it_was_before(
    lab: Lab, execution_role: str, artefact: str, other: str, tmp_path: Path
) -> None:
    state = tmp_path / "sagemaker.json"
    with served(lab, execution_role, state) as before:
        endpoint = before.deploy(artefact)["EndpointName"]
        first, old = before.describe(endpoint)["EndpointConfigName"], before.answers(endpoint, 1)
        new = before.config(other)
    with served(lab, execution_role, state, pace=30) as slow:
        job = slow.start()
        slow.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=new)
        assert slow.describe(endpoint)["EndpointStatus"] == "Updating"
    with served(lab, execution_role, state) as after:
        shown, ended = after.describe(endpoint), after.api.describe_training_job(TrainingJobName=job)
        assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", first)
        assert after.answers(endpoint, 1) == old
        assert ended["TrainingJobStatus"] == "Failed"
        assert "was stopped during the job" in ended["FailureReason"]
        after.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=new)
        assert after.settled(endpoint)["EndpointConfigName"] == new
        assert after.answers(endpoint, 1) != old


def test_a_deleted_endpoint_and_one_whose_model_is_gone_do_not_come_up(
    lab: Lab, execution_role: str, artefact: str, tmp_path: Path
) -> None:
    state = tmp_path / "sagemaker.json"
    with served(lab, execution_role, state) as before:
        deleted, orphan = (before.deploy(artefact)["EndpointName"] for _ in range(2))
        before.api.delete_endpoint(EndpointName=deleted)
        before.api.delete_model(ModelName=before.describe(orphan)["EndpointConfigName"])
    with served(lab, execution_role, state) as after:
        assert refused(after.api.describe_endpoint, EndpointName=deleted)[0] == "ValidationException"
        assert after.describe(orphan)["EndpointStatus"] == "Failed"


def test_a_server_that_is_killed_has_kept_what_was_made_before(lab: Lab, artefact: str, tmp_path: Path) -> None:
    state = tmp_path / "sagemaker.json"
    process = subprocess.Popen(
        [*(sys.executable, "-m", "local.sagemaker", "--aws-endpoint", lab.url, "--pace", "0"), "--state", str(state)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        api = lab.client("sagemaker", process.stdout.readline().strip())
        api.create_model_package_group(ModelPackageGroupName="kept")
        wait_for(lambda: state.exists() and read(state)["backends"][0]["model_package_groups"])
    finally:
        process.send_signal(signal.SIGKILL)
        process.stdout.close()  # type: ignore[union-attr]
        process.wait(timeout=10)
    with LocalSageMaker(aws_endpoint=lab.url, state=state) as after:
        wait_for(lambda: fetch(f"{after.url}/_health")["taken_up"])
        listed = lab.client("sagemaker", after.url).list_model_package_groups()["ModelPackageGroupSummaryList"]
        assert [item["ModelPackageGroupName"] for item in listed] == ["kept"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 2}'])
def test_a_file_that_cannot_be_read_is_named_and_left_as_it_is(lab: Lab, tmp_path: Path, text: str) -> None:
    state = tmp_path / "sagemaker.json"
    state.write_text(text)
    with pytest.raises(StateError, match=r"sagemaker\.json .* `sluice local up --fresh`"):
        LocalSageMaker(aws_endpoint=lab.url, state=state)
    assert state.read_text() == text


def test_a_value_that_json_does_not_know_is_an_error_and_not_lost() -> None:
    with pytest.raises(TypeError, match="bytes"):
        encode({"model": b"\0"})
