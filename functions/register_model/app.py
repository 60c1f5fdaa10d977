"""Enters a measured model into SageMaker's model registry, and keeps the dataset's model card.

Every call may be repeated: the run's version is looked for before one is made, and what is as it should be is left.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found
from sluice.aws.objects import write_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.evaluation.aws.documents import read_evaluation
from sluice.evaluation.document import Evaluation
from sluice.evaluation.model_card import card_content, card_request, card_updates, describes_live_model
from sluice.evaluation.registry import (
    NotMeasuredError,
    approval,
    approval_request,
    group_request,
    measured,
    model_quality,
    package_of_run,
    package_request,
    version_of,
)
from sluice.layout import RunLayout
from sluice.messages import Outcome, Registered, RegisterRequest
from sluice.names import model_package_group_name
from sluice.runs.aws.ledger import Due, mark_done
from sluice.settings import RegisterSettings

PENDING = "PendingManualApproval"

settings = RegisterSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)


@step(RegisterRequest)
def handler(request: RegisterRequest) -> Registered:
    run = request.run
    try:
        _, metrics = measured(request)
    except NotMeasuredError as error:
        mark_done(dynamodb, settings.runs_table, run, Due.MODEL)
        return Registered(verdict="skipped", reasons=(str(error),))
    document = read_evaluation(s3, request.evaluation)
    quality = model_quality(metrics, document.curves if document else ())
    write_json(s3, settings.artifact_bucket, RunLayout(run.dataset, run.run_id).model_quality, quality)
    ensure_group(request)
    registered = register(request, document)
    card = keep_card(request, card_content(request, document, registered.version or 1, settings))
    mark_done(dynamodb, settings.runs_table, run, Due.MODEL)
    return registered.model_copy(update={"card": card})


def ensure_group(request: RegisterRequest) -> None:
    creation = group_request(request.run, settings)
    try:
        sagemaker.describe_model_package_group(ModelPackageGroupName=creation["ModelPackageGroupName"])
    except ClientError as error:
        if not is_not_found(error):
            raise
        sagemaker.create_model_package_group(**creation)


def register(request: RegisterRequest, document: Evaluation | None) -> Registered:
    """Makes the run's version of the group, or finds it, and lifts it from pending where the run got further since.

    What a person approved or rejected meanwhile stays.
    """
    group = model_package_group_name(settings.name_prefix, request.run.dataset)
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 100},
    )
    known = package_of_run((item for page in pages for item in page["ModelPackageSummaryList"]), request.run.run_id)
    if known is None:
        arn = sagemaker.create_model_package(**package_request(request, document, settings))["ModelPackageArn"]
        return Registered(verdict="registered", group=group, version=version_of(arn))
    arn = known["ModelPackageArn"]
    found = Registered(verdict="unchanged", group=group, version=version_of(arn))
    if known.get("ModelApprovalStatus") != PENDING or approval(request.outcome) == PENDING:
        return found
    sagemaker.update_model_package(**approval_request(arn, request, document, settings))
    return found.model_copy(update={"verdict": "updated"})


def keep_card(request: RegisterRequest, content: str) -> str | None:
    """Writes the dataset's card, unless it is that of a live model and this run's is not live. Returns its name."""
    creation = card_request(request, content, settings)
    known = describe_card(creation["ModelCardName"])
    if known is None:
        sagemaker.create_model_card(**creation)
    elif request.outcome is not Outcome.DEPLOYED and describes_live_model(known["Content"]):
        return None
    else:
        for change in card_updates(known, request, content):
            sagemaker.update_model_card(**change)
    return str(creation["ModelCardName"])


def describe_card(name: str) -> dict[str, Any] | None:
    try:
        return dict(sagemaker.describe_model_card(ModelCardName=name))
    except sagemaker.exceptions.ResourceNotFound:
        return None
