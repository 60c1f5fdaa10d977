"""The built-in XGBoost's table of hyperparameters: names, types, ranges and how the container refuses them.

Source: aws/sagemaker-xgboost-container (``algorithm_mode/hyperparameter_validation.py`` and
``sagemaker_algorithm_toolkit/hyperparameter_validation.py``, 3.x). Every value arrives as text, as SageMaker sends it.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Final


class ContainerError(Exception):
    """What the training container writes before it exits with status 1.

    ``kind`` is the exception's name in the container's traceback.
    """

    kind = "Exception"


class UserError(ContainerError):
    """Input that a person can put right."""

    kind = "sagemaker_algorithm_toolkit.exceptions.UserError"


class AlgorithmError(ContainerError):
    """Everything else that stops the algorithm."""

    kind = "sagemaker_algorithm_toolkit.exceptions.AlgorithmError"


class MissingDependencyError(ContainerError):
    """The container reads a hyperparameter that was not given and does not expect that."""

    kind = "KeyError"


@dataclass(frozen=True)
class Interval:
    """A range of numbers, written as the container writes it."""

    min_closed: float | None = None
    min_open: float | None = None
    max_closed: float | None = None
    max_open: float | None = None

    def __contains__(self, value: Any) -> bool:
        return not (
            (self.min_open is not None and value <= self.min_open)
            or (self.min_closed is not None and value < self.min_closed)
            or (self.max_open is not None and value >= self.max_open)
            or (self.max_closed is not None and value > self.max_closed)
        )

    def __str__(self) -> str:
        low = "(-inf" if self.min_closed is None and self.min_open is None else None
        high = "+inf)" if self.max_closed is None and self.max_open is None else None
        low = low or (f"({self.min_open}" if self.min_open is not None else f"[{self.min_closed}")
        high = high or (f"{self.max_open})" if self.max_open is not None else f"{self.max_closed}]")
        return f"{low}, {high}"


MAXIMIZED_METRICS: Final = (
    "accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision", "r2",
    "recall", "precision_macro", "precision_micro", "recall_macro", "recall_micro",
)  # fmt: skip
MINIMIZED_METRICS: Final = (
    "aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy",
    "logloss", "mae", "mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle",
    "tweedie-nloglik",
)  # fmt: skip
OBJECTIVES: Final = (
    "aft_loss_distribution", "binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "multi:softmax",
    "multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map", "reg:linear", "reg:squarederror", "reg:logistic",
    "reg:gamma", "reg:pseudohubererror", "reg:squaredlogerror", "reg:tweedie", "survival:aft", "survival:cox",
)  # fmt: skip
UPDATERS: Final = (
    "grow_colmaker", "distcol", "grow_histmaker", "grow_local_histmaker", "grow_skmaker", "sync", "refresh", "prune",
    "shotgun", "coord_descent",
)  # fmt: skip

_at_least_0 = Interval(min_closed=0)
_at_least_1 = Interval(min_closed=1)
_flag = Interval(min_closed=0, max_closed=1)
_unit = Interval(min_closed=0, max_closed=1)
_fraction = Interval(min_open=0, max_closed=1)

INTEGERS: Final[dict[str, Interval]] = {
    "num_round": _at_least_1,
    "csv_weights": _flag,
    "early_stopping_rounds": _at_least_1,
    "verbosity": Interval(min_closed=0, max_closed=3),
    "nthread": _at_least_1,
    "max_depth": _at_least_0,
    "refresh_leaf": _flag,
    "max_leaves": _at_least_0,
    "max_bin": _at_least_0,
    "one_drop": _flag,
    "num_class": Interval(min_closed=2),
    "_kfold": Interval(min_closed=2),
    "_num_cv_round": _at_least_1,
    "seed": Interval(min_open=-(2**31), max_open=2**31 - 1),
    "num_parallel_tree": _at_least_1,
    "prob_buffer_row": Interval(min_open=1.0),
}
NUMBERS: Final[dict[str, Interval]] = {
    "eta": _unit,
    "gamma": _at_least_0,
    "min_child_weight": _at_least_0,
    "max_delta_step": _at_least_0,
    "subsample": _fraction,
    "colsample_bytree": _fraction,
    "colsample_bylevel": _fraction,
    "colsample_bynode": _fraction,
    "lambda": _at_least_0,
    "alpha": _at_least_0,
    "sketch_eps": Interval(min_open=0, max_open=1),
    "scale_pos_weight": Interval(min_open=0),
    "rate_drop": _unit,
    "skip_drop": _unit,
    "lambda_bias": _unit,
    "tweedie_variance_power": Interval(min_open=1, max_open=2),
    "base_score": _at_least_0,
    "aft_loss_distribution_scale": _at_least_0,
}
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "booster": ("gbtree", "gblinear", "dart"),
    "tree_method": ("auto", "exact", "approx", "hist", "gpu_hist"),
    "dsplit": ("row", "col"),
    "process_type": ("default", "update"),
    "grow_policy": ("depthwise", "lossguide"),
    "predictor": ("auto", "cpu_predictor", "gpu_predictor"),
    "sample_type": ("uniform", "weighted"),
    "normalize_type": ("tree", "forest"),
    "objective": OBJECTIVES,
    "_tuning_objective_metric": tuple(f"validation:{name}" for name in MAXIMIZED_METRICS + MINIMIZED_METRICS),
    "save_model_on_termination": ("true", "false"),
    "aft_loss_distribution": ("normal", "logistic", "extreme"),
    "single_precision_histogram": ("true", "false"),
    "deterministic_histogram": ("true", "false"),
    "sampling_method": ("uniform", "gradient_based"),
    "use_dask_gpu_training": ("true", "false"),
}
LISTS: Final = ("eval_metric", "updater")
TUPLES: Final = ("monotone_constraints",)
NESTED: Final = ("interaction_constraints",)
ALIASES: Final = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
}


def validate(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Typed hyperparameters, in the order given, or the container's refusal of them.

    The order of checks is the container's: what is missing, then names, then types, then ranges, then combinations.

    Raises:
        ContainerError: with the container's words.
    """
    given = {ALIASES.get(name, name): value for name, value in hyperparameters.items()}
    if "num_round" not in given:
        raise UserError("Missing required hyperparameter: num_round")
    parsed = {name: _parse(name, value) for name, value in given.items()}
    for name, value in parsed.items():
        _check_range(name, value)
    _check_combinations(parsed)
    return parsed


def _parse(name: str, value: str) -> Any:
    try:
        if name in INTEGERS:
            return int(value)
        if name in NUMBERS:
            return float(value)
        if name in CHOICES:
            return value
        if name in LISTS:
            return value.split(",")
        if name in TUPLES + NESTED:
            return ast.literal_eval(value)
    except ValueError as error:
        raise UserError(f"Hyperparameter {name}: could not parse value (caused by {type(error).__name__})") from error
    raise UserError(f"Extraneous hyperparameter found: {name}")


def _check_range(name: str, value: Any) -> None:
    allowed: Container[Any] | None = INTEGERS.get(name) or NUMBERS.get(name)
    if allowed is not None and value not in allowed:
        raise UserError(f"Hyperparameter {name}: {value} is not in {allowed}")
    if name in CHOICES and value not in CHOICES[name]:
        raise UserError(f"Hyperparameter {name}: {value} is not in {list(CHOICES[name])}")
    if name == "eval_metric" and not all(map(_is_metric, value)):
        raise UserError(
            f"Hyperparameter eval_metric: value {value} not in range {list(MAXIMIZED_METRICS + MINIMIZED_METRICS)}"
        )
    if name == "updater" and not set(value) <= set(UPDATERS):
        raise UserError(f"Hyperparameter updater: value {value} not in range {list(UPDATERS)}")
    if name in TUPLES and not set(value) <= {-1, 0, 1}:
        raise UserError(f"Hyperparameter {name}: value {value} not in range [-1, 0, 1]")


def _is_metric(metric: str) -> bool:
    if "<function" in metric:
        raise UserError(f"User defined evaluation metric {metric} is not supported yet.")
    if "@" not in metric:
        return metric in MAXIMIZED_METRICS + MINIMIZED_METRICS
    base, threshold = (part.strip() for part in metric.split("@")[:2])
    if base not in ("error", "ndcg", "map"):
        raise UserError(
            f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should "
            "be one of these options: 'error', 'ndcg', 'map'."
        )
    try:
        float(threshold)
    except ValueError as error:
        raise UserError(f"Threshold value 't' in '{base}@t' expects float input.") from error
    return True


def _check_combinations(parsed: Mapping[str, Any]) -> None:
    objective = parsed.get("objective")
    if objective in ("multi:softmax", "multi:softprob") and "num_class" not in parsed:
        raise UserError("Require input for parameter 'num_class' for multi-classification")
    metrics = parsed.get("eval_metric", [])
    if metrics and objective is None and {"auc", "aft-nloglik"} & set(metrics):
        raise MissingDependencyError("'objective'")
    if "auc" in metrics and not str(objective).startswith(("binary:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in metrics and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")
    tree_method = parsed.get("tree_method")
    if "monotone_constraints" in parsed and tree_method not in ("exact", "hist"):
        raise UserError(
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."
        )
    if "interaction_constraints" in parsed and tree_method not in ("exact", "hist", "approx"):
        raise UserError(
            "interaction_constraints can be used only when the tree_method parameter is set to "
            "either 'exact', 'hist' or 'approx'."
        )
