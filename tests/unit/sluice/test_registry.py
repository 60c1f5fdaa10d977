from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import sklearn.metrics

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
from sluice.messages import Metrics, Outcome, RegisterRequest
from sluice.settings import RegisterSettings
from tests.evaluations import curves, evaluation, metrics
from tests.messages import event
from tests.service_models import problems

SETTINGS = RegisterSettings(
    artifact_bucket="artifacts", runs_table="runs", name_prefix="sluice", aws_region="eu-west-1"
)
REQUEST = RegisterRequest.model_validate(event("register_model"))
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/sluice-breast-cancer/7"


def asked(**changes: object) -> RegisterRequest:
    return REQUEST.model_copy(update=changes)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_request_fits_the_service(outcome: Outcome) -> None:
    request = asked(outcome=outcome)
    for document in (evaluation(), None):
        assert not problems("CreateModelPackage", package_request(request, document, SETTINGS))
        assert not problems("UpdateModelPackage", approval_request(ARN, request, document, SETTINGS))
    assert not problems("CreateModelPackageGroup", group_request(request.run, SETTINGS))


def test_the_longest_names_fit() -> None:
    run = REQUEST.run.model_copy(update={"dataset": "d" * 28})
    settings = SETTINGS.model_copy(update={"name_prefix": "p" * 16})
    request = package_request(asked(run=run), evaluation(), settings)
    assert len(request["ModelPackageGroupName"]) <= 63
    assert len(request["ClientToken"]) <= 36


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("deployed", "Approved"),
        ("model_rejected", "Rejected"),
        ("deployment_failed", "PendingManualApproval"),
        ("error", "PendingManualApproval"),
    ],
)
def test_only_a_live_model_is_approved_and_only_a_refused_one_rejected(outcome: str, expected: str) -> None:
    assert approval(Outcome(outcome)) == expected


def test_a_package_says_how_it_is_served_and_where_its_quality_lies() -> None:
    request = package_request(REQUEST, evaluation(), SETTINGS)
    (container,) = request["InferenceSpecification"]["Containers"]
    assert REQUEST.training is not None
    assert container["ModelDataUrl"] == REQUEST.training.model_uri
    assert REQUEST.training.trainer is not None
    assert container["Image"] == REQUEST.training.trainer.image, (
        "the image that the job ran, whatever the table says now"
    )
    assert request["CustomerMetadataProperties"]["algorithm"] == "sagemaker-xgboost:3.2-0"
    statistics = request["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == "s3://artifacts/breast-cancer/runs/4f1c09b2a7de/model_quality.json"
    assert "Tags" not in request, "a version takes those of its group"


def test_metadata_holds_what_sagemaker_allows_and_no_text_of_a_user() -> None:
    run = REQUEST.run.model_copy(update={"key": 'incoming/x/it\'s "ü".csv'})
    properties = package_request(asked(run=run), evaluation(), SETTINGS)["CustomerMetadataProperties"]
    assert properties["run_id"] == REQUEST.run.run_id
    assert properties["model_sha256"] == "9f" * 32
    for value in properties.values():
        assert re.fullmatch(r"[A-Za-z0-9 _.:/=+\-@]{1,256}", value), value


def test_the_version_of_a_run_is_found_again() -> None:
    made = package_request(REQUEST, None, SETTINGS)
    others = [{"ModelPackageDescription": "Run 000000000001: log loss"}, {"ModelPackageArn": "no description"}]
    mine = {"ModelPackageDescription": made["ModelPackageDescription"], "ModelPackageArn": ARN}
    assert package_of_run([*others, mine], REQUEST.run.run_id) == mine
    assert package_of_run(others, REQUEST.run.run_id) is None
    assert version_of(ARN) == 7


@pytest.mark.parametrize("missing", ["training", "evaluation"])
def test_what_was_not_measured_is_not_registered(missing: str) -> None:
    with pytest.raises(NotMeasuredError):
        measured(asked(**{missing: None}))


def rows_of(matrix: list[list[int]]) -> tuple[list[int], list[int]]:
    pairs = [
        (truth, named) for truth, row in enumerate(matrix) for named, count in enumerate(row) for _ in range(count)
    ]
    return [truth for truth, _ in pairs], [named for _, named in pairs]


def test_quality_of_two_classes_has_sagemakers_shape() -> None:
    quality = model_quality(metrics(), (curves("malignant", 4),))
    (name, body), *others = quality.items()
    assert not others
    assert name == "binary_classification_metrics"
    assert body["confusion_matrix"] == {"0": {"0": 52, "1": 1}, "1": {"0": 2, "1": 30}}
    assert body["auc"] == {"value": 0.99, "standard_deviation": "NaN"}
    assert body["accuracy"]["standard_deviation"] == pytest.approx(0.08 / 3.919928)
    assert len(body["receiver_operating_characteristic_curve"]["true_positive_rates"]) == 5
    assert set(body["precision_recall_curve"]) == {"precisions", "recalls"}
    json.dumps(quality, allow_nan=False)


def test_quality_of_two_classes_agrees_with_scikit_learn() -> None:
    truths, named = rows_of([[52, 1], [2, 30]])
    body = model_quality(metrics())["binary_classification_metrics"]
    for beta, key in ((0.5, "f0_5"), (1, "f1"), (2, "f2")):
        assert body[key]["value"] == pytest.approx(sklearn.metrics.fbeta_score(truths, named, beta=beta))
    assert body["true_negative_rate"]["value"] == pytest.approx(
        sklearn.metrics.recall_score(truths, named, pos_label=0)
    )
    assert body["false_positive_rate"]["value"] == pytest.approx(1 / 53)


@pytest.mark.parametrize("matrix", [[[50, 3, 2], [4, 20, 1], [5, 0, 9]], [[5, 1, 0], [3, 2, 0], [1, 1, 0]]])
def test_quality_of_many_classes_agrees_with_scikit_learn(matrix: list[list[int]]) -> None:
    truths, named = rows_of(matrix)
    shown = metrics(
        confusion_matrix=tuple(map(tuple, matrix)), cutoff=None, accuracy=float(np.mean(np.equal(truths, named)))
    )
    body = model_quality(shown)["multiclass_classification_metrics"]
    options: dict[str, Any] = {"average": "weighted", "zero_division": 0}
    assert body["weighted_precision"]["value"] == pytest.approx(
        sklearn.metrics.precision_score(truths, named, **options)
    )
    assert body["weighted_recall"]["value"] == pytest.approx(sklearn.metrics.recall_score(truths, named, **options))
    for beta, key in ((0.5, "weighted_f0_5"), (1, "weighted_f1"), (2, "weighted_f2")):
        assert body[key]["value"] == pytest.approx(sklearn.metrics.fbeta_score(truths, named, beta=beta, **options))
    assert body["confusion_matrix"]["2"]["0"] == matrix[2][0]


def test_what_is_not_defined_is_left_out() -> None:
    one_class = Metrics(rows=5, log_loss=0.1, prior_log_loss=0.1, accuracy=1, confusion_matrix=((5, 0), (0, 0)))
    body = model_quality(one_class)["binary_classification_metrics"]
    assert not {"auc", "recall", "precision", "f1", "false_negative_rate"} & set(body)
    assert body["true_negative_rate"]["value"] == 1
