"""What this SageMaker has in one account and region: moto's backend, holding our resources in its dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.sagemaker.models import FakeModelCard, ModelPackage, ModelPackageGroup, SageMakerModelBackend

from local.sagemaker.arns import resource_arn
from local.sagemaker.configurations import EndpointConfig, Model
from local.sagemaker.endpoints import Endpoint
from local.sagemaker.errors import validation_exception
from local.sagemaker.faults import FaultBoard
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
        self.model_package_versions: dict[str, int] = {}
        """The newest version by model package group: the number of a deleted one is not given again."""

    def saved(self) -> dict[str, Any]:
        """All that is to outlive the process. Call with the control plane's lock held."""
        return {
            "account": self.account_id,
            "region": self.region_name,
            "training_jobs": [job.saved() for job in self.training_jobs.values()],
            "models": [model.saved() for model in self.models.values()],
            "endpoint_configs": [config.saved() for config in self.endpoint_configs.values()],
            "endpoints": [endpoint.saved() for endpoint in self.endpoints.values() if not endpoint.leaving],
            "model_package_versions": self.model_package_versions,
            "model_package_groups": [vars(group) for group in self.model_package_groups.values()],
            "model_packages": [vars(package) for package in self.model_packages.values()],
            "model_cards": [[vars(version) for version in versions] for versions in self.model_cards.values()],
        }

    def restore(self, saved: Mapping[str, Any], faults: FaultBoard) -> None:
        """All of it but the endpoints, which take someone who loads their models."""
        jobs = [TrainingJob.restored(item, faults) for item in saved["training_jobs"]]
        self.training_jobs.update({job.training_job_name: job for job in jobs})
        models = [Model.restored(item) for item in saved["models"]]
        self.models.update({model.model_name: model for model in models})
        configs = [EndpointConfig.restored(item) for item in saved["endpoint_configs"]]
        self.endpoint_configs.update({config.endpoint_config_name: config for config in configs})
        self.model_package_versions.update(saved["model_package_versions"])
        for group in (_remade(ModelPackageGroup, item) for item in saved["model_package_groups"]):
            self.model_package_groups[group.model_package_group_name] = group
        for package in (_remade(ModelPackage, item) for item in saved["model_packages"]):
            self.model_packages[package.arn] = package
            self.model_package_name_mapping[package.arn] = package.arn
        for versions in saved["model_cards"]:
            cards = [_remade(FakeModelCard, item) for item in versions]
            self.model_cards[cards[0].model_card_name] = cards

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


def _remade[Resource](kind: type[Resource], attributes: Mapping[str, Any]) -> Resource:
    """One of moto's resources: values and no more, which its constructors would make again."""
    resource = kind.__new__(kind)
    vars(resource).update(attributes)
    return resource


Operation = Callable[[Backend, Parameters], Parameters]
