"""What SageMaker's model registry gets of a run: a model package, and its quality in numbers. Pure.

One group a dataset, named like its endpoint; one package, that is one version in the group, a run. The quality document
is that of the SageMaker developer guide, "Model quality metrics and Amazon CloudWatch monitoring".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from sluice.evaluation.document import ClassCurves, Evaluation
from sluice.evaluation.metrics import BASELINES, METRICS, of_task
from sluice.layout import RunLayout, uri
from sluice.messages import AnyMetrics, Interval, Metrics, NumberMetrics, Outcome, RegisterRequest, Run
from sluice.names import dataset_tags, model_package_group_name, model_package_token
from sluice.settings import RegisterSettings
from sluice.training.images import image_of

type Approval = Literal["Approved", "Rejected", "PendingManualApproval"]

_INTERVAL_DEVIATIONS: Final = 2 * 1.959964
"""Standard deviations that a 95 % interval of a normal distribution is wide."""


class NotMeasuredError(ValueError):
    """The run has no model of which anything was measured, and so nothing to register."""

    def __init__(self) -> None:
        super().__init__("The run has no model that was measured.")


def measured(request: RegisterRequest) -> tuple[str, AnyMetrics]:
    """Where the run's model lies, and its metrics.

    Raises:
        NotMeasuredError: there is no model, or nothing was measured of it.
    """
    training, evaluation = request.training, request.evaluation
    if training is None or training.model_uri is None or evaluation is None or evaluation.metrics is None:
        raise NotMeasuredError
    return training.model_uri, evaluation.metrics


def group_request(run: Run, settings: RegisterSettings) -> dict[str, Any]:
    """The CreateModelPackageGroup request. Its tags are those of all its packages, so they name no run."""
    return {
        "ModelPackageGroupName": model_package_group_name(settings.name_prefix, run.dataset),
        "ModelPackageGroupDescription": f"Models that Sluice trained on the dataset {run.dataset}.",
        "Tags": dataset_tags(settings.name_prefix, run.dataset),
    }


def approval(outcome: Outcome) -> Approval:
    """Live models are approved, refused ones rejected; what a fault or SageMaker kept back is a person's to judge."""
    if outcome is Outcome.DEPLOYED:
        return "Approved"
    return "Rejected" if outcome is Outcome.MODEL_REJECTED else "PendingManualApproval"


def _description_start(run_id: str) -> str:
    return f"Run {run_id}: "


def package_request(
    request: RegisterRequest, document: Evaluation | None, settings: RegisterSettings
) -> dict[str, Any]:
    """The CreateModelPackage request of a measured model.

    It has no tags, which a version takes from its group. The model was loaded by the evaluation, so that SageMaker
    need not try it again; the token makes a repeated call answer with the first one's version.

    Raises:
        NotMeasuredError: there is no model, or nothing was measured of it.
    """
    run, (model_uri, metrics) = request.run, measured(request)
    image = image_of(request.training.trainer if request.training else None, settings.aws_region)
    layout = RunLayout(run.dataset, run.run_id)
    return {
        "ModelPackageGroupName": model_package_group_name(settings.name_prefix, run.dataset),
        "ModelPackageDescription": (
            f"{_description_start(run.run_id)}{METRICS[metrics.leading].words} {_five(metrics, metrics.loss)} on "
            f"{metrics.rows} held-out rows, {_five(metrics, metrics.prior_loss)} for {BASELINES[metrics.task]}."
        ),
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": image,
                    "ModelDataUrl": model_uri,
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelApprovalStatus": approval(request.outcome),
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": uri(settings.artifact_bucket, layout.model_quality),
                }
            }
        },
        "CustomerMetadataProperties": properties(request, document, settings),
        "SkipModelValidation": "All",
        "ClientToken": model_package_token(settings.name_prefix, run),
    }


def _five(metrics: AnyMetrics, value: float) -> str:
    """Five decimals; of numbers, which have any size, five digits."""
    return f"{value:.5f}" if metrics.task == "classification" else f"{value:.5g}"


def package_of_run(packages: Iterable[Mapping[str, Any]], run_id: str) -> Mapping[str, Any] | None:
    """The summary of the run's package among those of ListModelPackages, told by the start of its description."""
    start = _description_start(run_id)
    return next((found for found in packages if found.get("ModelPackageDescription", "").startswith(start)), None)


def approval_request(
    package_arn: str, request: RegisterRequest, document: Evaluation | None, settings: RegisterSettings
) -> dict[str, Any]:
    """The UpdateModelPackage request for a run that was started again after a fault and got further."""
    return {
        "ModelPackageArn": package_arn,
        "ModelApprovalStatus": approval(request.outcome),
        "ApprovalDescription": line(" ".join(request.result.reasons) or f"The run ended as {request.outcome}.", 1024),
        "CustomerMetadataProperties": properties(request, document, settings),
    }


def version_of(package_arn: str) -> int:
    """The version is the last part of a package's ARN."""
    return int(package_arn.rsplit("/", 1)[-1])


def properties(request: RegisterRequest, document: Evaluation | None, settings: RegisterSettings) -> dict[str, str]:
    """Values are held to the letters, digits and ``_.:/=+-@`` that SageMaker allows: no text of a user's is in them."""
    run, validation, training = request.run, request.validation, request.training
    trainer = training.trainer if training else None
    layout = RunLayout(run.dataset, run.run_id)
    version = validation.contract_version if validation else None
    known = {
        "run_id": run.run_id,
        "dataset": run.dataset,
        "outcome": str(request.outcome),
        "training_job": training.job_name if training else None,
        "algorithm": trainer.algorithm if trainer else None,
        "instance_type": trainer.instance_type if trainer else None,
        "decision": uri(settings.artifact_bucket, layout.decision),
        "evaluation": request.evaluation.evaluation_uri if request.evaluation else None,
        "recipe": validation.recipe_uri if validation else None,
        "contract_version": None if version is None else str(version),
        "model_sha256": document.model_sha256 if document else None,
        "test_sha256": document.test_sha256 if document else None,
    }
    return {name: value for name, value in known.items() if value}


# -- model quality


def model_quality(metrics: AnyMetrics, curves: tuple[ClassCurves, ...] = ()) -> dict[str, Any]:
    """The model quality document. Classes are named by their numbers, as in the data that the model was trained on.

    ``standard_deviation`` is that of the bootstrap, taken from the 95 % interval, and "NaN" if there is none.
    Besides SageMaker's own metrics it has ours, under our names.
    """
    if isinstance(metrics, NumberMetrics):
        return {"regression_metrics": _measures(metrics, _of_table(metrics, 0) | _regression(metrics))}
    matrix = metrics.confusion_matrix
    binary = len(matrix) == 2
    values = _of_table(metrics, len(matrix)) | (_binary(metrics) if binary else _multiclass(metrics))
    body: dict[str, Any] = {
        "confusion_matrix": {
            str(truth): {str(predicted): count for predicted, count in enumerate(row)}
            for truth, row in enumerate(matrix)
        },
        **_measures(metrics, values),
    }
    if binary and curves:
        (curve, *_) = curves
        body["receiver_operating_characteristic_curve"] = {
            "false_positive_rates": [point.false_positive_rate for point in curve.roc],
            "true_positive_rates": [point.true_positive_rate for point in curve.roc],
        }
        body["precision_recall_curve"] = {
            "precisions": [point.precision for point in curve.precision_recall],
            "recalls": [point.recall for point in curve.precision_recall],
        }
    return {"binary_classification_metrics" if binary else "multiclass_classification_metrics": body}


type _Values = dict[str, tuple[float | None, str | None]]
"""By SageMaker's name: value, and the metric whose interval it has."""


def _of_table(metrics: AnyMetrics, classes: int) -> _Values:
    found: _Values = {
        name: (getattr(metrics, metric.name), metric.name)
        for metric in of_task(metrics.task).values()
        for name in metric.quality_names(classes)
    }
    return {**found, f"prior_{metrics.leading}": (metrics.prior_loss, None)}


def _measures(metrics: AnyMetrics, values: _Values) -> dict[str, Any]:
    return {
        name: {"value": value, "standard_deviation": _deviation(metrics.intervals.get(of or ""))}
        for name, (value, of) in values.items()
        if value is not None
    }


def _regression(metrics: NumberMetrics) -> _Values:
    return {"mse": (metrics.rmse**2, None)}


def _deviation(interval: Interval | None) -> float | str:
    return "NaN" if interval is None else (interval[1] - interval[0]) / _INTERVAL_DEVIATIONS


def _binary(metrics: Metrics) -> _Values:
    """What SageMaker has beside our metrics: value, and the metric whose interval it has."""
    (true_negative, false_positive), (false_negative, true_positive) = metrics.confusion_matrix
    counts = true_positive, false_positive, false_negative
    positives, negatives = true_positive + false_negative, true_negative + false_positive
    return {
        "false_negative_rate": (_share(false_negative, positives), "recall"),
        # Counted, not taken from the metric: documents that are older than it have it, too.
        "true_negative_rate": (_share(true_negative, negatives), "specificity"),
        "false_positive_rate": (_share(false_positive, negatives), "specificity"),
        "f0_5": (_f(0.5, *counts), None),
        "f1": (_f(1, *counts), "f1"),
        "f2": (_f(2, *counts), None),
        "assumed_threshold": (metrics.cutoff, None),
    }


def _multiclass(metrics: Metrics) -> _Values:
    matrix = metrics.confusion_matrix
    of_class = [(row[number], sum(other[number] for other in matrix), sum(row)) for number, row in enumerate(matrix)]
    rows = sum(truths for _, _, truths in of_class)

    def weighted(values: Iterable[float | None]) -> float | None:
        """By the rows of each class. What a class does not define, such as precision where never predicted, is 0."""
        terms = [(value or 0.0) * truths for value, (_, _, truths) in zip(values, of_class, strict=True)]
        return sum(terms) / rows if rows else None

    def f(beta: float) -> float | None:
        return weighted(_f(beta, right, named - right, truths - right) for right, named, truths in of_class)

    return {
        "weighted_precision": (weighted(_share(right, named) for right, named, _ in of_class), None),
        "weighted_recall": (weighted(_share(right, truths) for right, _, truths in of_class), "accuracy"),
        "weighted_f0_5": (f(0.5), None),
        "weighted_f1": (f(1), None),
        "weighted_f2": (f(2), None),
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _f(beta: float, true_positive: int, false_positive: int, false_negative: int) -> float | None:
    weighted = (1 + beta**2) * true_positive
    return _share(weighted, weighted + beta**2 * false_negative + false_positive)


def line(text: str, max_characters: int) -> str:
    """Text of a user's in one line, cut to what a field of SageMaker's takes; never empty, since names must not be."""
    return " ".join(text.split())[:max_characters] or "-"
