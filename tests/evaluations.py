"""Evaluations in full, to go with the good run of ``tests.messages``."""

from __future__ import annotations

from sluice.evaluation.document import (
    BiasMetric,
    ChampionComparison,
    ClassCurves,
    CutoffChoice,
    Evaluation,
    FacetBias,
    Importance,
    PrecisionRecallPoint,
    RocPoint,
    SliceResult,
    TrainingFinding,
    TrainingReport,
)
from sluice.messages import Metrics
from tests.messages import GOOD


def curves(label: str, points: int = 200) -> ClassCurves:
    shares = [place / points for place in range(points + 1)]
    return ClassCurves(
        label=label,
        roc=tuple(RocPoint(false_positive_rate=share**2, true_positive_rate=share) for share in shares),
        precision_recall=tuple(PrecisionRecallPoint(recall=share, precision=1 - share / 2) for share in shares),
        roc_auc=0.99,
        average_precision=0.98,
        share=0.38,
    )


def metrics(**changes: object) -> Metrics:
    assert GOOD.evaluation is not None
    assert isinstance(GOOD.evaluation.metrics, Metrics)
    shown: dict[str, object] = {"intervals": {"accuracy": (0.92, 1.0), "log_loss": (0.05, 0.16)}, "f1": 0.9524}
    return GOOD.evaluation.metrics.model_copy(update=shown | changes)


def evaluation(**changes: object) -> Evaluation:
    """Of the good run. ``changes``: fields."""
    assert GOOD.evaluation is not None
    assert GOOD.training is not None
    assert GOOD.training.model_uri is not None
    whole = Evaluation(
        run_id=GOOD.run.run_id,
        dataset=GOOD.run.dataset,
        job_name=GOOD.training.job_name,
        model_uri=GOOD.training.model_uri,
        model_sha256="9f" * 32,
        test_sha256="4b" * 32,
        recipe_sha256="c1" * 32,
        target="diagnosis",
        classes=("benign", "malignant"),
        verdict="accepted",
        metrics=metrics(),
        cutoff=CutoffChoice(value=0.5, policy="fixed", rows=0, reason="It is fixed at 0.5."),
        curves=(curves("malignant"),),
        gates=GOOD.evaluation.gates,
        slices=(SliceResult(column="ward", value="north\nwing", rows=40, metrics={"log_loss": 0.1, "recall": None}),),
        champion=ChampionComparison(
            run_id="000000000001", policy="not_worse", comparable=True, reason="It is better by 0.02.", deploys=True
        ),
        bias=(
            FacetBias(
                column="age",
                group="at least 60",
                favoured_label="benign",
                rows=200,
                other_rows=369,
                pre_training=(BiasMetric(name="CI", title="Class imbalance", value=0.3, fair=0),),
                post_training=(BiasMetric(name="TE", title="Treatment equality", value=None, fair=0),),
            ),
        ),
        training=TrainingReport(
            rounds=30,
            findings=(TrainingFinding(rule="overfitting", severity="warning", what="It learned the rows by heart."),),
            importances=(Importance(column="mean radius", gain=9.0, cover=4.0, weight=3.0, shap=0.7),),
        ),
        hyperparameters={"objective": "binary:logistic", "num_round": "500"},
    )
    return whole.model_copy(update=changes)
