"""What a person may set for a dataset: ``datasets/<dataset>/config.yaml`` in the inbox bucket.

Every key is optional. Unknown keys are refused, with the known ones listed, because a misspelled gate that is ignored
would let a bad model through.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from sluice.dataset.contract import ContractConfig
from sluice.documents import VERSION_KEY, NewerDocumentError, Part, keys_beside, read_stored, version_of
from sluice.evaluation.metrics import CROSS_VALIDATED, METRICS
from sluice.messages import Task
from sluice.training.hyperparameters import MAX_SMALL_ROWS, TUNABLE, Preset, defaults, objective_of
from sluice.training.instances import INSTANCE_TYPE, without_accelerators
from sluice.wording import known_instead


class ConfigError(ValueError):
    """A configuration that cannot be used. ``reasons`` are sentences, each naming the file and the key."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Section(Part):
    model_config = ConfigDict(allow_inf_nan=False)


class Limits(_Section):
    """What one metric must keep. A limit that is not set is not checked."""

    min: float | None = Field(None, description="The metric must be at least this.")
    max: float | None = Field(None, description="The metric must be at most this.")
    min_of_prior: float | None = Field(None, gt=0, description="At least this share of the baseline's.")
    max_of_prior: float | None = Field(
        None, gt=0, description="At most this share of the baseline's, which always predicts the class shares."
    )
    min_of_champion: float | None = Field(
        None, gt=0, description="At least this share of what the live model has on the same rows."
    )
    max_of_champion: float | None = Field(
        None, gt=0, description="At most this share of what the live model has on the same rows."
    )
    min_of_slice: float | None = Field(None, description="At least this on every slice of `slices`.")
    max_of_slice: float | None = Field(None, description="At most this on every slice of `slices`.")
    certain: bool = Field(
        False,
        description="The whole 95 % interval must keep `min`, `max` and those of the baseline, not only the value.",
    )
    cross_validated: bool | None = Field(
        None,
        description="Of a small table `max_of_prior` is a limit of what is cross-validated over all of its rows; of "
        "`log_loss` and `rmse` alone.",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if all(value is None for name, value in self if name not in {"certain", "cross_validated"}):
            raise ValueError("a gate needs a limit, such as `min` or `max`; without one it would let every model pass")
        return self


CONFIG_VERSION: Final = 1
"""Of ``config.json``. It rises if a key changes its meaning."""

_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})

_WRITTEN: Final[dict[str, Any]] = {}
"""Validation's context of what a person wrote. A run's own configuration was accepted, perhaps by a release that
refused less, and what it says is live."""

MAX_CONFIG_BYTES: Final = 1 << 20
"""YAML is read slowly, some seconds for so many bytes; 5,000 names of columns fit."""

if TYPE_CHECKING:
    _ByMetric = _Section
else:
    # A field for each metric of the table that may be a gate.
    _ByMetric = create_model(
        "_ByMetric",
        __base__=_Section,
        **{metric.name: (Limits | None, None) for metric in METRICS.values() if metric.is_gate},
    )


class Gates(_ByMetric):
    """Limits that a model must keep to be deployed, by metric. Any set here replace the stack's default gate."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name, limits in self.by_metric().items():
            metric = METRICS[name]
            for key in ("min", "max", "min_of_slice", "max_of_slice"):
                limit = getattr(limits, key)
                if limit is not None and not metric.is_possible(limit):
                    raise ValueError(
                        f"`{name}.{key}` is {limit:g}, but no model has such a value: {metric.words} is {metric.range}"
                    )
            if limits.cross_validated and name not in CROSS_VALIDATED:
                known = " and ".join(f"`{name}`" for name in CROSS_VALIDATED)
                raise ValueError(f"`{name}.cross_validated` is set, but only {known} are cross-validated")
            if limits.cross_validated and limits.max_of_prior is None:
                raise ValueError(f"`{name}.cross_validated` is set, but not `{name}.max_of_prior`, which it is about")
        return self

    def by_metric(self) -> dict[str, Limits]:
        """The metrics with a limit."""
        return {name: limits for name in type(self).model_fields if (limits := getattr(self, name)) is not None}


class Cutoff(_Section):
    """From which score on a row counts as the positive class. Chosen on the validation set; two classes only."""

    policy: Literal["best_f1", "fixed", "minimum_cost", "target_recall", "target_precision"] = Field(
        "best_f1", description="How the cutoff is chosen."
    )
    value: float | None = Field(
        None, gt=0, lt=1, description="The fixed cutoff (0.5 by default), or the recall or precision to reach."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.policy.startswith("target_") and self.value is None:
            raise ValueError(f"`policy: {self.policy}` needs `value`, the {self.policy.removeprefix('target_')} wanted")
        if self.policy in {"best_f1", "minimum_cost"} and self.value is not None:
            raise ValueError(f"`policy: {self.policy}` takes no `value`")
        return self


_MAX_COST: Final = 1e12

_MAX_LABEL_CHARACTERS: Final = 256
"""As of a label in a file: answers carry it."""


class Costs(_Section):
    """What a row costs by truth and prediction, in any one unit; gains are negative."""

    false_positive: float = Field(
        1, ge=-_MAX_COST, le=_MAX_COST, description="Cost of a negative row that is predicted positive."
    )
    false_negative: float = Field(
        1, ge=-_MAX_COST, le=_MAX_COST, description="Cost of a positive row that is predicted negative."
    )
    true_positive: float = Field(
        0, ge=-_MAX_COST, le=_MAX_COST, description="Cost of a positive row that is predicted positive."
    )
    true_negative: float = Field(
        0, ge=-_MAX_COST, le=_MAX_COST, description="Cost of a negative row that is predicted negative."
    )


class ChampionPolicy(_Section):
    """When a model may replace the one that is live.

    ``not_worse``: its log loss on the same rows is, with 95 % confidence, higher by no more than ``margin``, a share of
    the live model's. ``better``: it is lower with that confidence. ``ignore``: the gates alone decide.
    """

    policy: Literal["not_worse", "better", "ignore"] = Field(
        "not_worse", description="What a model must be, compared with the live one."
    )
    margin: float = Field(0.02, ge=0, lt=1, description="For `not_worse`: a share of the live model's log loss.")


class BiasLimits(_Section):
    """Limits of one bias metric."""

    min: float | None = Field(None, description="The metric must be at least this.")
    max: float | None = Field(None, description="The metric must be at most this.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs `min` or `max`; without one it would let every model pass")
        return self


type BiasName = Literal[
    "CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL",
    "DPPL", "DI", "DCA", "DCR", "RD", "SD", "AD", "TE", "CDDPL", "FT",
]  # fmt: skip


_NAMED_VALUES: Final = 3
_NAMED_CHARACTERS: Final = 60


class Facet(_Section):
    """A group that may be at a disadvantage, for the bias report. Its column may be one that is dropped."""

    column: str = Field(min_length=1, description="The column that says who is in the group.")
    group: tuple[str, ...] = Field((), description="The values of the group.")
    at_least: float | None = Field(None, description="Instead of values: this number and above.")
    below: float | None = Field(None, description="Instead of values: numbers below this one.")
    favoured_label: str | None = Field(None, description="The desirable label; by default the positive class.")
    condition_on: str | None = Field(None, description="Column for the conditional disparities (CDDL, CDDPL).")
    gates: dict[BiasName, BiasLimits] = Field(
        default_factory=dict, description="Limits of bias metrics, by their short names."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.group) == (self.at_least is not None or self.below is not None):
            raise ValueError("give the values of `group`, or `at_least` or `below`, one of the two ways")
        return self

    @property
    def described(self) -> str:
        """The group in a few words: ``Female``, ``at least 40``."""
        if self.group:
            named = ", ".join(value[:_NAMED_CHARACTERS] for value in self.group[:_NAMED_VALUES])
            rest = len(self.group) - _NAMED_VALUES
            return named if rest <= 0 else f"{named} and {rest} more"
        ends = [("at least", self.at_least), ("below", self.below)]
        return " and ".join(f"{word} {number:g}" for word, number in ends if number is not None)


class Training(_Section):
    """How the training job runs. What is not set is the stack's."""

    preset: Preset | None = Field(
        None, description="A named set of hyperparameters in place of the defaults: those of AWS's tutorial."
    )
    instance_type: str | None = Field(
        None, pattern=INSTANCE_TYPE, description="Instance type of the training job, without GPUs."
    )
    max_runtime_seconds: int | None = Field(None, ge=60, le=86_400, description="The job is stopped after this time.")
    managed_spot: bool | None = Field(None, description="Train on spot capacity: cheaper, with longer waits.")
    refit: bool | None = Field(
        None,
        description="Train again on training and validation rows, at the rounds that early stopping found, in a second "
        f"job; by default up to {MAX_SMALL_ROWS:,} training rows.",
    )

    @field_validator("instance_type")
    @classmethod
    def _on_the_cpu(cls, value: str | None, info: ValidationInfo) -> str | None:
        return without_accelerators(value) if value and info.context is _WRITTEN else value


class Rollout(_Section):
    """How requests move to a new model on instances: all at once, a first part and then the rest, or in equal steps.

    With two instances or more the default is a canary. One instance, and a serverless endpoint, can only switch all at
    once.
    """

    policy: Literal["all_at_once", "canary", "linear"] | None = Field(None, description="How requests move.")
    share: float = Field(
        0.1, ge=0.1, le=0.5, description="Share of the instances in the canary, or in each linear step."
    )
    wait_seconds: int = Field(300, ge=0, le=1800, description="Time between steps, in which the alarms are watched.")
    baking_seconds: int | None = Field(
        None,
        ge=0,
        le=1800,
        description="Time after the last step, before the old fleet is removed; by default 300, or 120 all at once.",
    )


class EndpointAlarms(_Section):
    """Limits of an endpoint's alarms. An alarm that goes off during an update rolls the update back."""

    server_errors: int = Field(0, ge=0, description="Answers with a status of 500 or above, in a minute.")
    latency_ms: float = Field(1000, gt=0, description="Median time that the model takes for an answer, in a minute.")
    outside_share: float = Field(
        0.5, gt=0, le=1, description="Share of predictions, in five minutes, with a value that training has not seen."
    )


class Autoscaling(_Section):
    """The number of instances follows the requests."""

    min: int = Field(1, ge=1, le=100, description="Fewest instances.")
    max: int = Field(ge=1, le=100, description="Most instances.")
    invocations_per_instance: int = Field(
        1000, ge=1, description="Requests a minute for each instance; more than that adds instances."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"`min` ({self.min}) is above `max` ({self.max})")
        return self


class DataCapture(_Section):
    """SageMaker writes requests and answers of an endpoint on instances to the artifact bucket."""

    share: float = Field(1.0, gt=0, le=1, description="Share of the requests, in whole percents.")


class PreviousModel(_Section):
    """What happens to the previous model when a new one is deployed.

    ``none``: it is removed from the endpoint. ``variant``: it goes on answering ``share`` of the requests. ``shadow``:
    it gets a copy of ``share`` of the requests, and only data capture keeps its answers.
    """

    role: Literal["none", "variant", "shadow"] = Field("none", description="Its role beside the new model.")
    share: float = Field(0.1, gt=0, lt=1, description="Share of the requests that it gets.")


class Endpoint(_Section):
    """The endpoint of the dataset. The default is serverless: it costs nothing while nobody calls it."""

    kind: Literal["serverless", "instance"] = Field("serverless", description="What serves the model.")
    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = Field(2048, description="For `serverless`: its memory.")
    max_concurrency: int = Field(5, ge=1, le=200, description="For `serverless`: requests at the same time.")
    instance_type: str = Field(
        "ml.m5.large", pattern=INSTANCE_TYPE, description="For `instance`: the instance type, without GPUs."
    )
    instance_count: int = Field(1, ge=1, le=100, description="For `instance`: the number of instances.")
    rollout: Rollout = Field(default_factory=Rollout)
    alarms: EndpointAlarms = Field(default_factory=EndpointAlarms)
    autoscaling: Autoscaling | None = None
    data_capture: DataCapture | None = None
    previous: PreviousModel = Field(default_factory=PreviousModel)
    keep: int = Field(3, ge=2, le=20, description="Models that are kept for a rollback, including the live one.")
    time_to_live_days: float | None = Field(
        None, gt=0, le=365, description="An endpoint that nobody called for this long is removed; by default never."
    )

    @field_validator("instance_type")
    @classmethod
    def _on_the_cpu(cls, value: str, info: ValidationInfo) -> str:
        return without_accelerators(value) if info.context is _WRITTEN else value

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.kind == "serverless":
            of_instances = {
                "autoscaling": self.autoscaling is not None,
                "data_capture": self.data_capture is not None,
                "previous": self.previous.role != "none",
                "rollout.policy": self.rollout.policy not in (None, "all_at_once"),
            }
            if asked := [name for name, is_set in of_instances.items() if is_set]:
                raise ValueError(
                    f"`{asked[0]}` needs `kind: instance`; a serverless endpoint has none of it "
                    "(its requests are kept by `predictions.log_share`)"
                )
        elif self.instance_count < 2 and self.rollout.policy in ("canary", "linear"):
            raise ValueError(f"`rollout.policy: {self.rollout.policy}` needs an `instance_count` of 2 or more")
        if self.previous.role == "shadow" and self.data_capture is None:
            raise ValueError("`previous.role: shadow` needs `data_capture`: a shadow's answers go nowhere else")
        return self

    @property
    def baking_seconds(self) -> int:
        by_default = 120 if self.rollout_policy == "all_at_once" else 300
        return by_default if self.rollout.baking_seconds is None else self.rollout.baking_seconds

    @property
    def rollout_policy(self) -> Literal["all_at_once", "canary", "linear"]:
        if self.kind == "serverless" or self.instance_count < 2:
            return "all_at_once"
        return self.rollout.policy or "canary"


type KeepDays = Literal[7, 14, 30, 60, 90, 180, 365, 730, 1095]


class Predictions(_Section):
    """What the predict function answers, and what it keeps of what it is asked."""

    coverage: float = Field(
        0.9, ge=0.5, le=0.99, description="Of a target of numbers: share of new rows that an interval is to hold."
    )
    log_share: float = Field(0, ge=0, le=1, description="Share of the requests whose records and answers are kept.")
    keep_days: KeepDays | None = Field(
        365, description="After so many days what was kept is removed; `null`: it stays until somebody removes it."
    )


class QualityLimits(_Section):
    """By how much a metric of the live model may be worse on labelled predictions than it was on the test set."""

    max_of_test: float | None = Field(
        None, ge=1, description="At most so many times the test set's, of metrics of which lower is better."
    )
    min_of_test: float | None = Field(
        None, gt=0, le=1, description="At least this share of the test set's, of metrics of which higher is better."
    )


if TYPE_CHECKING:
    _QualityByMetric = _Section
else:
    _QualityByMetric = create_model(
        "_QualityByMetric",
        __base__=_Section,
        **{metric.name: (QualityLimits | None, None) for metric in METRICS.values() if metric.is_gate},
    )


class QualityGates(_QualityByMetric):
    """What the live model must keep on labelled predictions, by metric; if it does not, it is degraded
    (docs/labels.md)."""

    @model_validator(mode="after")
    def _direction(self) -> Self:
        for name, limits in self.by_metric().items():
            right, wrong = ("min_of_test", "max_of_test")[:: 1 if METRICS[name].higher_is_better else -1]
            if getattr(limits, wrong) is not None or getattr(limits, right) is None:
                raise ValueError(f"`{name}` needs `{right}`: {METRICS[name].better} is better")
        return self

    def by_metric(self) -> dict[str, QualityLimits]:
        """The metrics with a limit."""
        return {name: limits for name in type(self).model_fields if (limits := getattr(self, name)) is not None}


class Monitor(_Section):
    """How the predictions of the live model are compared with what it was made with (docs/monitoring.md), and how good
    they must be once their labels are known (docs/labels.md)."""

    every: str | None = Field(
        None,
        pattern="^[1-9][0-9]?d$",
        description="How often a report is made, on as many days: `1d` to `99d`. By default, and with `monitor: off`, "
        "none is.",
    )
    min_rows: int = Field(200, ge=50, description="Fewer predictions are too few to compare: the state before stands.")
    psi: float = Field(
        0.2, gt=0, description="Population stability index from which on a distribution, scores or labels moved."
    )
    missing_share: float = Field(
        0.05, gt=0, le=1, description="By how much the share of missing values must change, in either direction."
    )
    unseen_levels: float = Field(
        0.01, gt=0, le=1, description="Share of the values that are levels which the contract does not list."
    )
    outside_range: float = Field(
        0.01, gt=0, le=1, description="Share of the numbers that are outside the contract's range."
    )
    gates: QualityGates = Field(
        default_factory=QualityGates,
        description="What the live model must keep on labelled predictions, by metric; otherwise it is degraded.",
    )

    @model_validator(mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return {} if value is False else value  # as YAML reads `off`

    @property
    def days(self) -> int | None:
        """How many days a report is on; None if none are made."""
        return None if self.every is None else int(self.every.removesuffix("d"))


class ClassRules(_Section):
    """Labels that are learned as one class, or not at all, as they stand in the file."""

    merge: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="By the name of a class, the labels that it takes in."
    )
    drop: tuple[str, ...] = Field((), description="Labels whose rows are set aside, however many they are.")

    @model_validator(mode="after")
    def _clear(self) -> Self:
        for name, labels in self.merge.items():
            if not name.strip() or len(name.strip()) > _MAX_LABEL_CHARACTERS:
                raise ValueError(f"a merged class needs a name of 1 to {_MAX_LABEL_CHARACTERS} characters")
            if not labels:
                raise ValueError(f"`merge.{name}` names no label")
        merged = [label for labels in self.merged_labels for label in labels]
        if twice := [label for label, times in Counter([*merged, *map(str.strip, self.drop)]).items() if times > 1]:
            raise ValueError(f"the label `{twice[0]}` is named twice; a row can be in one class only")
        for name, own in zip(self.merge, self.merged_labels, strict=True):
            if name.strip() in {*merged, *map(str.strip, self.drop)} - {*own}:
                raise ValueError(f"`{name}` is the name of a merged class, and is itself merged or dropped")
        return self

    @property
    def merged_labels(self) -> list[list[str]]:
        return [[label.strip() for label in labels] for labels in self.merge.values()]

    @property
    def class_of(self) -> dict[str, str]:
        """The class by label, of those that are merged."""
        by_class = zip(self.merge, self.merged_labels, strict=True)
        return {label: name.strip() for name, labels in by_class for label in labels}

    @property
    def named(self) -> tuple[str, ...]:
        """The labels that the file should have."""
        return (*self.class_of, *(label.strip() for label in self.drop))


class ApprovalConfig(_Section):
    """Whether a person must agree before a model that passed its gates is deployed."""

    required: bool = Field(False, description="The run waits for a person, for three days at most.")


class Split(_Section):
    """How the accepted rows are split into training, validation and test. At random, unless rows belong together."""

    validation: float = Field(
        0.15, gt=0, lt=0.5, description="Share of the rows that stop training and set the cutoff."
    )
    test: float = Field(0.15, gt=0, lt=0.5, description="Share of the held-out rows, which measure the model.")
    seed: int = Field(0, ge=0, description="Another seed gives another random split.")
    group_by: str | None = Field(
        None, min_length=1, description="A column; rows with the same value in it stay in one part."
    )
    by_time: str | None = Field(None, min_length=1, description="A column; the latest rows by it are the test part.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.group_by is not None and self.by_time is not None:
            raise ValueError("set `group_by` or `by_time`, not both")
        return self


class Leaks(_Section):
    """What happens to a file with a column that gives the target away.

    ``refuse``: the file is refused if it is certain that a column does, and a model that rests on a suspected column
    alone is not deployed. ``warn``: warnings only. ``ignore``: no column is looked at, and a copy of the target is used
    like any other column.
    """

    action: Literal["refuse", "warn", "ignore"] = Field(
        "refuse", description="What such a column leads to; `leaks: warn` is short for `{action: warn}`."
    )
    allow: tuple[str, ...] = Field(
        (),
        description="Columns that are known when a prediction is made: they may decide the target, and rows with the "
        "same value may share it.",
    )

    @model_validator(mode="before")
    @classmethod
    def _action_alone(cls, value: Any) -> Any:
        return {"action": value} if isinstance(value, str) else value

    def allows(self, column: str) -> bool:
        """Whether a column may decide the target, or say the same."""
        return self.action == "ignore" or column in self.allow


class DatasetConfig(_Section):
    """What a person may set for a dataset."""

    header: bool = Field(
        True, description="The first row holds the column names. Without it they are label, x1, x2, ..."
    )
    target: str | None = Field(None, min_length=1, description="Header of the column to predict.")
    task: Task = Field(
        "classification",
        description="`classification` predicts which class a row is of, `regression` the number in the target.",
    )
    positive: str | None = Field(None, description="The label that counts as 1; by default the rarer one.")
    drop: tuple[str, ...] = Field((), description="Columns that must not be used.")
    key: str | None = Field(
        None,
        min_length=1,
        description="Column by which you know your records, such as `customer_id`: never used, but answered and kept "
        "with each prediction. The file may lack it.",
    )
    merge_spellings: bool | tuple[str, ...] = Field(
        False,
        description="Columns, or `true` for all: texts that differ only in case, or in blanks, hyphens or underscores "
        "between words, are one category.",
    )
    texts: Literal["score", "drop"] = Field(
        "score",
        description="Free text: `score` makes numbers of what its words say of the target; `drop` leaves it out.",
    )
    classes: ClassRules | None = Field(None, description="Labels that are merged or dropped.")
    keep: tuple[str, ...] = Field(
        (), description="Columns that are used although they look like an index or an identifier."
    )
    missing: tuple[str, ...] = Field(
        ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?", "-"),
        description="Cells that mean: no value. A list here replaces the usual one.",
    )
    max_rejected_share: float = Field(
        0.01, ge=0, lt=1, description="A file with a larger share of rejected rows is refused."
    )
    split: Split = Field(default_factory=Split)
    leaks: Leaks = Field(Leaks(), description="Columns that give the target away, such as one known only afterwards.")
    hyperparameters: Annotated[
        dict[str, str | int | float],
        Field(default_factory=dict, description="Hyperparameters of XGBoost, over the defaults."),
    ]
    contract: ContractConfig = Field(
        ContractConfig(), description="How files are compared with the dataset's contract."
    )
    gates: Gates = Field(default_factory=Gates)
    cutoff: Cutoff = Field(default_factory=Cutoff)
    costs: Costs | None = Field(
        None, description="Cost matrix, for `cutoff: {policy: minimum_cost}` and for the report."
    )
    champion: ChampionPolicy = Field(default_factory=ChampionPolicy)
    slices: tuple[str, ...] = Field(
        (), description="Columns; the model is also measured on the rows of each of their values."
    )
    facets: tuple[Facet, ...] = Field((), description="Groups of the bias report.")
    training: Training = Field(default_factory=Training)
    approval: ApprovalConfig = Field(default_factory=ApprovalConfig)
    endpoint: Endpoint = Field(default_factory=Endpoint)
    predictions: Predictions = Field(default_factory=Predictions)
    monitor: Monitor = Field(default_factory=Monitor)

    @model_validator(mode="after")
    def _merged_classes_known(self) -> Self:
        for name in self.classes.merge if self.classes else ():
            if name.strip() in self.missing:
                raise ValueError(f"`classes.merge` names a class `{name}`, which `missing` says is no value")
        return self

    @model_validator(mode="after")
    def _of_the_task(self) -> Self:
        wrong = [f"gates.{name}" for name in self.gates.by_metric() if METRICS[name].task != self.task]
        watched = self.monitor.gates.by_metric()
        wrong += [f"monitor.gates.{name}" for name in watched if METRICS[name].task != self.task]
        if self.task == "regression":
            of_classes = {
                "positive": self.positive is not None,
                "classes": self.classes is not None,
                "cutoff": self.cutoff != Cutoff(),
                "costs": self.costs is not None,
                "facets": bool(self.facets),
                "training.preset": self.training.preset is not None,
                "hyperparameters.scale_pos_weight": "scale_pos_weight" in self.hyperparameters,
            }
            wrong += [name for name, is_set in of_classes.items() if is_set]
        if wrong:
            others = "numbers: `task: regression`" if self.task == "classification" else "classes"
            raise ValueError(f"`{wrong[0]}` is for a target of {others}")
        return self

    @model_validator(mode="after")
    def _dropped_or_kept(self) -> Self:
        if both := [name for name in self.keep if name in self.drop]:
            raise ValueError(f"`keep` and `drop` both name `{both[0][:_NAMED_CHARACTERS]}`")
        if self.key in self.keep:
            raise ValueError(f"`keep` names `{self.key[:_NAMED_CHARACTERS]}`, which is the `key` and never used")
        return self

    @model_validator(mode="after")
    def _costs_known(self) -> Self:
        if self.cutoff.policy == "minimum_cost" and self.costs is None:
            raise ValueError("`cutoff: {policy: minimum_cost}` needs `costs`")
        return self

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def _finite(cls, value: Any) -> Any:
        for name, number in value.items() if isinstance(value, dict) else ():
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError(f"`{name}` must be a finite number")
        return value

    @field_validator("hyperparameters")
    @classmethod
    def _known(cls, value: dict[str, str | int | float]) -> dict[str, str | int | float]:
        unknown = sorted(set(value) - TUNABLE)
        if unknown:
            raise ValueError(f"unknown hyperparameters {unknown}; the built-in XGBoost takes {sorted(TUNABLE)}")
        return value

    @property
    def ruled_out(self) -> tuple[str, ...]:
        """Columns that a person says no model learns from: those of ``drop``, and the key."""
        return self.drop if self.key is None else (*self.drop, self.key)

    def merges(self, column: str) -> bool:
        """Whether the spellings of a column's texts are one category."""
        return self.merge_spellings is True or (self.merge_spellings is not False and column in self.merge_spellings)

    def is_refitted(self, classes: int, rows: int) -> bool:
        """Whether the model is trained again on training and validation rows at the rounds that were found.

        Unless the dataset says: if early stopping finds them, the table is so small that a second job takes little
        time, and no preset asks for a training of its own.

        Args:
            classes: of the target.
            rows: of the training part.
        """
        if self.training.refit is not None:
            return self.training.refit
        stops_early = "early_stopping_rounds" in self.resolved_hyperparameters(classes, rows)
        return stops_early and self.training.preset is None and rows <= MAX_SMALL_ROWS

    def resolved_hyperparameters(self, classes: int, rows: int) -> dict[str, str]:
        """Defaults overlaid with the dataset's own, as the strings that CreateTrainingJob wants.

        Args:
            classes: of the target; from three on the model gives a probability for each. 0: the target is a number.
            rows: of the training part.
        """
        by_default = defaults(rows, self.training.preset)
        chosen = {**by_default, **objective_of(classes), **self.hyperparameters}
        return {name: str(value) for name, value in chosen.items()}


def parse_config(text: str | None, name: str) -> DatasetConfig:
    """Reads a configuration.

    Args:
        text: YAML, or None if there is no file.
        name: how to call the file in error messages.

    Raises:
        ConfigError: it is no YAML mapping, or a key or value does not fit.
    """
    if text is None:
        return DatasetConfig.model_validate({})
    # Only the functions that read a person's text need a YAML parser at their start.
    from sluice.dataset.config_text import loaded_yaml  # noqa: PLC0415

    loaded = loaded_yaml(text, name)
    if loaded is None:
        loaded = {}
    if not isinstance(loaded, dict):
        raise ConfigError([f"{name}: expected `key: value` lines, such as `target: churn`"])
    try:
        return DatasetConfig.model_validate(loaded, context=_WRITTEN)
    except ValidationError as error:
        raise ConfigError([_sentence(name, problem) for problem in error.errors()]) from error


def stored_config(config: DatasetConfig) -> dict[str, Any]:
    """A configuration as ``config.json`` of a run keeps it, with all defaults."""
    return {VERSION_KEY: CONFIG_VERSION, **config.model_dump(mode="json")}


def read_whole_config(stored: Mapping[str, Any]) -> DatasetConfig:
    """The configuration that a run goes by. A key that this release does not know may only be null or empty: an unknown
    gate that is ignored would let a bad model through.

    Args:
        stored: the run's ``config.json``, parsed.

    Raises:
        NewerDocumentError: it sets something that this release does not know.
        pydantic.ValidationError: it does not fit.
    """
    version = version_of(stored)
    if version > CONFIG_VERSION:
        raise NewerDocumentError(f"configuration version {version}, this one reads up to {CONFIG_VERSION}")
    try:
        return DatasetConfig.model_validate(_without_version(stored))
    except ValidationError as error:
        problems = error.errors()
        if any(problem["type"] != "extra_forbidden" for problem in problems):
            raise
        unknown = [".".join(map(str, problem["loc"])) for problem in problems if problem["input"] not in _NOTHING]
        if unknown:
            raise NewerDocumentError(f"configuration with `{'`, `'.join(unknown)}`") from error
    return read_known_config(stored)


def read_known_config(stored: Mapping[str, Any]) -> DatasetConfig:
    """What this release knows of the configuration of a run that has ended, whatever release wrote it.

    Raises:
        pydantic.ValidationError: what is known of it does not fit.
    """
    return read_stored(DatasetConfig, _without_version(stored))


def _without_version(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stored.items() if key != VERSION_KEY}


def parse_gates(text: str, name: str) -> Gates:
    """Reads gates as a configuration has them under ``gates``; a blank text sets none.

    Raises:
        ConfigError: they do not fit.
    """
    return parse_config(f"gates: {text}" if text.strip() else None, name).gates


def _sentence(name: str, problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        hint = known_instead(problem["loc"], keys_beside(DatasetConfig, problem["loc"]))
        return f"{name}: unknown key `{path}`; {hint}"
    message = re.sub(r"^Value error, ", "", problem["msg"])
    if problem["type"] == "string_type":
        message = "expected one text; put it in quotes if it looks like something else"
    elif problem["type"] == "tuple_type":
        given = problem["input"][:60] if isinstance(problem["input"], str) else "id"
        message = f"write a list, such as `[{given}]`"
    return f"{name}: `{path}`: {message}"
