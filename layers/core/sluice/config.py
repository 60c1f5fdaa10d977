"""What a person may set for a dataset: ``datasets/<dataset>/config.yaml`` in the inbox bucket.

Every key is optional. Unknown keys are refused, with the known ones listed, because a misspelt gate that is ignored
would let a bad model through.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sluice.hyperparameters import DEFAULTS, TUNABLE, multi_class


class ConfigError(ValueError):
    """A configuration that cannot be used. ``reasons`` are sentences, each naming the file and the key."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gates(_Section):
    """Limits that a model must keep to be deployed. None: the gate is not set."""

    max_log_loss: float | None = Field(None, gt=0)
    max_log_loss_share_of_prior: float | None = Field(None, gt=0)
    min_accuracy: float | None = Field(None, ge=0, le=1)
    min_precision: float | None = Field(None, ge=0, le=1)
    min_recall: float | None = Field(None, ge=0, le=1)
    min_roc_auc: float | None = Field(None, ge=0, le=1)


class Training(_Section):
    instance_type: str | None = Field(None, pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    max_runtime_seconds: int | None = Field(None, ge=60, le=86_400)
    managed_spot: bool | None = None


class Endpoint(_Section):
    """Serverless by default: it costs nothing while nobody calls it."""

    kind: Literal["serverless", "instance"] = "serverless"
    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 2048
    max_concurrency: int = Field(5, ge=1, le=200)
    instance_type: str = Field("ml.m5.large", pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    instance_count: int = Field(1, ge=1, le=100)


class Split(_Section):
    """Shares of the accepted rows for validation and test; the rest trains."""

    validation: float = Field(0.15, gt=0, lt=0.5)
    test: float = Field(0.15, gt=0, lt=0.5)
    seed: int = Field(0, ge=0)


class DatasetConfig(_Section):
    target: str | None = Field(None, min_length=1, description="Header of the column to predict.")
    positive: str | None = Field(None, description="The label that counts as 1; by default the rarer one.")
    drop: tuple[str, ...] = Field((), description="Columns that must not be used.")
    missing: tuple[str, ...] = Field(
        ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", "-"),
        description="Cells that mean: no value.",
    )
    max_rejected_share: float = Field(0.01, ge=0, lt=1, description="Bad rows beyond this share refuse the file.")
    split: Split = Split()
    hyperparameters: Annotated[dict[str, str | int | float], Field(default_factory=dict)]
    gates: Gates = Gates()
    training: Training = Training()
    endpoint: Endpoint = Endpoint()

    @field_validator("hyperparameters")
    @classmethod
    def _known(cls, value: dict[str, str | int | float]) -> dict[str, str | int | float]:
        unknown = sorted(set(value) - TUNABLE)
        if unknown:
            raise ValueError(f"unknown hyperparameters {unknown}; the built-in XGBoost takes {sorted(TUNABLE)}")
        return value

    def resolved_hyperparameters(self, classes: int) -> dict[str, str]:
        """Defaults overlaid with the dataset's own, as the strings that CreateTrainingJob wants.

        Args:
            classes: of the target; from three on the model gives a probability for each.
        """
        chosen = {**DEFAULTS, **(multi_class(classes) if classes > 2 else {}), **self.hyperparameters}
        return {name: str(value) for name, value in chosen.items()}


def parse_config(text: str | None, name: str) -> DatasetConfig:
    """Reads a configuration.

    Args:
        text: YAML, or None where there is no file.
        name: how to call the file in error messages.

    Raises:
        ConfigError: it is no YAML mapping, or a key or value does not fit.
    """
    if text is None:
        return DatasetConfig.model_validate({})
    try:
        loaded: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError([f"{name}{where}: this is not YAML; see README for an example"]) from error
    if loaded is None:
        loaded = {}
    if not isinstance(loaded, dict):
        raise ConfigError([f"{name}: expected `key: value` lines, such as `target: churn`"])
    try:
        return DatasetConfig.model_validate(loaded)
    except ValidationError as error:
        raise ConfigError([_sentence(name, problem) for problem in error.errors()]) from error


def _sentence(name: str, problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(problem["loc"])
        return f"{name}: unknown key `{path}`; known here: {', '.join(known)}"
    message = re.sub(r"^Value error, ", "", problem["msg"])
    return f"{name}: `{path}`: {message}"


def _keys_beside(location: tuple[str | int, ...]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "gates": Gates, "training": Training, "endpoint": Endpoint, "split": Split,
    }  # fmt: skip
    model = sections.get(str(location[0]), DatasetConfig) if len(location) > 1 else DatasetConfig
    return sorted(model.model_fields)
