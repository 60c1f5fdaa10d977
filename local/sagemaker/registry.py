"""The model registry and model cards where moto's differ from AWS: what repeats, what is refused, what is deleted.

Groups, packages and cards are moto's own resources in the shared backend, so that its descriptions, lists and searches
show them. Callers hold the control plane's lock.
"""

from __future__ import annotations

import json
from typing import Any

from moto.sagemaker.models import ModelPackage
from moto.sagemaker.utils import validate_model_approval_status

from local.sagemaker.backend import Backend, Parameters
from local.sagemaker.errors import ApiError, validation_exception


def create_group(backend: Backend, request: Parameters) -> Parameters:
    name = request["ModelPackageGroupName"]
    if name in backend.model_package_groups:
        # Wording: aws/sagemaker-python-sdk, which looks for it.
        arn = backend.model_package_groups[name].arn
        raise validation_exception(f"Model Package Group already exists: {arn}")
    arn = backend.create_model_package_group(
        name, request.get("ModelPackageGroupDescription", ""), request.get("Tags") or []
    )
    return {"ModelPackageGroupArn": arn}


def delete_group(backend: Backend, request: Parameters) -> Parameters:
    name = _name(request["ModelPackageGroupName"])
    _group(backend, name)
    if _versions(backend, name):
        raise ApiError("ConflictException", f"Model Package Group {name} still has model packages; delete them first.")
    del backend.model_package_groups[name]
    return {}


def create_package(backend: Backend, request: Parameters) -> Parameters:
    """A version of a group. The same ClientToken answers with the version that it made before."""
    if "ModelPackageGroupName" not in request:
        raise validation_exception("This local SageMaker needs a model package's ModelPackageGroupName")
    if request.get("Tags"):
        raise validation_exception("Tags are not allowed on a model package of a group: it uses those of its group.")
    name = _name(request["ModelPackageGroupName"])
    _group(backend, name)
    versions = _versions(backend, name)
    token = request.get("ClientToken")
    for version in versions:
        if token is not None and version.client_token == token:
            return {"ModelPackageArn": version.arn}
    if "InferenceSpecification" not in request:
        raise validation_exception("This local SageMaker needs a model package's InferenceSpecification")
    newest = backend.model_package_versions.get(name, 0) + 1
    backend.model_package_versions[name] = newest
    members: dict[str, Any] = {
        "inference_specification": request["InferenceSpecification"],
        "source_algorithm_specification": request.get("SourceAlgorithmSpecification"),
        "validation_specification": request.get("ValidationSpecification"),
        "certify_for_marketplace": request.get("CertifyForMarketplace", False),
        "model_approval_status": request.get("ModelApprovalStatus", "PendingManualApproval"),
        "metadata_properties": request.get("MetadataProperties"),
        "model_metrics": request.get("ModelMetrics"),
        "customer_metadata_properties": dict(request.get("CustomerMetadataProperties") or {}),
        "drift_check_baselines": request.get("DriftCheckBaselines"),
        "domain": request.get("Domain"),
        "task": request.get("Task"),
        "sample_payload_url": request.get("SamplePayloadUrl"),
        "additional_inference_specifications": request.get("AdditionalInferenceSpecifications"),
        "client_token": token,
    }
    package = ModelPackage(
        model_package_name=name,
        model_package_group_name=name,
        model_package_version=newest,
        model_package_type="Versioned",
        model_package_description=request.get("ModelPackageDescription"),
        approval_description=None,
        region_name=backend.region_name,
        account_id=backend.account_id,
        **members,
    )
    backend.model_packages[package.arn] = package
    backend.model_package_name_mapping[package.arn] = package.arn
    return {"ModelPackageArn": package.arn}


def update_package(backend: Backend, request: Parameters) -> Parameters:
    """Changes what is named and nothing else; metadata is added to what there is."""
    package = _package(backend, request["ModelPackageArn"])
    if status := request.get("ModelApprovalStatus"):
        validate_model_approval_status(status)
        package.model_approval_status = status
    if "ApprovalDescription" in request:
        package.approval_description = request["ApprovalDescription"]
    package.customer_metadata_properties |= request.get("CustomerMetadataProperties") or {}
    for key in request.get("CustomerMetadataPropertiesToRemove") or []:
        package.customer_metadata_properties.pop(key, None)
    package.modifications_done()
    return {"ModelPackageArn": package.arn}


def delete_package(backend: Backend, request: Parameters) -> Parameters:
    package = _package(backend, request["ModelPackageName"])
    del backend.model_packages[package.arn]
    backend.model_package_name_mapping.pop(package.arn, None)
    return {}


def create_card(backend: Backend, request: Parameters) -> Parameters:
    _check_content(request["Content"])
    name = request["ModelCardName"]
    if name in backend.model_cards:
        raise ApiError("ConflictException", f"Model card {name} already exists.")
    arn = backend.create_model_card(
        name, request.get("SecurityConfig"), request["Content"], request["ModelCardStatus"], request.get("Tags") or []
    )
    return {"ModelCardArn": arn}


def update_card(backend: Backend, request: Parameters) -> Parameters:
    """New content makes a version; a new status changes the newest one. API reference: not both in one call."""
    name = _name(request["ModelCardName"])
    if name not in backend.model_cards:
        raise ApiError("ResourceNotFound", f"Model card {name} does not exist.")
    if "Content" in request and "ModelCardStatus" in request:
        raise validation_exception("You cannot update both model card content and model card status in a single call.")
    newest = backend.model_cards[name][-1]
    if "Content" in request:
        _check_content(request["Content"])
        backend.update_model_card(name, request["Content"], newest.model_card_status)
    elif "ModelCardStatus" in request:
        newest.model_card_status = request["ModelCardStatus"]
    return {"ModelCardArn": newest.arn}


def _check_content(content: str) -> None:
    try:
        fits = isinstance(json.loads(content), dict)
    except ValueError:
        fits = False
    if not fits:
        raise validation_exception("Model card content must be JSON that follows the model card schema.")


def _group(backend: Backend, name: str) -> Any:
    if name not in backend.model_package_groups:
        raise validation_exception(f"ModelPackageGroup {backend.arn('model-package-group', name)} does not exist.")
    return backend.model_package_groups[name]


def _versions(backend: Backend, group: str) -> list[Any]:
    return [package for package in backend.model_packages.values() if package.model_package_group_name == group]


def _package(backend: Backend, name_or_arn: str) -> Any:
    package = backend.model_packages.get(name_or_arn)
    if package is None:
        raise validation_exception(f"ModelPackage {name_or_arn} does not exist.")
    return package


def _name(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]
