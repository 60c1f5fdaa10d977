"""Runs to draw the report page of: one for each outcome, one with everything, several classes, and many."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from plotting.page import ReportInput
from plotting.profile import TableProfile
from scoring.champion import compare_numbers
from scoring.gates import judge
from scoring.number_metrics import (
    ScoredNumbers,
    measure_numbers,
    number_report,
    prediction_interval,
    prior_metrics,
)
from sluice.dataset.config import ChampionPolicy, Gates
from sluice.evaluation.document import (
    BiasMetric,
    Bootstrap,
    CalibrationBin,
    ChampionComparison,
    ClassCount,
    ClassCurves,
    Contribution,
    CutoffChoice,
    CutoffPoint,
    Evaluation,
    FacetBias,
    Importance,
    LearningCurve,
    Mistake,
    PrecisionRecallPoint,
    RocPoint,
    ShapColumn,
    ShapLevel,
    ShapPoint,
    SliceResult,
    TrainingFinding,
    TrainingReport,
    ValueGap,
)
from sluice.messages import (
    Approval,
    GateCheck,
    Metrics,
    Outcome,
    RecordedEndpoint,
    RowCounts,
    Run,
    RunResult,
    TargetNumbers,
    TrainingStatus,
)

RUN = Run(
    run_id="4f1c09b2a7de",
    dataset="loan-defaults",
    folder="loan-defaults",
    bucket="sluice-inbox",
    key="incoming/loan-defaults/2026-11.csv",
    version_id="3HL4kqtJvjVBH40Nrjfkd",
    etag="0d1690bbd5734538a9c8b3b1dc902760",
    sequencer="0065A1B2C3D4E5F601",
    size=3_411_902,
    execution_arn="arn:aws:states:us-east-1:000000000000:execution:sluice-pipeline:4f1c09b2",
    started_at="2026-11-23T09:00:00.123Z",
)
HERE = f"s3://sluice-artifacts/{RUN.dataset}/runs/{RUN.run_id}/"
COLUMNS = (
    "credit_utilisation", "months_since_last_delinquency", "annual_income", "loan_amount", "term_months",
    "employment_years", "home_ownership", "purpose", "age", "region", "open_accounts", "enquiries_last_6_months",
    "application_channel",
)  # fmt: skip


def binary(**changes: Any) -> ReportInput:
    """A deployed model of two classes with every part of the page. ``changes``: fields of the evaluation."""
    evaluation = binary_evaluation().model_copy(update=changes)
    return ReportInput(
        run=RUN,
        result=_result(Outcome.DEPLOYED, evaluation),
        profile=_profile(),
        training=_training(),
        evaluation=evaluation,
        cells=_cells(),
    )


def _cells() -> dict[int, dict[str, str]]:
    """Of the worst mistakes' rows."""
    values = (
        "0.94",
        "3",
        "41000",
        "18500",
        "60",
        "2",
        "rent",
        "debt consolidation",
        "27",
        "north",
        "11",
        "4",
        "online",
    )
    return {
        row: {**dict(zip(COLUMNS, values, strict=True)), "customer_id": f"C-{row:06d}", "currency": "EUR",
              "defaulted": "yes"}
        for row in (1207, 88, 2954)
    }  # fmt: skip


APPROVED = Approval(
    decision="approved", decided_by="user/alice", comment="Looks right: the new region is in.",
    decided_at="2026-11-23T09:31:12+00:00",
)  # fmt: skip


def approved() -> ReportInput:
    """A model that a person approved and that is live."""
    page = binary()
    return replace(page, result=page.result.model_copy(update={"approval": APPROVED}))


def awaiting_approval() -> ReportInput:
    """A model that passed its gates and waits for a person."""
    page = binary()
    update: dict[str, object] = {"outcome": Outcome.AWAITING_APPROVAL, "endpoint": None, "artifacts": {}}
    return replace(page, result=page.result.model_copy(update=update))


def rejected_by_a_person() -> ReportInput:
    approval = APPROVED.model_copy(update={"decision": "rejected", "comment": "The `region` column is wrong."})
    return _kept_back(approval, "The model was rejected by user/alice: The `region` column is wrong.")


def expired() -> ReportInput:
    """A model that nobody decided on."""
    approval = Approval(decision="expired", decided_at="2026-11-26T09:06:41+00:00")
    return _kept_back(approval, "Nobody approved or rejected the model before the deadline. To be asked again, drop "
                                "the file again.")  # fmt: skip


def _kept_back(approval: Approval, reason: str) -> ReportInput:
    page = binary()
    update = {"outcome": Outcome.MODEL_REJECTED, "endpoint": None, "approval": approval, "reasons": (reason,)}
    return replace(page, result=page.result.model_copy(update=update))


def training_failed() -> ReportInput:
    """A training job that failed."""
    job = _training().model_copy(update={"status": "failed", "secondary_status": "Failed", "model_uri": None})
    result = _result(Outcome.TRAINING_FAILED, binary_evaluation()).model_copy(
        update={
            "metrics": None, "gates": (), "endpoint": None,
            "reasons": ("The training job failed: AlgorithmError: out of memory. Set a larger "
                        "`training.instance_type` in config.yaml.",),
        }
    )  # fmt: skip
    return ReportInput(run=RUN, result=result, profile=_profile(), training=job, evaluation=None)


def deployment_failed() -> ReportInput:
    """A model that passed its gates, whose endpoint did not answer as it should."""
    page = binary()
    update = {
        "outcome": Outcome.DEPLOYMENT_FAILED,
        "reasons": ("The live endpoint gives other scores than the evaluation: row 3 differs by 0.02.",
                    "The previous model answers again: sluice-loan-defaults-11aa22bb33cc is live."),
    }  # fmt: skip
    return replace(page, result=page.result.model_copy(update=update))


def superseded() -> ReportInput:
    page = binary()
    update = {"outcome": Outcome.SUPERSEDED, "endpoint": None,
              "reasons": ("The model of a newer file is live: run 99ee88dd77cc.",)}  # fmt: skip
    return replace(page, result=page.result.model_copy(update=update))


def model_rejected() -> ReportInput:
    """A model that failed two gates."""
    gates = (
        *_gates()[:1],
        _gates()[1].model_copy(
            update={"value": 0.412, "interval": (0.361, 0.466), "limit": 0.6, "passed": False,
                    "reason": "recall is 0.41200, which is below the minimum of 0.6. Choose another `cutoff`"}
        ),
        GateCheck(name="roc_auc.min_of_slice", value=None, limit=0.7, comparison="at_least", passed=False,
                  reason="ROC AUC was measured on no slice. Name columns under `slices`"),
    )  # fmt: skip
    evaluation = binary_evaluation().model_copy(update={"gates": gates, "verdict": "rejected"})
    reasons = (
        "Gate recall.min failed: recall is 0.41200, which is below the minimum of 0.6. Choose another `cutoff`.",
        "Gate roc_auc.min_of_slice failed: ROC AUC was measured on no slice. Name columns under `slices`.",
    )
    result = _result(Outcome.MODEL_REJECTED, evaluation).model_copy(update={"reasons": reasons, "endpoint": None})
    return ReportInput(run=RUN, result=result, profile=_profile(), training=_training(), evaluation=evaluation)


def multi_class(classes: int = 6) -> ReportInput:
    """A deployed model of ``classes`` classes: no cutoff, a curve a class."""
    rng = random.Random(3)  # noqa: S311  (nothing is secret)
    labels = tuple(f"crop {number:02d}" if classes > 9 else name for number, name in
                   zip(range(classes), (*_CROPS, *[""] * classes), strict=False))  # fmt: skip
    matrix = [
        [rng.randint(60, 120) if truth == guess else rng.choice((0, 0, 1, 2, 9)) for guess in range(classes)]
        for truth in range(classes)
    ]
    total = sum(map(sum, matrix))
    right = sum(matrix[place][place] for place in range(classes)) / total
    prior = math.log(classes)
    evaluation = binary_evaluation().model_copy(
        update={
            "classes": labels,
            "class_counts": tuple(
                ClassCount(label=label, train=7 * sum(row), validation=sum(row), test=sum(row))
                for label, row in zip(labels, matrix, strict=True)
            ),
            "cutoff": None,
            "cutoffs": (),
            "metrics": Metrics(
                rows=total, log_loss=0.29 * prior, prior_log_loss=prior, brier=0.18, roc_auc=0.972,
                average_precision=0.91, accuracy=right, balanced_accuracy=right - 0.01, precision=right,
                recall=right - 0.01, f1=right - 0.005, mcc=right - 0.05, expected_calibration_error=0.021, cutoff=None,
                confusion_matrix=tuple(map(tuple, matrix)), intervals={"log_loss": (0.27 * prior, 0.31 * prior)},
            ),
            "curves": tuple(
                _curves(label, 0.9 + 0.09 * rng.random(), sum(row) / total)
                for label, row in zip(labels, matrix, strict=True)
            ),
            "bias": (),
            "champion": None,
        }
    )  # fmt: skip
    profile = _profile()
    return ReportInput(
        run=RUN,
        result=_result(Outcome.DEPLOYED, evaluation),
        profile=profile,
        training=_training(),
        evaluation=evaluation,
    )


def numbers() -> ReportInput:
    """A deployed model of numbers, with a live one beside it."""
    rng = np.random.default_rng(5)
    truth = rng.lognormal(10, 0.5, 800)
    told = truth * rng.normal(1, 0.15, 800)
    interval = prediction_interval(told[:400] - truth[:400], 0.9)
    baseline = TargetNumbers(
        mean=24_900, median=22_000, low=9_700, high=50_200, minimum=4_100, maximum=160_000, deviation=13_400
    )
    scored = ScoredNumbers(truth[400:], told[400:], interval.half_width)
    metrics = measure_numbers(scored, baseline)
    live = compare_numbers(scored, told[400:] * 1.05, "0a1b2c3d4e5f", ChampionPolicy(), baseline)
    evaluation = binary_evaluation().model_copy(
        update={
            "task": "regression", "target": "loan_amount", "classes": (), "class_counts": (), "cutoff": None,
            "cutoffs": (), "curves": (), "calibration": (), "bias": (), "group_gaps": (), "metrics": metrics,
            "prior": prior_metrics(scored, baseline), "interval": interval, "numbers": number_report(scored),
            "champion": live, "gates": judge(metrics, Gates(), 0.9, champion=live), "slices": (),
        }
    )  # fmt: skip
    result = _result(Outcome.DEPLOYED, evaluation)
    return ReportInput(run=RUN, result=result, profile=_profile(), training=_training(), evaluation=evaluation)


def refused() -> ReportInput:
    """A file that was rejected before anything was trained."""
    reasons = (
        "2026-11.csv, line 1: no column is named `defaulted`, which config.yaml names as the target. The nearest is "
        "`default_ed`.",
    )
    rows = RowCounts(received=4120, accepted=3711, rejected=409)
    result = RunResult(
        outcome=Outcome.DATASET_REJECTED, run_id=RUN.run_id, dataset=RUN.dataset, reasons=reasons, rows=rows,
        artifacts={"validation": f"{HERE}validation.json"}, finished_at="2026-11-23T09:00:04+00:00",
    )  # fmt: skip
    profile = _profile().model_copy(update={"verdict": "rejected", "rows": rows, "split": None, "contract": None})
    return ReportInput(run=RUN, result=result, profile=profile, training=None, evaluation=None)


def stopped() -> ReportInput:
    """A run that a fault stopped at once: nothing is known but that."""
    result = RunResult(
        outcome=Outcome.ERROR, run_id=RUN.run_id, dataset=RUN.dataset, reasons=("ClaimRun failed with Throttled: x",),
        finished_at="2026-11-23T09:00:04+00:00",
    )  # fmt: skip
    return ReportInput(run=RUN, result=result, profile=None, training=None, evaluation=None)


def validation_json() -> str:
    return json.dumps(_profile().model_dump(mode="json"))


_CROPS = ("barley", "maize", "oats", "rye", "sorghum", "wheat", "millet", "teff", "rice")


def _result(outcome: Outcome, evaluation: Evaluation) -> RunResult:
    return RunResult(
        outcome=outcome,
        run_id=RUN.run_id,
        dataset=RUN.dataset,
        warnings=_profile().warnings,
        rows=_profile().rows,
        metrics=evaluation.metrics,
        gates=evaluation.gates,
        endpoint=RecordedEndpoint(
            name="sluice-loan-defaults", status="InService", config="sluice-loan-defaults-4f1c09b2a7de"
        ),
        artifacts={
            name: HERE + path
            for name, path in {
                "validation": "validation.json", "rejected_rows": "rejected_rows.csv", "recipe": "recipe.json",
                "model": "model/sluice-loan-defaults-4f1c09b2a7de/output/model.tar.gz",
                "evaluation": "evaluation.json", "outcome": "outcome.json", "report": "report.html",
            }.items()
        },
        training_seconds=94,
        price_estimate_usd=0.003003,
        finished_at="2026-11-23T09:06:41+00:00",
    )  # fmt: skip


def _training() -> TrainingStatus:
    return TrainingStatus(
        status="completed", job_name="sluice-loan-defaults-4f1c09b2a7de", secondary_status="Completed",
        model_uri=f"{HERE}model/sluice-loan-defaults-4f1c09b2a7de/output/model.tar.gz", training_seconds=94,
        billable_seconds=94,
    )  # fmt: skip


def _profile() -> TableProfile:
    kinds = ("number",) * 6 + ("text", "text", "number", "text", "number", "number", "text")
    columns: list[dict[str, Any]] = [
        {"name": name, "kind": kind, "missing": 37 * place % 211, "use": "number" if kind == "number" else "category"}
        for place, (name, kind) in enumerate(zip(COLUMNS, kinds, strict=True))
    ]
    columns += [
        {"name": "customer_id", "kind": "text", "missing": 0, "reason": "each row has another value: it tells nothing"},
        {"name": "currency", "kind": "text", "missing": 0, "reason": "it has one value only"},
        {"name": "defaulted", "kind": "boolean", "missing": 0, "use": "target"},
    ]
    return TableProfile.model_validate(
        {
            "name": "2026-11.csv",
            "verdict": "accepted",
            "warnings": ["Column `annual_income` has 211 rows without a value (1.0%); they train as missing."],
            "rows": {"received": 20640, "accepted": 20511, "rejected": 129, "train": 14357, "validation": 3077,
                     "test": 3077},
            "dialect": {"encoding": "utf-8", "compression": None, "delimiter": ",", "header_line": 1},
            "columns": columns,
            "problems": [
                {"rule": "not_a_number", "column": "annual_income", "rows": 96, "first_line": 311, "what": "secret"},
                {"rule": "too_few_cells", "column": None, "rows": 21, "first_line": 1204, "what": "secret"},
                {"rule": "no_label", "column": "defaulted", "rows": 12, "first_line": 87, "what": "secret"},
            ],
            "split": {"method": "stratified", "column": None, "seed": 0},
            "contract": {"version": 3, "made": False},
        }
    )  # fmt: skip


def _gates() -> tuple[GateCheck, ...]:
    return (
        GateCheck(name="log_loss.max_of_prior", value=0.684, limit=0.9, comparison="at_most", interval=(0.652, 0.717),
                  passed=True, reason="log loss is 68.40% of the baseline's, which is within the maximum of 90%"),
        GateCheck(name="recall.min", value=0.671, limit=0.6, comparison="at_least", interval=(0.631, 0.709),
                  passed=True, reason="recall is 0.67100, which reaches the minimum of 0.6"),
        GateCheck(name="champion.not_worse", value=-0.0062, limit=0.0069, comparison="at_most",
                  interval=(-0.0114, -0.0012), passed=True, reason="it is not worse than the live model"),
    )  # fmt: skip


def binary_evaluation() -> Evaluation:
    rng = random.Random(7)  # noqa: S311  (nothing is secret)
    metrics = Metrics(
        rows=3077, log_loss=0.3441, prior_log_loss=0.5030, brier=0.1066, roc_auc=0.8612, average_precision=0.5667,
        accuracy=0.8476, balanced_accuracy=0.7797, precision=0.6102, recall=0.6713, f1=0.6393, mcc=0.5422,
        expected_calibration_error=0.0127, cutoff=0.3418, confusion_matrix=((2191, 263), (205, 418)),
        intervals={
            "log_loss": (0.3281, 0.3607), "brier": (0.1001, 0.1129), "roc_auc": (0.8455, 0.8762),
            "average_precision": (0.5288, 0.6041), "accuracy": (0.8346, 0.8602), "balanced_accuracy": (0.7611, 0.7984),
            "precision": (0.5731, 0.6469), "recall": (0.6312, 0.7094), "f1": (0.6081, 0.6689), "mcc": (0.5041, 0.5779),
        },
    )  # fmt: skip
    prior = Metrics(rows=3077, log_loss=0.5030, prior_log_loss=0.5030, brier=0.1614, roc_auc=0.5,
                    average_precision=0.2025, accuracy=0.7975, balanced_accuracy=0.5, cutoff=0.5,
                    confusion_matrix=((2454, 0), (623, 0)))  # fmt: skip
    return Evaluation(
        run_id=RUN.run_id,
        dataset=RUN.dataset,
        job_name="sluice-loan-defaults-4f1c09b2a7de",
        model_uri=f"{HERE}model/sluice-loan-defaults-4f1c09b2a7de/output/model.tar.gz",
        model_sha256="9f" * 32,
        test_sha256="4b" * 32,
        recipe_sha256="c1" * 32,
        target="defaulted",
        classes=("no", "yes"),
        class_counts=(
            ClassCount(label="no", train=11450, validation=2454, test=2454),
            ClassCount(label="yes", train=2907, validation=623, test=623),
        ),
        verdict="accepted",
        metrics=metrics,
        prior=prior,
        bootstrap=Bootstrap(replicates=1000, groups=3077, seed=0),
        cutoff=CutoffChoice(
            value=0.3418, policy="best_f1", rows=3077, reason="F1 on the validation set is highest here: 0.6437."
        ),
        cutoffs=tuple(_cutoff(place / 60) for place in range(1, 60)),
        curves=(_curves("yes", 0.8612, 0.2025),),
        calibration=tuple(_calibration(place, rng) for place in range(10)),
        gates=_gates(),
        slices=(
            *_slices("home_ownership", (("mortgage", 1402), ("rent", 1211), ("own", 431), ("other", 33)), rng),
            *_slices("region", (("north", 1022), ("south", 980), ("east", 611), ("west", 464)), rng),
            SliceResult(column="region", value="overseas", rows=0, metrics={}, remark="no test row has this value"),
        ),
        champion=ChampionComparison(
            run_id="11aa22bb33cc", policy="not_worse", comparable=True,
            reason="On the same rows its log loss is lower by 0.0062, between 0.0012 and 0.0114 with 95% confidence.",
            metrics=metrics.model_copy(update={"log_loss": 0.3503, "roc_auc": 0.8560, "recall": 0.6597}),
            difference=-0.0062, interval=(-0.0114, -0.0012), margin=0.0069, deploys=True,
        ),
        group_gaps=(
            ValueGap(
                column="branch_no", groups=310, rows=1840, folds=5, loss="log loss", known=0.3512, new=0.3871,
                difference=0.0359, interval=(0.0284, 0.0437), flatters=True, prior=0.5012,
            ),
        ),
        bias=(_bias("age", "at least 60"), _bias("region", "overseas")),
        training=_report(rng),
        hyperparameters={"objective": "binary:logistic", "num_round": "400", "eta": "0.1", "max_depth": "5",
                         "early_stopping_rounds": "20"},
        training_metrics={"train:logloss": 0.2911, "validation:logloss": 0.3466},
        evaluated_at="2026-11-23T09:04:02+00:00",
    )  # fmt: skip


def _cutoff(cutoff: float) -> CutoffPoint:
    recall, fall_out = 1 - cutoff**0.9, (1 - cutoff) ** 4
    share = 0.2025
    hits, alarms = recall * share, fall_out * (1 - share)
    precision = hits / (hits + alarms)
    error = share - hits + alarms
    return CutoffPoint(
        cutoff=cutoff, error_rate=error, precision=precision, recall=recall,
        f1=2 * precision * recall / (precision + recall), cost=5 * (share - hits) + alarms,
        hard_label_log_loss=34.54 * error,
    )  # fmt: skip


def _curves(label: str, area: float, share: float) -> ClassCurves:
    power = (1 - area) / area
    steps = [place / 100 for place in range(101)]
    roc = [(step**2, step ** (2 * power)) for step in steps]
    recalls = [(rate, false) for false, rate in roc if rate > 0]
    return ClassCurves(
        label=label,
        roc=tuple(RocPoint(false_positive_rate=false, true_positive_rate=true) for false, true in roc),
        precision_recall=tuple(
            PrecisionRecallPoint(recall=rate, precision=rate * share / (rate * share + false * (1 - share)))
            for rate, false in recalls
        ),
        roc_auc=area,
        average_precision=0.35 + 0.6 * (area - 0.5),
        share=share,
    )


def _calibration(place: int, rng: random.Random) -> CalibrationBin:
    low, high = place / 10, (place + 1) / 10
    if place == 9:
        return CalibrationBin(low=low, high=high, rows=0, mean_score=None, share=None)
    share = min(max(low + 0.05 + rng.uniform(-0.05, 0.05), 0.01), 0.99)
    spread = 0.02 + 0.01 * place
    return CalibrationBin(low=low, high=high, rows=int(1400 / (1 + place)), mean_score=low + 0.045, share=share,
                          interval=(max(share - spread, 0), min(share + spread, 1)))  # fmt: skip


def _slices(column: str, values: tuple[tuple[str, int], ...], rng: random.Random) -> tuple[SliceResult, ...]:
    results = []
    for value, rows in values:
        loss, spread = 0.33 + rng.uniform(-0.04, 0.09), 0.9 / math.sqrt(rows)
        area = 0.86 - (loss - 0.33)
        results.append(
            SliceResult(
                column=column, value=value, rows=rows,
                metrics={"log_loss": loss, "roc_auc": area, "accuracy": 0.85 - loss / 10, "recall": 0.66, "f1": None},
                intervals={
                    "log_loss": (loss - spread, loss + spread), "roc_auc": (area - spread, min(area + spread, 1)),
                },
            )
        )  # fmt: skip
    return tuple(results)


def _bias(column: str, group: str) -> FacetBias:
    names = (
        ("CI", "Class imbalance", 0.71),
        ("DPL", "Difference in proportions of labels", -0.034),
        ("KL", "Kullback-Leibler divergence", 0.004),
        ("CDDL", "Conditional demographic disparity", None),
    )
    after = (
        ("DPPL", "Difference in predicted proportions", -0.041, 0),
        ("DI", "Disparate impact", 0.87, 1),
        ("AD", "Accuracy difference", 0.012, 0),
        ("TE", "Treatment equality", None, 0),
    )
    return FacetBias(
        column=column, group=group, favoured_label="no", rows=2980, other_rows=17531,
        pre_training=tuple(
            BiasMetric(name=name, title=title, value=value, fair=0,
                       remark=None if value is not None else "config.yaml names no column to condition on")
            for name, title, value in names
        ),
        post_training=tuple(
            BiasMetric(name=name, title=title, value=value, fair=fair,
                       remark=None if value is not None else "a group has no false positives")
            for name, title, value, fair in after
        ),
    )  # fmt: skip


def _report(rng: random.Random) -> TrainingReport:
    rounds = 140
    train = tuple(0.28 + 0.22 * math.exp(-place / 30) for place in range(rounds))
    validation = tuple(0.345 + 0.16 * math.exp(-place / 22) + 0.0002 * max(0, place - 119) for place in range(rounds))
    errors = tuple(0.15 + 0.05 * math.exp(-place / 25) for place in range(rounds))
    strengths = [0.62 / (1 + 0.45 * place) for place in range(len(COLUMNS))]
    return TrainingReport(
        rounds=120,
        rounds_trained=rounds,
        best_round=119,
        stopped_early=True,
        curves=(
            LearningCurve(metric="logloss", train=train, validation=validation),
            LearningCurve(metric="error", train=tuple(error - 0.02 for error in errors), validation=errors),
        ),
        findings=(
            TrainingFinding(
                rule="overfitting", severity="warning",
                what="The loss on training rows (0.2911) is far below that on validation rows (0.3466). More rows, or "
                     "a smaller max_depth, would help.",
            ),
            TrainingFinding(rule="class_imbalance", severity="note", what="20.2% of the training rows are `yes`."),
        ),
        importances=tuple(
            Importance(column=name, gain=5200 * strength, cover=880 * strength, weight=300 * strength, shap=strength)
            for name, strength in zip(COLUMNS, strengths, strict=True)
        ),
        shap_rows=1000,
        shap=tuple(
            ShapColumn(column=name, points=tuple(_dots(strength, place, rng)), levels=_levels(name, strength))
            for place, (name, strength) in enumerate(zip(COLUMNS, strengths, strict=True))
        ),
        mistakes=tuple(
            Mistake(
                row=row, label=label, predicted="no" if label == "yes" else "yes", score=score,
                contributions=(
                    Contribution(column="credit_utilisation", shap=-1.31),
                    Contribution(column="annual_income", shap=-0.74),
                    Contribution(column="term_months", shap=0.21),
                ),
            )
            for row, label, score in ((1207, "yes", 0.0091), (88, "yes", 0.0142), (2954, "no", 0.0317))
        ),
    )  # fmt: skip


def _levels(column: str, strength: float) -> tuple[ShapLevel, ...]:
    names = {
        "home_ownership": ("mortgage", "rent", "own", "other"),
        "purpose": ("debt consolidation", "car", "education", "home improvement", "medical", "wedding"),
        "region": ("north", "south", "east", "west"),
    }.get(column, ())
    return tuple(
        ShapLevel(level=name, rows=400 // (1 + place), shap=strength * (-1) ** place / (1 + place / 2))
        for place, name in enumerate(names)
    )


def _dots(strength: float, place: int, rng: random.Random) -> list[ShapPoint]:
    dots = []
    for _ in range(200):
        position = rng.random()
        push = (position - 0.5) * 2 * strength * (-1) ** place + rng.gauss(0, strength / 4)
        dots.append(ShapPoint(shap=push, position=None if COLUMNS[place] in {"purpose", "region"} else position))
    return dots


SAMPLES: dict[str, Callable[[], ReportInput]] = {
    "binary": binary,
    "model_rejected": model_rejected,
    "multi_class": multi_class,
    "many_classes": lambda: multi_class(50),
    "numbers": numbers,
    "approved": approved,
    "awaiting_approval": awaiting_approval,
    "rejected_by_a_person": rejected_by_a_person,
    "expired": expired,
    "training_failed": training_failed,
    "deployment_failed": deployment_failed,
    "superseded": superseded,
    "refused": refused,
    "stopped": stopped,
}
