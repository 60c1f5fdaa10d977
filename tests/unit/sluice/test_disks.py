from __future__ import annotations

import botocore.session
import pytest

from sluice.endpoint.disks import has_own_disks

EBS_ONLY = {
    "c4", "c5", "c5n", "c6g", "c6gn", "c6i", "c6in", "c7g", "c7i", "c7i-flex", "c8g", "c8i", "c8i-flex", "inf1", "inf2",
    "m4", "m5", "m6g", "m6i", "m7i", "m7i-flex", "m8g", "m8i", "m8i-flex", "p2", "p3", "r5", "r6g", "r6i", "r7i", "r8g",
    "r8i", "r8i-flex", "t2", "t3",
}  # fmt: skip
"""Families of SageMaker's without disks of their own, by the EC2 user guide."""


def families() -> set[str]:
    model = botocore.session.get_session().get_service_model("sagemaker")
    shapes = (model.shape_for(name) for name in ("TrainingInstanceType", "ProductionVariantInstanceType"))
    return {kind.split(".")[1] for shape in shapes for kind in shape.enum}  # type: ignore[attr-defined]


def test_all_of_sagemakers_families_but_those_without_disks_are_told() -> None:
    """Where this fails for a new family, look it up in "Instance store volumes" of the EC2 user guide."""
    assert {family for family in families() if not has_own_disks(f"ml.{family}.large")} == EBS_ONLY & families()


@pytest.mark.parametrize(
    "kind", ["ml.m5d.large", "ml.c6gd.xlarge", "ml.g4dn.xlarge", "ml.p4de.24xlarge", "ml.g5.xlarge"]
)
def test_a_type_with_disks_of_its_own_is_told_by_its_family(kind: str) -> None:
    assert has_own_disks(kind)
