"""What a prediction says of a class, and of a number."""

from __future__ import annotations

import pytest

from sluice.dataset.recipe import NumberColumn, Recipe, Target
from sluice.prediction.answer import answer, predictions
from sluice.prediction.rows import Rows
from sluice.prediction.seal import Score, Seal
from sluice.prediction.version import Answered, Interval, Version

CLASSES = Target(name="churned", classes=("no", "yes"))
NUMBER = Target(name="price", task="regression")


def version(target: Target, interval: Interval | None = None) -> Version:
    return Version(
        run_id="1" * 12,
        recipe=Recipe(target=target, missing=(), columns=(NumberColumn(name="x"),)),
        seal=Seal(("1",), ((0.5,),)),
        cutoff=0.4 if target.classes else None,
        model_uri="s3://artifacts/model.tar.gz",
        log_share=0,
        has_variants=False,
        interval=interval,
    )


def asked(of: Version, *scores: Score) -> Answered:
    rows = Rows(
        lines=tuple("1" for _ in scores), features=(), outside=tuple(() for _ in scores), keys=(None,) * len(scores)
    )
    return Answered(of, rows, scores, retries=0)


def test_a_number_is_answered_with_its_interval() -> None:
    made = predictions(
        asked(version(NUMBER, Interval(half_width=2.5, coverage=0.9)), (123.5,), (-1.0,)), ["x-0", "x-1"]
    )
    assert made == [
        {"id": "x-0", "prediction": 123.5, "interval": [121.0, 126.0], "coverage": 0.9},
        {"id": "x-1", "prediction": -1.0, "interval": [-3.5, 1.5], "coverage": 0.9},
    ]


def test_a_number_without_an_interval_is_answered_alone() -> None:
    assert predictions(asked(version(NUMBER), (123.5,)), ["x"]) == [{"id": "x", "prediction": 123.5}]


@pytest.mark.parametrize(
    ("target", "keys"), [(NUMBER, {"task", "target"}), (CLASSES, {"classes", "positive", "cutoff"})]
)
def test_the_body_says_what_is_predicted(target: Target, keys: set[str]) -> None:
    assert answer("flats", version(target), []).keys() == {"dataset", "model_version", "predictions", *keys}


def test_a_class_is_answered_with_its_probability_and_label() -> None:
    assert predictions(asked(version(CLASSES), (0.45,)), ["x"]) == [{"id": "x", "probability": 0.45, "label": "yes"}]


@pytest.mark.parametrize("wrong", [{"task": "regression", "classes": ("a", "b")}, {"classes": ("a",)}, {}])
def test_a_target_has_two_classes_or_more_or_is_a_number(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="two classes or more, or is a number"):
        Target.model_validate({"name": "price", **wrong})
