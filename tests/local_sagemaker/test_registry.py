"""The model registry and model cards, as the pipeline and its removal use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sluice.endpoint.aws.teardown import Patience, delete_served
from tests.local_sagemaker.conftest import ACCOUNT, BUCKET, IMAGE, SageMaker

TAGS = [{"Key": "sluice:name_prefix", "Value": "sluice"}, {"Key": "sluice:dataset", "Value": "churn"}]


def group(sagemaker: SageMaker, **changes: Any) -> str:
    name = sagemaker.lab.name("sluice-group")
    sagemaker.api.create_model_package_group(ModelPackageGroupName=name, **{"Tags": TAGS} | changes)
    return name


def package(sagemaker: SageMaker, name: str, **changes: Any) -> str:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn: str = sagemaker.api.create_model_package(
        ModelPackageGroupName=name, InferenceSpecification=specification, **changes
    )["ModelPackageArn"]
    return arn


def card(sagemaker: SageMaker, content: str = "{}") -> str:
    name = sagemaker.lab.name("sluice-card")
    sagemaker.api.create_model_card(ModelCardName=name, Content=content, ModelCardStatus="Draft", Tags=TAGS)
    return name


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def tags(sagemaker: SageMaker, arn: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = sagemaker.api.list_tags(ResourceArn=arn)["Tags"]
    return found


def test_a_group_is_made_once(sagemaker: SageMaker) -> None:
    name = group(sagemaker)
    code, message = refusal(sagemaker.api.create_model_package_group, ModelPackageGroupName=name)
    assert code == "ValidationException"
    assert message.startswith("Model Package Group already exists")


def test_a_group_that_does_not_exist_is_said_so_in_the_words_that_the_pipeline_looks_for(sagemaker: SageMaker) -> None:
    code, message = refusal(sagemaker.api.describe_model_package_group, ModelPackageGroupName="nobody")
    assert code == "ValidationException"
    assert "does not exist" in message


def test_versions_count_up_and_are_listed_newest_first(sagemaker: SageMaker) -> None:
    name = group(sagemaker)
    first, second = (package(sagemaker, name, ModelPackageDescription=text) for text in ("Run a", "Run b"))
    assert first == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/{name}/1"
    listed = sagemaker.api.list_model_packages(
        ModelPackageGroupName=name, SortBy="CreationTime", SortOrder="Descending"
    )["ModelPackageSummaryList"]
    assert [item["ModelPackageArn"] for item in listed] == [second, first]
    assert listed[0]["ModelPackageDescription"] == "Run b"
    assert listed[0]["ModelApprovalStatus"] == "PendingManualApproval"


def test_the_same_token_makes_one_version(sagemaker: SageMaker) -> None:
    name = group(sagemaker)
    assert package(sagemaker, name, ClientToken="run-1") == package(sagemaker, name, ClientToken="run-1")
    assert package(sagemaker, name, ClientToken="run-2").endswith("/2")


def test_the_number_of_a_deleted_version_is_not_given_again(sagemaker: SageMaker) -> None:
    name = group(sagemaker)
    sagemaker.api.delete_model_package(ModelPackageName=package(sagemaker, name))
    assert package(sagemaker, name).endswith("/2")


def test_a_version_has_the_tags_of_its_group_and_takes_none(sagemaker: SageMaker) -> None:
    name = group(sagemaker)
    assert tags(sagemaker, package(sagemaker, name)) == TAGS
    with pytest.raises(ClientError, match="Tags are not allowed"):
        package(sagemaker, name, Tags=TAGS)


def test_an_update_changes_what_it_names_and_nothing_else(sagemaker: SageMaker) -> None:
    arn = package(sagemaker, group(sagemaker), CustomerMetadataProperties={"run_id": "a", "outcome": "error"})
    sagemaker.api.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"outcome": "deployed"})
    sagemaker.api.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    shown = sagemaker.api.describe_model_package(ModelPackageName=arn)
    assert shown["ModelApprovalStatus"] == "Approved"
    assert shown["CustomerMetadataProperties"] == {"run_id": "a", "outcome": "deployed"}


def test_a_group_with_versions_is_not_deleted(sagemaker: SageMaker) -> None:
    name = group(sagemaker)
    arn = package(sagemaker, name)
    assert refusal(sagemaker.api.delete_model_package_group, ModelPackageGroupName=name)[0] == "ConflictException"
    sagemaker.api.delete_model_package(ModelPackageName=arn)
    sagemaker.api.delete_model_package_group(ModelPackageGroupName=name)
    assert "does not exist" in refusal(sagemaker.api.describe_model_package_group, ModelPackageGroupName=name)[1]


def test_a_card_is_made_once_and_found_by_its_tags(sagemaker: SageMaker) -> None:
    name = card(sagemaker)
    arn = sagemaker.api.describe_model_card(ModelCardName=name)["ModelCardArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-card/{name}"
    assert tags(sagemaker, arn) == TAGS
    arguments = {"ModelCardName": name, "Content": "{}", "ModelCardStatus": "Draft"}
    assert refusal(sagemaker.api.create_model_card, **arguments)[0] == "ConflictException"


def test_a_missing_card_is_not_found(sagemaker: SageMaker) -> None:
    assert refusal(sagemaker.api.describe_model_card, ModelCardName="nobody")[0] == "ResourceNotFound"
    arguments = {"ModelCardName": "nobody", "ModelCardStatus": "Draft"}
    assert refusal(sagemaker.api.update_model_card, **arguments)[0] == "ResourceNotFound"


def test_new_content_makes_a_version_and_a_new_status_does_not(sagemaker: SageMaker) -> None:
    name = card(sagemaker)
    sagemaker.api.update_model_card(ModelCardName=name, Content='{"a": 1}')
    sagemaker.api.update_model_card(ModelCardName=name, ModelCardStatus="Approved")
    shown = sagemaker.api.describe_model_card(ModelCardName=name)
    assert (shown["ModelCardVersion"], shown["Content"], shown["ModelCardStatus"]) == (2, '{"a": 1}', "Approved")


def test_content_and_status_are_not_taken_together(sagemaker: SageMaker) -> None:
    arguments = {"ModelCardName": card(sagemaker), "Content": "{}", "ModelCardStatus": "Approved"}
    assert "in a single call" in refusal(sagemaker.api.update_model_card, **arguments)[1]


def test_content_that_is_no_json_is_refused(sagemaker: SageMaker) -> None:
    with pytest.raises(ClientError, match="must be JSON"):
        card(sagemaker, "a model")


def test_a_removal_takes_what_the_stack_registered_and_no_more(sagemaker: SageMaker) -> None:
    mine, anothers = group(sagemaker), group(sagemaker, Tags=[{"Key": "sluice:name_prefix", "Value": "sluice-two"}])
    for name in (mine, anothers):
        package(sagemaker, name)
    named = card(sagemaker)
    said: list[str] = []
    autoscaling = sagemaker.lab.client("application-autoscaling", sagemaker.server.url)
    delete_served(sagemaker.api, autoscaling, "sluice", said.append, patience=Patience(60, poll=0.1))
    assert {f"deleted model package group {mine}", f"deleted model card {named}"} <= set(said)
    groups = sagemaker.api.list_model_package_groups()["ModelPackageGroupSummaryList"]
    names = {item["ModelPackageGroupName"] for item in groups}  # other tests' groups are there, too
    assert anothers in names
    assert mine not in names
    assert named not in {item["ModelCardName"] for item in sagemaker.api.list_model_cards()["ModelCardSummaries"]}
