from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from sluice.evaluation.document import SliceResult
from sluice.evaluation.model_card import card_content, card_request, card_status, card_updates, describes_live_model
from sluice.messages import Outcome, RegisterRequest
from tests.evaluations import curves, evaluation, metrics
from tests.service_models import problems
from tests.unit.sluice.test_registry import REQUEST, SETTINGS, asked


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def as_card_schema(node: Any) -> Any:
    """CloudFormation's schema of a card's content, with the names that the API has."""
    if isinstance(node, list):
        return [as_card_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    shown = {key: as_card_schema(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict):
        shown["properties"] = {snake(name): value for name, value in shown["properties"].items()}
    if isinstance(node.get("required"), list):
        shown["required"] = [snake(name) for name in node["required"]]
    return shown


def fits_the_schema(content: str) -> None:
    found = json.loads((files("cfnlint") / "data/schemas/providers/us_east_1/aws-sagemaker-modelcard.json").read_text())
    schema = {"$ref": "#/definitions/Content", "definitions": as_card_schema(found["definitions"])}
    jsonschema.Draft7Validator(schema).validate(json.loads(content))


def content(request: RegisterRequest = REQUEST, **changes: object) -> str:
    return card_content(request, evaluation(**changes), 1, SETTINGS)


def group_names(text: str) -> list[str]:
    return [group["name"] for group in json.loads(text)["evaluation_details"][0]["metric_groups"]]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_card_follows_sagemakers_schema_and_fits_the_service(outcome: Outcome) -> None:
    request = asked(outcome=outcome)
    for text in (content(request), card_content(request, None, 1, SETTINGS)):
        fits_the_schema(text)
        assert not problems("CreateModelCard", card_request(request, text, SETTINGS))


def test_a_card_says_how_good_the_model_is_and_on_what_rows() -> None:
    assert REQUEST.evaluation is not None
    request = asked(evaluation=REQUEST.evaluation.model_copy(update={"metrics": metrics()}))
    (details,) = json.loads(content(request))["evaluation_details"]
    found = {metric["name"]: metric for metric in details["metric_groups"][0]["metric_data"]}
    assert found["log_loss"]["value"] == 0.1
    assert found["log_loss"]["notes"] == "95 % interval from 0.05000 to 0.16000"
    assert found["Confusion matrix"]["value"] == [[52, 1], [2, 30]]
    assert details["datasets"] == ["s3://sluice-artifacts/breast-cancer/runs/4f1c09b2a7de/test/"]


def test_a_card_of_two_classes_has_all_that_was_measured() -> None:
    assert group_names(content()) == [
        "Metrics", "Bias of age: at least 60", "Importances", "Slice ward = north wing", "Curves of malignant",
    ]  # fmt: skip


def test_many_classes_with_odd_labels_fit() -> None:
    assert REQUEST.validation is not None
    assert REQUEST.evaluation is not None
    labels = tuple("\n" * number + "very long label " * 20 for number in range(30))
    shown = metrics(confusion_matrix=tuple((1,) * 30 for _ in range(30)), cutoff=None)
    request = asked(
        validation=REQUEST.validation.model_copy(update={"classes": labels, "target": "t\t" * 2000}),
        evaluation=REQUEST.evaluation.model_copy(update={"metrics": shown}),
    )
    text = content(request, classes=labels, metrics=shown, curves=tuple(curves(label) for label in labels))
    fits_the_schema(text)
    assert len(text) <= 100_000
    assert "Multiclass" in text


def test_a_card_that_would_be_too_long_loses_its_last_parts_first() -> None:
    slices = tuple(
        SliceResult(
            column="c", value=str(number), rows=1, metrics={f"metric {place}": 0.123456789 for place in range(200)}
        )
        for number in range(20)
    )
    text = content(slices=slices)
    assert len(text) <= 100_000
    names = group_names(text)
    assert names[0] == "Metrics"
    assert "Curves of malignant" not in names


def test_the_same_run_gives_the_same_card() -> None:
    assert content() == content()


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("deployed", "Approved"), ("model_rejected", "Draft"), ("deployment_failed", "PendingReview"),
     ("error", "PendingReview")],
)  # fmt: skip
def test_only_the_card_of_a_live_model_is_approved(outcome: str, status: str) -> None:
    assert card_status(asked(outcome=Outcome(outcome))) == status


def test_content_and_status_are_changed_in_calls_of_their_own_and_only_where_they_differ() -> None:
    known = {"ModelCardName": "sluice-breast-cancer", "Content": content(), "ModelCardStatus": "Approved"}
    assert card_updates(known, REQUEST, content()) == ()
    updates = card_updates({**known, "Content": "{}", "ModelCardStatus": "Draft"}, REQUEST, content())
    assert [set(update) - {"ModelCardName"} for update in updates] == [{"Content"}, {"ModelCardStatus"}]
    assert not any(problems("UpdateModelCard", update) for update in updates)


def test_a_card_tells_whether_its_model_went_live() -> None:
    assert describes_live_model(content())
    assert not describes_live_model(content(asked(outcome=Outcome.MODEL_REJECTED)))
    assert describes_live_model("written by a person")
