"""Requests compared with botocore's own description of the service."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.validate import ParamValidator


def problems(operation: str, request: dict[str, Any], service: str = "sagemaker") -> str:
    """What the service's model finds wrong with a request; empty if it fits."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    assert shape is not None
    return str(ParamValidator().validate(request, shape).generate_report())
