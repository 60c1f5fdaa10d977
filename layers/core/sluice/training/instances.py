"""Which instance types have accelerators: GPUs, Inferentia or Trainium chips.

XGBoost uses none of them as it is trained and served here: since 3.x the built-in algorithm has no ``gpu_hist``, its
only way to a GPU is ``use_dask_gpu_training``, and its server scores on the CPU. Such an instance costs many times as
much and does no more. A test holds the families to those that SageMaker has, and the template's parameter to
this table.
"""

from __future__ import annotations

import re
from typing import Final

INSTANCE_TYPE: Final = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
"""What an instance type looks like."""

_FAMILIES: Final = re.compile(r"(p|g|gr|inf|trn|dl|eia)\d.*")
"""By the letters before the generation. Graviton's families (m6g, c7g) begin with others."""


def is_accelerated(instance_type: str) -> bool:
    """Whether an instance of this type (``ml.g5.xlarge``) has accelerators."""
    return bool(_FAMILIES.fullmatch(instance_type.split(".")[1]))


def without_accelerators(instance_type: str) -> str:
    """The instance type as it is.

    Raises:
        ValueError: it has accelerators, which nothing would use.
    """
    if is_accelerated(instance_type):
        raise ValueError(
            f"{instance_type} has accelerators that XGBoost does not use here: it trains and scores on the CPU. "
            "Take an instance type without them, such as ml.m5.xlarge"
        )
    return instance_type
