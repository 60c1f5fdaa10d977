"""The training half of the built-in XGBoost algorithm, version 3.2-0, as plain functions on local folders.

It follows aws/sagemaker-xgboost-container (``algorithm_mode/train.py``, ``data_utils.py``, ``channel_validation.py``,
``callback.py``): the same checks in the same order with the same words, and no checks that the container lacks. Above
all it reads tables with XGBoost's own text reader, as the container does, since that reader decides what garbage is
swallowed: a header becomes a row with label 0, text becomes missing, a short row is filled up with missing values.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import xgboost
from sklearn import metrics as sk

from local.sagemaker.hyperparameters import MAXIMIZED_METRICS, AlgorithmError, UserError, validate

VERSION: Final = "3.2-0"
MODEL_FILE: Final = "xgboost-model"

CSV_TYPES: Final = ("csv", "text/csv")
LIBSVM_TYPES: Final = ("libsvm", "text/libsvm", "text/x-libsvm")
OTHER_TYPES: Final = ("parquet", "recordio-protobuf", "application/x-parquet", "application/x-recordio-protobuf")
DEFAULT_CONTENT_TYPE: Final = "text/libsvm"
CHANNELS: Final = ("train", "validation", "code")
MAX_FOLDER_DEPTH: Final = 3
"""Files that lie deeper than this below the channel are left out with a warning."""

# More threads than free cores make XGBoost two to five times slower, and a laptop runs other things beside it.
THREADS: Final = min(2, os.cpu_count() or 1)

# What the container blames on the input; everything else that xgb.train raises it calls its own fault.
CUSTOMER_ERRORS: Final = (
    "label must be in [0,1] for logistic regression",
    "label must be in [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "Check failed: base_score > 0.0f && base_score < 1.0f base_score must be in (0,1) for logistic loss",
    "Check failed: label_correct PoissonRegression: label must be nonnegative",
    "Check failed: label_correct TweedieRegression: label must be nonnegative",
    "Parameter reg_lambda should be greater equal to 0",
)

# Metrics that the container computes itself. On 3.x it cuts the scores at 0 for all of them that need classes, so that
# every row with a positive score counts as class 1: wrong, and copied here since a pipeline must not rely on them.
CONTAINER_METRICS: Final = (
    "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision", "precision_macro", "precision_micro",
    "recall", "recall_macro", "recall_micro", "mse", "r2",
)  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """One input channel, downloaded. ``folder`` keeps the objects' paths below the channel's S3 prefix."""

    folder: Path
    content_type: str | None = None
    input_mode: str = "File"
    distribution: str = "FullyReplicated"


@dataclass(frozen=True)
class TrainedModel:
    """What a training run leaves behind.

    Attributes:
        booster: the model, cut to its best round if early stopping was in force.
        metrics: last logged value of each metric by its SageMaker name, like ``validation:logloss``.
        interrupted: the run was told to stop before it was through.
        keep: an interrupted model is to be saved all the same (``save_model_on_termination``).
    """

    booster: Any
    metrics: dict[str, float]
    interrupted: bool
    keep: bool


class Data:
    """Train and validation matrix of a job, and where its files lie (the container's paths, for its messages)."""

    def __init__(self, train: Any, validation: Any | None) -> None:
        self.train = train
        self.validation = validation


def fit(
    hyperparameters: Mapping[str, str],
    channels: Mapping[str, Channel],
    log: Callable[[str], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainedModel:
    """Train as the container would.

    Args:
        hyperparameters: names to text, as in CreateTrainingJob.
        channels: channel name to its folder.
        log: receives each line that the container prints.
        should_stop: asked after each round; true ends the run there.

    Raises:
        ContainerError: the container would have exited with status 1, with the words it would have used.
    """
    parameters = validate(hyperparameters)
    types = _validate_channels(channels)
    with xgboost.config_context(verbosity=0), tempfile.TemporaryDirectory(prefix="sagemaker-xgboost-") as scratch:
        data = _read(channels, types, bool(parameters.pop("csv_weights", 0)), Path(scratch), log)
        return _train(parameters, data, log, should_stop)


# -- channels


def _validate_channels(channels: Mapping[str, Channel]) -> dict[str, str]:
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    types = {}
    for name, channel in channels.items():
        if name not in CHANNELS:
            raise UserError(f"Extraneous channel found: {name}")
        types[name] = channel.content_type or DEFAULT_CONTENT_TYPE
        if types[name] not in CSV_TYPES + LIBSVM_TYPES + OTHER_TYPES:
            config = {
                "ContentType": types[name],
                "TrainingInputMode": channel.input_mode,
                "S3DistributionType": channel.distribution,
                "RecordWrapperType": "None",
            }
            raise UserError(f"Channel configuration for '{name}' channel is not supported: {config}")
    return types


def _read(
    channels: Mapping[str, Channel], types: Mapping[str, str], weights: bool, scratch: Path, log: Callable[[str], None]
) -> Data:
    # The container takes the content type of the train channel for both.
    content_type = types["train"]
    matrices: dict[str, Any] = {}
    sizes = {name: _size(channels[name].folder) for name in ("train", "validation") if name in channels}
    for name, size in sizes.items():
        if size:
            _check_first_lines(channels[name].folder, content_type, log)
    for name, size in sizes.items():
        matrices[name] = _matrix(channels[name].folder, content_type, weights, scratch / name, log) if size else None
    if matrices["train"] is None:
        raise UserError("No data in training channel path /opt/ml/input/data/train")
    if "validation" in matrices and matrices["validation"] is None:
        raise UserError("No data in validation channel path /opt/ml/input/data/validation")
    return Data(matrices["train"], matrices.get("validation"))


def _size(folder: Path) -> int:
    files = [path for path in folder.rglob("*") if path.is_file()]
    if any(path.name.startswith(".") for path in files):
        raise UserError("Hidden file found in the data path! Remove that before training.")
    return sum(path.stat().st_size for path in files)


def _check_first_lines(folder: Path, content_type: str, log: Callable[[str], None]) -> None:
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("_")):
        with path.open(errors="ignore") as lines:
            if content_type in CSV_TYPES:
                _delimiter(lines.readline(), log)
            elif content_type in LIBSVM_TYPES:
                _check_libsvm(lines, path.name)


def _delimiter(line: str, log: Callable[[str], None]) -> str:
    try:
        delimiter = csv.Sniffer().sniff(line).delimiter
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line {line[:50]}:\n{error}") from error
    log(f"INFO Determined delimiter of CSV input is '{delimiter}'")
    return delimiter


def _check_libsvm(lines: Any, name: str) -> None:
    for line in lines:
        label, *pairs = line.split(" ")
        if not _is_libsvm_label(label) or not all(":" in pair for pair in pairs):
            raise UserError(
                f"First line '{line[:50]}...' of file '{name}' is not 'LIBSVM' format. "
                "Please ensure the file is in 'LIBSVM' format."
            )
        if len(pairs) > 1:
            return


def _is_libsvm_label(text: str) -> bool:
    parts = text.split(":")
    return len(parts) <= 2 and all(re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", part) for part in parts)


def _matrix(folder: Path, content_type: str, weights: bool, flat: Path, log: Callable[[str], None]) -> Any:
    files = _gather(folder, flat, log)
    log(f"INFO files path: /opt/ml/input/data/{folder.name}")
    if content_type in OTHER_TYPES:
        raise AlgorithmError(f"{content_type} works on AWS; this local SageMaker reads CSV and libsvm only")
    uri = f"{flat}?format=libsvm"
    kind = "libsvm"
    if content_type in CSV_TYPES:
        # Only one file is looked at for the delimiter. The container takes whichever the file system lists first;
        # here a marker such as _SUCCESS comes first, so that it fails each time and not now and then.
        with files[0].open(errors="ignore") as lines:
            delimiter = _delimiter(lines.readline(), log)
        uri = f"{flat}?format=csv&label_column=0&delimiter={delimiter}" + ("&weight_column=1" if weights else "")
        kind = "csv"
    try:
        matrix = xgboost.DMatrix(uri, nthread=THREADS)
    except xgboost.core.XGBoostError as error:
        raise UserError(f"Failed to load {kind} data with exception:\n{error}") from error
    if matrix.get_label().size == 0:
        raise UserError(
            "Got input data without labels. Please check the input data set. If training job is running on multiple "
            "instances, please switch to using single instance if number of records in the data set is less than "
            "number of workers (16 * number of instance) in the cluster."
        )
    return matrix


def _gather(folder: Path, flat: Path, log: Callable[[str], None]) -> list[Path]:
    """Links to all files in one folder, as XGBoost needs them; markers first."""
    flat.mkdir()
    found = sorted(
        (path for path in folder.rglob("*") if path.is_file()),
        key=lambda path: (not path.name.startswith("_"), str(path)),
    )
    near = [path for path in found if len(path.relative_to(folder).parts) <= MAX_FOLDER_DEPTH]
    if len(near) < len(found):
        log(
            f"WARNING The depth of folder {folder.name} exceed the limit {MAX_FOLDER_DEPTH}. Files in deeper sub dirs "
            "won't be loaded. Please adjust the folder structure accordingly."
        )
    links = []
    for number, path in enumerate(near):
        links.append(flat / f"{number:06d}.part")
        links[-1].symlink_to(path)
    return links


# -- training


def _train(
    parameters: dict[str, Any], data: Data, log: Callable[[str], None], should_stop: Callable[[], bool]
) -> TrainedModel:
    num_round = parameters.pop("num_round")
    keep = parameters.pop("save_model_on_termination", "false") == "true"
    if parameters.pop("use_dask_gpu_training", "false") == "true" or "_kfold" in parameters:
        raise AlgorithmError("GPU training and cross-validation work on AWS; this local SageMaker has neither")
    tuned = parameters.pop("_tuning_objective_metric", None)
    rounds = parameters.pop("early_stopping_rounds", None)
    given = parameters.pop("eval_metric", None)
    metrics = _union(tuned.split(":")[1].split(",") if tuned else None, given)
    own = [metric for metric in metrics or [] if metric in CONTAINER_METRICS]
    native = [metric for metric in metrics or [] if metric not in CONTAINER_METRICS]
    if native:
        parameters["eval_metric"] = native
    parameters["nthread"] = min(parameters.get("nthread", THREADS), THREADS)
    parameters["verbosity"] = 0

    log(f"INFO Train matrix has {data.train.num_row()} rows and {data.train.num_col()} columns")
    watchlist = [(data.train, "train")]
    if data.validation is not None:
        log(f"INFO Validation matrix has {data.validation.num_row()} rows")
        watchlist.append((data.validation, "validation"))

    monitor = _Monitor(log)
    stopper = _Stopper(should_stop)
    callbacks: list[Any] = [monitor]
    # Without an eval_metric of your own and a validation channel the container drops early stopping silently.
    watched = tuned.split(":")[1] if tuned else given[-1] if given else None
    if rounds and watched and data.validation is not None:
        callbacks.append(
            xgboost.callback.EarlyStopping(
                rounds=rounds,
                data_name="validation",
                metric_name=watched,
                maximize=watched in MAXIMIZED_METRICS,
                save_best=True,
            )
        )
    # Last, since XGBoost asks no further callback once one has ended the run, and early stopping must see each round.
    callbacks.append(stopper)
    try:
        booster = xgboost.train(
            parameters,
            data.train,
            num_boost_round=num_round,
            evals=watchlist,
            custom_metric=_container_metrics(own) if own else None,
            callbacks=callbacks,
            verbose_eval=False,
        )
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        if any(known in str(error) for known in CUSTOMER_ERRORS):
            raise UserError(str(error)) from error
        raise AlgorithmError(f"XGB train call failed with exception:\n {error}") from error
    return TrainedModel(booster, metrics_of(monitor.last_line), stopper.interrupted, keep)


def _union(tuned: list[str] | None, given: list[str] | None) -> list[str] | None:
    if tuned is None or given is None:
        return tuned or given
    return sorted(set(tuned) | set(given))


def metrics_of(line: str) -> dict[str, float]:
    """Metrics of one log line by their SageMaker names: ``{"validation:logloss": 0.51702}``.

    SageMaker reads them by regular expressions that take numbers only, so ``nan`` leaves no metric.
    """
    found = re.findall(r"\t(train|validation)-([^\t:]+):([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)(?=\t|$)", line)
    return {f"{name}:{metric}": float(value) for name, metric, value in found}


class _Monitor(xgboost.callback.TrainingCallback):
    """Prints a line for each round."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self.last_line = ""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        scores = [
            f"{name}-{metric}:{values[-1]:.5f}" for name, log in evals_log.items() for metric, values in log.items()
        ]
        self.last_line = "\t".join([f"[{epoch}]", *scores])
        self._log(self.last_line)
        return False


class _Stopper(xgboost.callback.TrainingCallback):
    """Ends the run when asked to."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop
        self.interrupted = False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self.interrupted = self._should_stop()
        return self.interrupted


def _container_metrics(names: list[str]) -> Callable[[Any, Any], list[tuple[str, float]]]:
    def of_classes(name: str, labels: Any, classes: Any) -> float:
        if name in ("accuracy", "balanced_accuracy"):
            return float(getattr(sk, f"{name}_score")(labels, classes))
        base, _, average = name.partition("_")
        average = average or {"f1": "macro", "precision": "binary", "recall": "binary"}[base]
        return float(getattr(sk, f"{base}_score")(labels, classes, average=average, zero_division=0))

    def compute(scores: Any, matrix: Any) -> list[tuple[str, float]]:
        labels = matrix.get_label()
        results = []
        for name in names:
            if name in ("mse", "r2"):
                function = sk.mean_squared_error if name == "mse" else sk.r2_score
                results.append((name, float(function(labels, scores))))
            else:
                results.append((name, of_classes(name, labels, (scores > 0).astype(int))))
        return results

    return compute
