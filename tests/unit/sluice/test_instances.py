from __future__ import annotations

import re

import botocore.session
import pytest

from sluice.dataset.config import ConfigError, parse_config
from sluice.training.instances import INSTANCE_TYPE, is_accelerated
from tests.template import TEMPLATE

WITH_ACCELERATORS = {
    "dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "gr6", "inf1", "inf2", "p2", "p3", "p3dn", "p4d", "p4de", "p5",
    "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200", "trn1", "trn1n", "trn2", "trn3",
}  # fmt: skip
"""SageMaker's families with GPUs, Inferentia or Trainium chips, by its price list."""


def instance_types() -> set[str]:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shapes = (model.shape_for(name) for name in ("TrainingInstanceType", "ProductionVariantInstanceType"))
    return {kind for shape in shapes for kind in shape.enum}  # type: ignore[attr-defined]


def family(instance_type: str) -> str:
    return instance_type.split(".")[1]


def test_all_of_sagemakers_families_with_accelerators_are_told() -> None:
    """If this fails for a new family, look it up in SageMaker's price list."""
    found = {family(kind) for kind in instance_types() if is_accelerated(kind)}
    assert found == WITH_ACCELERATORS & {family(kind) for kind in instance_types()}


def test_the_stack_takes_the_instance_types_that_a_dataset_may_have() -> None:
    pattern = TEMPLATE["Parameters"]["TrainingInstanceType"]["AllowedPattern"]
    accepted = {kind for kind in instance_types() if re.fullmatch(pattern, kind)}
    assert accepted == {
        kind for kind in instance_types() if re.fullmatch(INSTANCE_TYPE, kind) and not is_accelerated(kind)
    }


@pytest.mark.parametrize("section", ["training", "endpoint"])
@pytest.mark.parametrize(
    "kind", ["ml.p3.2xlarge", "ml.g5.xlarge", "ml.g4dn.xlarge", "ml.inf2.xlarge", "ml.trn1.2xlarge"]
)
def test_an_instance_whose_accelerators_nothing_uses_is_refused_with_the_reason(section: str, kind: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"{section}\.instance_type.*{kind} has accelerators .* on the CPU.*ml\.m5\."
    ):
        parse_config(f"{section}: {{instance_type: {kind}}}", "config.yaml")


@pytest.mark.parametrize("kind", ["ml.m5.large", "ml.c5.2xlarge", "ml.m6g.large", "ml.m7i-flex.large"])
def test_instances_without_accelerators_are_taken(kind: str) -> None:
    assert parse_config(f"training: {{instance_type: {kind}}}", "config.yaml").training.instance_type == kind
