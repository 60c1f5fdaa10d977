"""The metrics of a model, one line each: everything that lists, names, bounds, orders or explains metrics reads this.

A new metric is a line here, its formula in ``scoring.evaluation`` and an optional field of ``messages.Metrics``, which
older documents do not have; of predicted numbers, in ``scoring.number_metrics`` and of ``messages.NumberMetrics``.
Gates and their bounds, the report page, the model card, the registry's quality document, notices and the tables of
docs/evaluation.md follow. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from sluice.messages import CrossValidation, Task

_SAME: Final = "the same"
MACRO: Final = "plain mean over the classes, each against the rest"


@dataclass(frozen=True)
class Metric:
    """One metric on the held-out rows."""

    name: str
    """Field of ``messages.Metrics`` or ``NumberMetrics``, key of its intervals, and key under ``gates`` in
    config.yaml."""
    words: str
    """As it stands within a sentence."""
    what: str
    """What it is, of classes for two of them."""
    several: str = _SAME
    """What it is from three classes on."""
    task: Task = "classification"
    higher_is_better: bool = True
    low: float = 0
    high: float = 1
    """No model has a value outside ``low`` to ``high``, so no gate may ask for one."""
    is_gate: bool = True
    by_cutoff: bool = False
    """Of two classes another cutoff gives another value."""
    needs_both_classes: bool = False
    """It is read off the confusion matrix, and rows of one class alone give no value that means anything."""
    of_predicted_rows: bool = False
    """It divides by the rows predicted to be of a class, so it has no value if a class is never predicted."""
    is_calibration: bool = False
    """It compares what is promised with what comes true: scores with shares of the classes, intervals with rows."""
    by_slice: bool = False
    """The page compares slices by it."""
    binary: tuple[str, ...] = ()
    """Its names in SageMaker's model quality document of two classes, or of numbers; empty: its own name."""
    multiclass: tuple[str, ...] = ()
    """The same from three classes on."""
    form: str = ",.4f"
    """How a value is written in the tables of the page."""

    @property
    def title(self) -> str:
        return self.words[:1].upper() + self.words[1:]

    @property
    def better(self) -> str:
        return "higher" if self.higher_is_better else "lower"

    @property
    def range(self) -> str:
        if math.isinf(self.low):
            return f"{self.high:g} and below"
        return f"{self.low:g} and above" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"

    def shown(self, value: float) -> str:
        """A value as people read it."""
        return f"{value:{self.form}}"

    def is_possible(self, value: float) -> bool:
        return self.low <= value <= self.high

    def quality_names(self, classes: int) -> tuple[str, ...]:
        """Its names in SageMaker's model quality document; of numbers there are no classes."""
        return (self.multiclass if classes > 2 else self.binary) or (self.name,)


_METRICS: Final = (
    Metric(
        "log_loss",
        "log loss",
        "mean negative log likelihood, natural logarithm",
        higher_is_better=False,
        high=math.inf,
        by_slice=True,
    ),
    Metric(
        "brier",
        "Brier score",
        "mean squared distance of score and label",
        "summed over the classes",
        higher_is_better=False,
        high=2,
    ),
    Metric(
        "roc_auc", "ROC AUC", "area under the ROC curve", MACRO, by_slice=True, binary=("auc",), multiclass=("auc",)
    ),
    Metric(
        "average_precision",
        "average precision",
        "area under the precision-recall curve, as the sum of precision over steps of recall",
        MACRO,
    ),
    Metric(
        "accuracy",
        "accuracy",
        "share of rows predicted right",
        by_slice=True,
        by_cutoff=True,
    ),
    Metric(
        "balanced_accuracy",
        "balanced accuracy",
        "mean over the classes of the share of its rows predicted right",
        by_cutoff=True,
        needs_both_classes=True,
    ),
    Metric(
        "precision",
        "precision",
        "share of the rows predicted positive that are positive",
        MACRO,
        multiclass=("macro_precision",),
        by_cutoff=True,
        of_predicted_rows=True,
    ),
    Metric(
        "recall",
        "recall",
        "share of the positive rows that are predicted positive",
        MACRO,
        by_slice=True,
        binary=("recall", "true_positive_rate"),
        multiclass=("macro_recall",),
        by_cutoff=True,
    ),
    Metric(
        "specificity",
        "specificity",
        "share of the negative rows that are predicted negative, the true negative rate",
        MACRO,
        binary=("true_negative_rate",),
        by_cutoff=True,
    ),
    Metric(
        "f1",
        "F1",
        "harmonic mean of precision and recall",
        MACRO,
        multiclass=("macro_f1",),
        by_cutoff=True,
    ),
    Metric(
        "mcc",
        "Matthews correlation",
        "Matthews' correlation coefficient of truth and prediction",
        low=-1,
        by_cutoff=True,
        needs_both_classes=True,
    ),
    Metric(
        "expected_calibration_error",
        "expected calibration error",
        "mean distance between score and share of the class in ten bins of equal width, weighted by rows",
        "of the likeliest class",
        higher_is_better=False,
        is_calibration=True,
    ),
    Metric(
        "rmse",
        "RMSE",
        "root of the mean squared error, in the target's unit",
        task="regression",
        higher_is_better=False,
        high=math.inf,
        by_slice=True,
        form=",.5g",
    ),
    Metric(
        "mae",
        "mean absolute error",
        "in the target's unit",
        task="regression",
        higher_is_better=False,
        high=math.inf,
        by_slice=True,
        form=",.5g",
    ),
    Metric(
        "median_error",
        "median absolute error",
        "half of the rows are predicted more exactly; in the target's unit",
        task="regression",
        higher_is_better=False,
        high=math.inf,
        form=",.5g",
    ),
    Metric(
        "r2",
        "R2",
        "share of the target's variance that the predictions explain, the coefficient of determination",
        task="regression",
        low=-math.inf,
        by_slice=True,
    ),
    Metric(
        "pinball",
        "pinball loss",
        "mean of the quantile losses of the interval's two ends, in the target's unit",
        task="regression",
        higher_is_better=False,
        high=math.inf,
        form=",.5g",
    ),
    Metric(
        "coverage",
        "coverage",
        "share of the rows whose value lies in the interval of its prediction",
        task="regression",
        by_slice=True,
        is_calibration=True,
    ),
)

METRICS: Final[dict[str, Metric]] = {metric.name: metric for metric in _METRICS}
"""By name, in the order in which people read them: those of classes, then those of numbers."""

FACTS: Final = frozenset(
    {"rows", "prior_log_loss", "cutoff", "confusion_matrix", "intervals", "of_prior", "cross_validated"}
)
"""Fields of ``messages.Metrics`` that measure nothing by themselves: what was measured on, beside and at."""
NUMBER_FACTS: Final = frozenset({"rows", "prior_rmse", "intervals", "of_prior", "cross_validated"})
"""The same of ``messages.NumberMetrics``."""


CROSS_VALIDATED: Final = ("log_loss", "rmse")
"""The metrics that are measured over all rows of a small table, too."""

BASELINES: Final[dict[Task, str]] = {"classification": "the class shares", "regression": "the mean"}
"""What the baseline always predicts, of the training part."""


def of_task(task: Task) -> dict[str, Metric]:
    """The metrics of a task, by name."""
    return {name: metric for name, metric in METRICS.items() if metric.task == task}


def words(name: str) -> str:
    """A metric's name within a sentence; that of another measure with spaces."""
    return METRICS[name].words if name in METRICS else name.replace("_", " ")


def tell_cross_validation(found: CrossValidation) -> str:
    """A sentence for the report, the notice and ``sluice show``."""
    low, high = found.interval
    metric = METRICS[found.metric]
    often = "" if found.times == 1 else f", cut {found.times} times"
    return (
        f"Cross-validated over all {found.rows:,} rows ({found.folds} folds{often}), {metric.words} is "
        f"{metric.shown(found.value)}, {found.share:.0%} of the baseline's {metric.shown(found.baseline)} "
        f"(95% interval {low:.0%} to {high:.0%})."
    )
