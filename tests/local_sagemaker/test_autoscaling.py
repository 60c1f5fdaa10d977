"""Application Auto Scaling over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dataset.config import Endpoint
from sluice.endpoint.aws.calls import update_endpoint
from sluice.endpoint.aws.scaling import put_scaling
from tests.local_sagemaker.conftest import ACCOUNT, SageMaker, refused, serverless_variant, variant, wait_for

POLICY: dict[str, Any] = {
    "PolicyName": "calls",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 100.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    },
}


@pytest.fixture
def scaling(sagemaker: SageMaker) -> Any:
    return sagemaker.lab.client("application-autoscaling", sagemaker.server.url)


def target(endpoint: str, **changes: Any) -> dict[str, Any]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        **changes,
    }


@pytest.fixture
def endpoint(sagemaker: SageMaker, artefact: str) -> str:
    name: str = sagemaker.deploy(artefact)["EndpointName"]
    return name


def test_a_target_and_its_policy_are_kept_and_described(scaling: Any, endpoint: str) -> None:
    asked = target(endpoint)
    arn = scaling.register_scalable_target(**asked, MinCapacity=1, MaxCapacity=3)["ScalableTargetARN"]
    put = scaling.put_scaling_policy(**asked, **POLICY)
    assert len(put["Alarms"]) == 2
    (shown,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[asked["ResourceId"]])[
        "ScalableTargets"
    ]
    assert (shown["MinCapacity"], shown["MaxCapacity"], shown["ScalableTargetARN"]) == (1, 3, arn)
    assert shown["RoleARN"].startswith(
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-autoscaling"
    )
    policies = {"ServiceNamespace": "sagemaker", "ResourceId": asked["ResourceId"]}
    (policy,) = scaling.describe_scaling_policies(**policies)["ScalingPolicies"]
    assert (policy["PolicyARN"], policy["PolicyName"]) == (put["PolicyARN"], "calls")
    again = scaling.put_scaling_policy(**asked, **POLICY)
    assert again["PolicyARN"] == put["PolicyARN"]
    scaling.delete_scaling_policy(**asked, PolicyName="calls")
    assert scaling.describe_scaling_policies(**policies)["ScalingPolicies"] == []


def test_a_target_that_goes_takes_its_policies_with_it(scaling: Any, endpoint: str) -> None:
    asked = target(endpoint)
    scaling.register_scalable_target(**asked, MinCapacity=1, MaxCapacity=3)
    scaling.put_scaling_policy(**asked, **POLICY)
    scaling.deregister_scalable_target(**asked)
    found = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=asked["ResourceId"])
    assert found["ScalingPolicies"] == []


def test_a_target_registered_again_keeps_what_is_not_named(scaling: Any, endpoint: str) -> None:
    asked = target(endpoint)
    scaling.register_scalable_target(**asked, MinCapacity=1, MaxCapacity=3)
    scaling.register_scalable_target(**asked, MaxCapacity=5)
    (shown,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[asked["ResourceId"]])[
        "ScalableTargets"
    ]
    assert (shown["MinCapacity"], shown["MaxCapacity"]) == (1, 5)


def test_registering_brings_the_number_of_instances_within_its_limits(
    sagemaker: SageMaker, scaling: Any, endpoint: str
) -> None:
    def instances() -> int:
        count: int = sagemaker.settled(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"]
        return count

    assert instances() == 1
    scaling.register_scalable_target(**target(endpoint), MinCapacity=2, MaxCapacity=3)
    wait_for(lambda: instances() == 2)


def test_what_is_not_registered_is_not_found(scaling: Any, endpoint: str) -> None:
    asked = target(endpoint)
    for call, more in (
        (scaling.put_scaling_policy, POLICY),
        (scaling.deregister_scalable_target, {}),
        (scaling.delete_scaling_policy, {"PolicyName": "calls"}),
    ):
        code, message = refused(call, **asked, **more)
        assert (code, asked["ResourceId"] in message) == ("ObjectNotFoundException", True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ResourceId": "endpoint/none/variant/AllTraffic"}, "not found"),
        ({"ResourceId": "endpoint/none"}, "Unsupported service namespace"),
        ({"ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}, "Unsupported service namespace"),
        ({"ServiceNamespace": "ecs"}, "service namespace sagemaker only"),
        ({"MinCapacity": 4}, "less than minimum"),
        ({"MinCapacity": None}, "MinCapacity and MaxCapacity must be specified"),
        ({"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}, "no provisioned concurrency"),
        ({"ScalableDimension": "nothing"}, "enum value set"),
    ],
)
def test_a_target_that_cannot_be_is_refused(scaling: Any, endpoint: str, changes: dict[str, Any], words: str) -> None:
    asked = {**target(endpoint), "MinCapacity": 1, "MaxCapacity": 3, **changes}
    given = {name: value for name, value in asked.items() if value is not None}
    code, message = refused(scaling.register_scalable_target, **given)
    assert code == "ValidationException"
    assert words in message


def test_a_policy_needs_its_configuration(scaling: Any, endpoint: str) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=3)
    code, message = refused(
        scaling.put_scaling_policy, **target(endpoint), PolicyName="calls", PolicyType="TargetTrackingScaling"
    )
    assert (code, "TargetTrackingScalingPolicyConfiguration" in message) == ("ValidationException", True)


def test_serverless_variants_scale_by_provisioned_concurrency_alone(
    sagemaker: SageMaker, scaling: Any, artefact: str
) -> None:
    name = sagemaker.lab.name("provisioned")
    sagemaker.api.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[serverless_variant("AllTraffic", sagemaker.model(artefact), ProvisionedConcurrency=1)],
    )
    endpoint = sagemaker.deploy_config(name)["EndpointName"]
    limits = {"MinCapacity": 1, "MaxCapacity": 3}
    code, message = refused(scaling.register_scalable_target, **target(endpoint), **limits)
    assert (code, "is serverless" in message) == ("ValidationException", True)
    provisioned = target(endpoint, ScalableDimension="sagemaker:variant:DesiredProvisionedConcurrency")
    assert scaling.register_scalable_target(**provisioned, **limits)["ScalableTargetARN"]


def test_an_operation_that_is_not_there_says_so(scaling: Any) -> None:
    code, _ = refused(scaling.describe_scaling_activities, ServiceNamespace="sagemaker")
    assert code == "UnknownOperationException"


def larger(sagemaker: SageMaker, artefact: str, instance_type: str) -> str:
    """Name of a configuration with another instance type."""
    name = sagemaker.model(artefact)
    wanted = {**variant("AllTraffic", name), "InstanceType": instance_type}
    sagemaker.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[wanted])
    return name


def test_an_update_that_changes_the_instances_of_a_scaled_variant_is_refused_until_it_is_deregistered(
    sagemaker: SageMaker, scaling: Any, endpoint: str, artefact: str
) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=3)
    sagemaker.settled(endpoint)
    same, other = larger(sagemaker, artefact, "ml.m5.large"), larger(sagemaker, artefact, "ml.m5.xlarge")
    code, message = refused(sagemaker.api.update_endpoint, EndpointName=endpoint, EndpointConfigName=other)
    assert (code, "from ml.m5.large to ml.m5.xlarge" in message) == ("ValidationException", True)
    sagemaker.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=same)
    assert sagemaker.settled(endpoint)["EndpointConfigName"] == same

    scaling.deregister_scalable_target(**target(endpoint))

    sagemaker.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=other)
    assert sagemaker.settled(endpoint)["EndpointConfigName"] == other


def test_an_endpoint_that_is_deleted_is_deregistered(sagemaker: SageMaker, scaling: Any, endpoint: str) -> None:
    asked = target(endpoint)
    scaling.register_scalable_target(**asked, MinCapacity=1, MaxCapacity=3)
    scaling.put_scaling_policy(**asked, **POLICY)
    sagemaker.settled(endpoint)
    sagemaker.api.delete_endpoint(EndpointName=endpoint)
    found = {"ServiceNamespace": "sagemaker", "ResourceIds": [asked["ResourceId"]]}
    assert scaling.describe_scalable_targets(**found)["ScalableTargets"] == []


class Calls:
    """The pipeline's own calls, on the endpoint of a dataset."""

    def __init__(self, sagemaker: SageMaker, scaling: Any, artefact: str) -> None:
        self.sagemaker, self.scaling, self.artefact = sagemaker, scaling, artefact
        self.endpoint = sagemaker.lab.name("endpoint")
        sagemaker.api.create_endpoint(EndpointName=self.endpoint, EndpointConfigName=self.config("ml.m5.large"))
        self.live = sagemaker.settled(self.endpoint)
        put_scaling(scaling, self.endpoint, SCALED)
        self.live = sagemaker.settled(self.endpoint)

    def config(self, instance_type: str) -> str:
        name = self.sagemaker.model(self.artefact)
        wanted = {**variant("champion", name), "InstanceType": instance_type}
        self.sagemaker.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[wanted])
        return name

    def update(self, config: str, *, scales: bool = True) -> None:
        request = {"EndpointName": self.endpoint, "EndpointConfigName": config}
        update_endpoint(self.sagemaker.api, self.scaling, request, self.live, scales=scales)
        assert self.sagemaker.settled(self.endpoint)["EndpointConfigName"] == config

    def limits(self) -> list[tuple[int, int]]:
        found = self.scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{self.endpoint}/variant/champion"]
        )
        return [(item["MinCapacity"], item["MaxCapacity"]) for item in found["ScalableTargets"]]


SCALED = Endpoint.model_validate({"kind": "instance", "autoscaling": {"max": 4}})


@pytest.fixture
def calls(sagemaker: SageMaker, scaling: Any, artefact: str) -> Calls:
    return Calls(sagemaker, scaling, artefact)


def test_a_deployment_to_other_instances_ends_the_autoscaling_first(calls: Calls) -> None:
    calls.update(calls.config("ml.m5.xlarge"))
    assert calls.limits() == []
    put_scaling(calls.scaling, calls.endpoint, SCALED)
    assert calls.limits() == [(1, 4)]


def test_a_deployment_to_the_same_instances_leaves_the_autoscaling_as_it_is(calls: Calls) -> None:
    calls.update(calls.config("ml.m5.large"))
    assert calls.limits() == [(1, 4)]


def test_a_deployment_whose_configuration_has_no_autoscaling_ends_it(calls: Calls) -> None:
    calls.update(calls.config("ml.m5.large"), scales=False)
    assert calls.limits() == []


def test_a_way_back_to_a_configuration_without_autoscaling_ends_it(calls: Calls) -> None:
    put_scaling(calls.scaling, calls.endpoint, Endpoint.model_validate({"kind": "instance"}))
    assert calls.limits() == []
    put_scaling(calls.scaling, calls.endpoint, Endpoint.model_validate({"kind": "instance"}))
