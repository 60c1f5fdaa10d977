"""The dataset's model card: what its live model is for, how it was trained and how good it is. Pure.

One card a dataset, named like its endpoint. The content follows the model card JSON schema of the SageMaker developer
guide, which limits the length of most texts; a text of a user's is cut, never refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from sluice.evaluation.document import ClassCurves, Evaluation
from sluice.evaluation.metrics import of_task
from sluice.evaluation.registry import line, measured, properties
from sluice.layout import uri
from sluice.messages import AnyMetrics, Interval, Metrics, Outcome, RegisterRequest
from sluice.names import dataset_tags, model_card_name
from sluice.settings import RegisterSettings
from sluice.training.images import image_of

type CardStatus = Literal["Approved", "PendingReview", "Draft"]

_CARD_CHARACTERS: Final = 100_000
_GRAPH_POINTS: Final = 60
_CURVES: Final = 6
_BARS: Final = 20
_GROUPS_OF_A_KIND: Final = 20
_MATRIX_SIDE: Final = 20


def card_status(request: RegisterRequest) -> CardStatus:
    if request.outcome is Outcome.DEPLOYED:
        return "Approved"
    return "Draft" if request.outcome is Outcome.MODEL_REJECTED else "PendingReview"


def card_request(request: RegisterRequest, content: str, settings: RegisterSettings) -> dict[str, Any]:
    """The CreateModelCard request of a dataset's first measured model."""
    return {
        "ModelCardName": model_card_name(settings.name_prefix, request.run.dataset),
        "Content": content,
        "ModelCardStatus": card_status(request),
        "Tags": dataset_tags(settings.name_prefix, request.run.dataset),
    }


def card_updates(known: Mapping[str, Any], request: RegisterRequest, content: str) -> tuple[dict[str, Any], ...]:
    """The UpdateModelCard requests that bring a described card up to date; none if nothing is to change.

    SageMaker takes content and status in calls of their own, and makes a version of the card of each content.
    """
    name, status = known["ModelCardName"], card_status(request)
    return (
        *([{"ModelCardName": name, "Content": content}] if known.get("Content") != content else []),
        *([{"ModelCardName": name, "ModelCardStatus": status}] if known.get("ModelCardStatus") != status else []),
    )


def describes_live_model(content: str) -> bool:
    """Whether a card is of a model that went live. One that cannot be read is taken for a person's, and so for one."""
    try:
        return bool(json.loads(content)["additional_information"]["custom_details"]["outcome"] == Outcome.DEPLOYED)
    except (ValueError, KeyError, TypeError):
        return True


def card_content(
    request: RegisterRequest, document: Evaluation | None, version: int, settings: RegisterSettings
) -> str:
    """The card as JSON in one line, at most the 100,000 characters that SageMaker takes.

    The same run gives the same text, so that a repeated step makes no new version of the card. What is too much is left
    out from the end: the curves of further classes, then slices, importances and bias.
    """
    groups = _metric_groups(request, document)
    while True:
        content = json.dumps(_card(request, document, version, settings, groups))
        if len(content) <= _CARD_CHARACTERS or len(groups) == 1:
            return content
        groups = groups[:-1]


def _card(
    request: RegisterRequest,
    document: Evaluation | None,
    version: int,
    settings: RegisterSettings,
    groups: list[dict[str, Any]],
) -> dict[str, Any]:
    run, validation, training = request.run, request.validation, request.training
    target = line(validation.target if validation and validation.target else "the target", 200)
    classes = validation.classes if validation else ()
    labels = line(", ".join(line(label, 60) for label in classes), 1000)
    image = [image_of(training.trainer if training else None, settings.aws_region)]
    datasets = [found for found in (validation.train_uri, validation.validation_uri) if found] if validation else []
    findings = document.training.findings if document and document.training else ()
    champion = document.champion if document else None
    gates = [f"{gate.name}: {'passed' if gate.passed else 'failed'}, {gate.reason}." for gate in request.result.gates]
    observations = [f"Outcome of the run: {request.outcome}.", *request.result.reasons, *gates]
    return {
        "model_overview": {
            "model_name": training.job_name if training else run.run_id,
            "model_description": line(f"Predicts {target} from a row of the dataset {run.dataset}.", 1024),
            "model_version": version,
            "problem_type": _problem_type(len(classes)),
            "algorithm_type": "XGBoost, the built-in algorithm of SageMaker",
            "model_creator": "Sluice",
            "model_artifact": [training.model_uri] if training and training.model_uri else [],
            "inference_environment": {"container_image": image},
        },
        "intended_uses": {
            "purpose_of_model": line(
                f"To give the probability of each class of {target}: {labels}."
                if classes
                else f"To predict the number {target}.",
                2048,
            ),
            "intended_uses": (
                "Scoring rows that keep the dataset's contract and were prepared by the run's recipe. The endpoint "
                "takes text/csv and answers with "
                + ("probabilities, of two classes with that of the last one." if classes else "a number a row.")
            ),
            "factors_affecting_model_efficiency": (
                "Rows unlike those that it was trained on: new values, other shares, another meaning of a column."
            ),
            "risk_rating": "Unknown",
            "explanations_for_risk_rating": "Nobody has rated the risk; it depends on what the scores are used for.",
        },
        "training_details": {
            "objective_function": {"function": {"function": "Minimize", "facet": "Loss"}},
            "training_observations": line(" ".join(finding.what for finding in findings), 1024),
            "training_job_details": {
                "training_datasets": datasets,
                "training_environment": {"container_image": image},
                "training_metrics": [
                    {"name": line(name, 255), "value": value}
                    for name, value in sorted((training.metrics if training else {}).items())[:50]
                ],
                "hyper_parameters": [
                    {"name": line(name, 255), "value": line(value, 255)}
                    for name, value in sorted((document.hyperparameters if document else {}).items())[:100]
                ],
            },
        },
        "evaluation_details": [
            {
                "name": "Held-out test set",
                "evaluation_observation": line(" ".join(observations), 2096),
                "datasets": [validation.test_uri] if validation and validation.test_uri else [],
                "metadata": {
                    "rows": str(measured(request)[1].rows),
                    **({"champion": line(champion.reason, 1024)} if champion else {}),
                    **({"cutoff": line(document.cutoff.reason, 1024)} if document and document.cutoff else {}),
                },
                "metric_groups": groups,
            }
        ],
        "additional_information": {
            "caveats_and_recommendations": line(" ".join(request.result.warnings), 2048),
            "custom_details": {
                **properties(request, document, settings),
                "source": line(uri(run.bucket, run.key), 1024),
                "finished_at": request.result.finished_at,
            },
        },
    }


def _problem_type(classes: int) -> str:
    if not classes:
        return "Regression"
    return "Binary Classification" if classes == 2 else "Multiclass Classification"


def _metric_groups(request: RegisterRequest, document: Evaluation | None) -> list[dict[str, Any]]:
    """The most important ones first. The first group is always there."""
    metrics = measured(request)[1]
    confusions = _confusions(request, metrics) if isinstance(metrics, Metrics) else []
    groups = [{"name": "Metrics", "metric_data": [*_numbers(metrics), *confusions]}]
    if document is None:
        return groups
    groups += [
        {
            "name": line(f"Bias of {facet.column}: {facet.group}", 63),
            "metric_data": [
                {"name": f"{metric.name}: {metric.title}", "type": "number", "value": metric.value}
                for metric in (*facet.pre_training, *facet.post_training)
                if metric.value is not None
            ],
        }
        for facet in document.bias[:_GROUPS_OF_A_KIND]
    ]
    important = document.training.importances[:_BARS] if document.training else ()
    if important and all(item.shap is not None for item in important):
        bars = {
            "name": "Mean absolute SHAP value by column",
            "type": "bar_chart",
            "value": [item.shap for item in important],
            "x_axis_name": [line(item.column, 63) for item in important],
            "y_axis_name": "log odds" if metrics.task == "classification" else "unit of the target",
        }
        groups.append({"name": "Importances", "metric_data": [bars]})
    groups += [
        {
            "name": line(f"Slice {part.column} = {part.value}", 63),
            "metric_data": [
                {"name": "rows", "type": "number", "value": part.rows},
                *(
                    {"name": name, "type": "number", "value": value}
                    for name, value in part.metrics.items()
                    if value is not None
                ),
            ],
        }
        for part in document.slices[:_GROUPS_OF_A_KIND]
    ]
    groups += [
        {"name": line(f"Curves of {curve.label}", 63), "metric_data": graphs}
        for curve in document.curves[:_CURVES]
        if (graphs := _graphs(curve))
    ]
    return groups


def _numbers(metrics: AnyMetrics) -> list[dict[str, Any]]:
    names = ("rows", *of_task(metrics.task), f"prior_{metrics.leading}")
    shown = {name: getattr(metrics, name) for name in names}
    if isinstance(metrics, Metrics):
        shown["cutoff"] = metrics.cutoff
    return [
        {"name": name, "type": "number", "value": value, **_notes(metrics.intervals.get(name))}
        for name, value in shown.items()
        if value is not None
    ]


def _notes(interval: Interval | None) -> dict[str, str]:
    return {} if interval is None else {"notes": f"95 % interval from {interval[0]:.5f} to {interval[1]:.5f}"}


def _confusions(request: RegisterRequest, metrics: Metrics) -> list[dict[str, Any]]:
    matrix = metrics.confusion_matrix
    if not matrix or len(matrix) > _MATRIX_SIDE:
        return []
    classes = request.validation.classes if request.validation else ()
    names = [line(label, 63) for label in classes] if len(classes) == len(matrix) else []
    axes = {"x_axis_name": names, "y_axis_name": names} if names else {}
    rows = [list(row) for row in matrix]
    what = "Rows: true class; columns: predicted class."
    return [{"name": "Confusion matrix", "type": "matrix", "value": rows, "notes": what, **axes}]


def _graphs(curve: ClassCurves) -> list[dict[str, Any]]:
    drawn = {
        "ROC curve": (
            [[point.false_positive_rate, point.true_positive_rate] for point in curve.roc],
            ("False positive rate", "True positive rate"),
        ),
        "Precision-recall curve": (
            [[point.recall, point.precision] for point in curve.precision_recall],
            ("Recall", "Precision"),
        ),
    }
    return [
        {"name": name, "type": "linear_graph", "value": _thinned(points), "x_axis_name": x, "y_axis_name": y}
        for name, (points, (x, y)) in drawn.items()
        if points
    ]


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """Evenly, with both ends."""
    last = len(points) - 1
    if last < _GRAPH_POINTS:
        return points
    return [points[round(step * last / (_GRAPH_POINTS - 1))] for step in range(_GRAPH_POINTS)]
