from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.register_model import app
from sluice.messages import Registered
from tests.evaluations import evaluation
from tests.functions.conftest import ARTIFACTS, Aws, Context, request

NAME = "sluice-breast-cancer"
REJECTED = {**request("register_model")["evaluation"], "verdict": "rejected", "reasons": ["gate"]}


@pytest.fixture(autouse=True)
def _evaluation(aws: Aws) -> None:
    aws.put(ARTIFACTS, aws.layout.evaluation, evaluation().model_dump_json())


def register(context: Context, **changes: Any) -> Registered:
    return Registered.model_validate(app.handler(request("register_model", **changes), context))


def run(run_id: str) -> dict[str, Any]:
    return {**request("register_model")["run"], "run_id": run_id}


def versions(aws: Aws) -> list[Any]:
    return aws.sagemaker.list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]


def card(aws: Aws) -> dict[str, Any]:
    return dict(aws.sagemaker.describe_model_card(ModelCardName=NAME))


def test_a_live_model_is_an_approved_version_with_its_quality_and_a_card(aws: Aws, context: Context) -> None:
    answer = register(context)
    assert answer == Registered(verdict="registered", group=NAME, version=1, card=NAME)
    (version,) = versions(aws)
    package = aws.sagemaker.describe_model_package(ModelPackageName=version["ModelPackageArn"])
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["CustomerMetadataProperties"]["model_sha256"] == evaluation().model_sha256
    quality = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert quality == f"s3://{ARTIFACTS}/{aws.layout.model_quality}"
    assert (
        "receiver_operating_characteristic_curve"
        in (json.loads(aws.read(aws.layout.model_quality))["binary_classification_metrics"])
    )
    assert card(aws)["ModelCardStatus"] == "Approved"
    assert json.loads(card(aws)["Content"])["model_overview"]["model_version"] == 1


def test_the_group_and_the_card_carry_the_tags_by_which_they_are_removed(aws: Aws, context: Context) -> None:
    register(context)
    group = aws.sagemaker.describe_model_package_group(ModelPackageGroupName=NAME)["ModelPackageGroupArn"]
    for arn in (group, card(aws)["ModelCardArn"]):
        tags = aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]
        assert {"Key": "sluice:name_prefix", "Value": "sluice"} in tags


def test_the_same_run_never_makes_two_versions(aws: Aws, context: Context) -> None:
    register(context)
    again = register(context)
    assert (again.verdict, again.version) == ("unchanged", 1)
    assert len(versions(aws)) == 1
    assert len(aws.sagemaker.list_model_card_versions(ModelCardName=NAME)["ModelCardVersionSummaryList"]) == 1


def test_a_second_run_is_the_next_version(aws: Aws, context: Context) -> None:
    register(context)
    assert register(context, run=run("00000000000a")).version == 2


def test_a_rejected_model_is_a_rejected_version(aws: Aws, context: Context) -> None:
    register(context, outcome="model_rejected", evaluation=REJECTED)
    assert [version["ModelApprovalStatus"] for version in versions(aws)] == ["Rejected"]
    assert card(aws)["ModelCardStatus"] == "Draft"


def test_a_rejected_model_leaves_the_card_of_the_live_one(aws: Aws, context: Context) -> None:
    register(context)
    before = card(aws)["Content"]
    answer = register(context, run=run("00000000000a"), outcome="model_rejected", evaluation=REJECTED)
    assert (answer.version, answer.card) == (2, None)
    assert card(aws)["Content"] == before


def test_a_run_that_got_further_the_second_time_lifts_its_version(aws: Aws, context: Context) -> None:
    register(context, outcome="error")
    answer = register(context)
    assert (answer.verdict, answer.version) == ("updated", 1)
    assert [version["ModelApprovalStatus"] for version in versions(aws)] == ["Approved"]


def test_what_a_person_decided_meanwhile_stays(aws: Aws, context: Context) -> None:
    register(context, outcome="error")
    (version,) = versions(aws)
    aws.sagemaker.update_model_package(ModelPackageArn=version["ModelPackageArn"], ModelApprovalStatus="Rejected")
    assert register(context).verdict == "unchanged"
    assert [version["ModelApprovalStatus"] for version in versions(aws)] == ["Rejected"]


@pytest.mark.parametrize("missing", [{"evaluation": None}, {"training": None}])
def test_without_a_measured_model_nothing_is_done(aws: Aws, context: Context, missing: dict[str, None]) -> None:
    assert register(context, **missing).verdict == "skipped"
    assert not aws.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert aws.layout.model_quality not in aws.stored()


def test_an_older_evaluation_is_registered_with_what_the_messages_carry(aws: Aws, context: Context) -> None:
    aws.put(ARTIFACTS, aws.layout.evaluation, '{"run_id": "4f1c09b2a7de"}')
    assert register(context).verdict == "registered"
    quality = json.loads(aws.read(aws.layout.model_quality))["binary_classification_metrics"]
    assert quality["accuracy"]["value"] == 0.9647
    assert "precision_recall_curve" not in quality


def test_a_refusal_other_than_a_missing_group_is_raised(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def describe(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeModelPackageGroup")

    monkeypatch.setattr(app.sagemaker, "describe_model_package_group", describe)
    with pytest.raises(ClientError, match="AccessDenied"):
        register(context)
