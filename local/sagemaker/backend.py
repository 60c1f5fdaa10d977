"""What this SageMaker has in one account and region: moto's backend, holding our resources in its dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.sagemaker.models import SageMakerModelBackend

from local.sagemaker.arns import resource_arn
from local.sagemaker.configurations import EndpointConfig, Model
from local.sagemaker.endpoints import Endpoint
from local.sagemaker.errors import validation_exception
from local.sagemaker.training import TrainingJob

Parameters = dict[str, Any]


class Backend(SageMakerModelBackend):
    """Models, configurations, endpoints and training jobs of ours; all the rest is moto's."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        # Our resources have what moto's lists and searches read of its own, and are no subclasses of them.
        self.training_jobs: dict[str, TrainingJob] = {}  # type: ignore[assignment]
        self.models: dict[str, Model] = {}
        self._models = self.models  # type: ignore[assignment]
        self.endpoint_configs: dict[str, EndpointConfig] = {}  # type: ignore[assignment]
        self.endpoints: dict[str, Endpoint] = {}  # type: ignore[assignment]
        #: The newest version by model package group: the number of a deleted one is not given again.
        self.model_package_versions: dict[str, int] = {}

    def arn(self, kind: str, name: str) -> str:
        return resource_arn(kind, name, self.account_id, self.region_name)

    def _get_resource_from_arn(self, arn: str) -> Any:
        stores: dict[str, Any] = {
            "training-job": self.training_jobs,
            "model": self.models,
            "endpoint-config": self.endpoint_configs,
            "endpoint": self.endpoints,
        }
        kind, _, name = arn.rsplit(":", 1)[-1].partition("/")
        if kind == "model-package":
            # A version has the tags of its group.
            kind, name = "model-package-group", name.partition("/")[0]
            arn = self.arn(kind, name)
        if kind not in stores:
            return super()._get_resource_from_arn(arn)
        for resource in stores[kind].values():
            if resource.arn.endswith(f"{kind}/{name.lower()}"):
                return resource
        raise validation_exception(f"Could not find {kind} with name {name}")


Operation = Callable[[Backend, Parameters], Parameters]
