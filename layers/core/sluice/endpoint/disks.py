"""Which instance types have disks of their own (NVMe).

Those are encrypted by the instance's hardware, and SageMaker refuses a request that names a key for them
(``ResourceConfig.VolumeKmsKeyId``, ``CreateEndpointConfig.KmsKeyId``). Per "Instance store volumes" of the EC2 user
guide; a test holds it to the families that SageMaker has.
"""

from __future__ import annotations

import re
from typing import Final

_BY_NAME: Final = re.compile(r"[a-z]+\d+[a-z]*d[a-z]*")
"""A ``d`` behind the generation says so: m5d, c6gd, g4dn, p4de."""
_ACCELERATED: Final = re.compile(r"dl\d.*|g([5-9]|\d\d).*|p([5-9]|\d\d).*|trn\d.*")


def has_own_disks(instance_type: str) -> bool:
    """Whether an instance of this type (``ml.m5d.large``) keeps its data on disks of its own."""
    family = instance_type.split(".")[1]
    return bool(_BY_NAME.fullmatch(family) or _ACCELERATED.fullmatch(family))
