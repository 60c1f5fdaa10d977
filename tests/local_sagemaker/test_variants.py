"""Several variants of an endpoint over the wire: weights and capacities, and shadows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_sagemaker.conftest import SageMaker, refused, serverless_variant, variant


def deployed(sagemaker: SageMaker, *variants: dict[str, Any], **more: Any) -> str:
    name = sagemaker.lab.name("variants")
    sagemaker.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **more)
    endpoint: str = sagemaker.deploy_config(name)["EndpointName"]
    return endpoint


def asked_of(sagemaker: SageMaker, endpoint: str, count: int) -> list[str]:
    return [sagemaker.ask(endpoint)["InvokedProductionVariant"] for _ in range(count)]


def test_requests_are_split_by_weight_unless_they_name_a_variant(
    sagemaker: SageMaker, artefact: str, other: str
) -> None:
    champion = variant("champion", sagemaker.model(artefact), weight=3)
    endpoint = deployed(sagemaker, champion, variant("challenger", sagemaker.model(other), weight=1))
    assert 20 <= asked_of(sagemaker, endpoint, 200).count("challenger") <= 85
    named = sagemaker.ask(endpoint, TargetVariant="challenger")
    assert named["InvokedProductionVariant"] == "challenger"
    code, message = refused(sagemaker.ask, endpoint=endpoint, TargetVariant="nobody")
    assert (code, message.startswith("Variant nobody of endpoint")) == ("ValidationError", True)


def test_weights_and_capacities_change_while_the_endpoint_answers(
    sagemaker: SageMaker, artefact: str, other: str
) -> None:
    champion = variant("champion", sagemaker.model(artefact))
    endpoint = deployed(sagemaker, champion, variant("challenger", sagemaker.model(other)))
    sagemaker.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "champion", "DesiredWeight": 0.0},
            {"VariantName": "challenger", "DesiredWeight": 1.0, "DesiredInstanceCount": 3},
        ],
    )
    shown = sagemaker.describe(endpoint)
    if shown["EndpointStatus"] == "Updating":
        challenger = shown["ProductionVariants"][1]
        assert (challenger["CurrentInstanceCount"], challenger["DesiredInstanceCount"]) == (1, 3)
    sagemaker.ask(endpoint)
    champion, challenger = sagemaker.settled(endpoint)["ProductionVariants"]
    assert (champion["CurrentWeight"], champion["CurrentInstanceCount"]) == (0.0, 1)
    assert (challenger["CurrentWeight"], challenger["CurrentInstanceCount"]) == (1.0, 3)
    assert set(asked_of(sagemaker, endpoint, 30)) == {"challenger"}


def test_weights_and_capacities_that_cannot_be_are_refused(sagemaker: SageMaker, artefact: str) -> None:
    on_instances = deployed(sagemaker, variant("champion", sagemaker.model(artefact)))
    serverless = deployed(sagemaker, serverless_variant("champion", sagemaker.model(artefact)))

    def asked(endpoint: str, name: str = "champion", **desired: Any) -> str:
        code, message = refused(
            sagemaker.api.update_endpoint_weights_and_capacities,
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": name, **desired}],
        )
        assert code == "ValidationException"
        return message

    assert "Could not find endpoint" in asked("nowhere")
    assert 'Could not find variant "other"' in asked(on_instances, "other")
    assert "DesiredInstanceCount of 1" in asked(on_instances, DesiredInstanceCount=0)
    assert "not serverless" in asked(on_instances, ServerlessUpdateConfig={"MaxConcurrency": 3})
    assert "has no instances" in asked(serverless, DesiredInstanceCount=2)
    sagemaker.api.update_endpoint_weights_and_capacities(
        EndpointName=serverless,
        DesiredWeightsAndCapacities=[{"VariantName": "champion", "ServerlessUpdateConfig": {"MaxConcurrency": 7}}],
    )
    (shown,) = sagemaker.settled(serverless)["ProductionVariants"]
    assert shown["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 7}


def test_a_shadow_never_answers(sagemaker: SageMaker, artefact: str, other: str) -> None:
    alone = sagemaker.deploy(artefact)["EndpointName"]
    shadow = variant("previous", sagemaker.model(other))
    champion = variant("champion", sagemaker.model(artefact))
    endpoint = deployed(sagemaker, champion, ShadowProductionVariants=[shadow])
    (shown,) = sagemaker.describe(endpoint)["ShadowProductionVariants"]
    assert (shown["VariantName"], shown["CurrentWeight"]) == ("previous", 1.0)
    assert set(sagemaker.answers(endpoint, 20)) == set(sagemaker.answers(alone, 1))
    code, _ = refused(sagemaker.ask, endpoint=endpoint, TargetVariant="previous")
    assert code == "ValidationError"


@pytest.mark.parametrize("kind", ["two shadows", "two variants", "serverless", "serverless shadow"])
def test_shadows_that_sagemaker_does_not_have_are_refused(sagemaker: SageMaker, artefact: str, kind: str) -> None:
    model = sagemaker.model(artefact)
    variants, shadows = [variant("champion", model)], [variant("previous", model)]
    if kind == "two shadows":
        shadows.append(variant("another", model))
    elif kind == "two variants":
        variants.append(variant("another", model))
    elif kind == "serverless":
        variants = [serverless_variant("champion", model)]
    else:
        shadows = [serverless_variant("previous", model)]
    code, message = refused(
        sagemaker.api.create_endpoint_config,
        EndpointConfigName=sagemaker.lab.name("shadows"),
        ProductionVariants=variants,
        ShadowProductionVariants=shadows,
    )
    assert (code, "hadow" in message) == ("ValidationException", True)
