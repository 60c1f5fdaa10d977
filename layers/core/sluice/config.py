"""What a person may set for a dataset: ``datasets/<dataset>/config.yaml`` in the inbox bucket.

Every key is optional. Unknown keys are refused, with the known ones listed, because a misspelt gate that is ignored
would let a bad model through.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterator
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sluice.contract import ContractConfig
from sluice.hyperparameters import DEFAULTS, TUNABLE, multi_class


class ConfigError(ValueError):
    """A configuration that cannot be used. ``reasons`` are sentences, each naming the file and the key."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
    """Shares of the accepted rows for validation and test; the rest trains. At random, unless rows belong together."""

    validation: float = Field(0.15, gt=0, lt=0.5)
    test: float = Field(0.15, gt=0, lt=0.5)
    seed: int = Field(0, ge=0)
    group_by: str | None = Field(None, min_length=1, description="Rows with the same value here stay in one part.")
    by_time: str | None = Field(None, min_length=1, description="The latest rows by this column are the test part.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.group_by is not None and self.by_time is not None:
            raise ValueError("set `group_by` or `by_time`, not both")
        return self


class DatasetConfig(_Section):
    header: bool = Field(
        True, description="The first row holds the column names. Without it they are label, x1, x2, ..."
    )
    target: str | None = Field(None, min_length=1, description="Header of the column to predict.")
    positive: str | None = Field(None, description="The label that counts as 1; by default the rarer one.")
    drop: tuple[str, ...] = Field((), description="Columns that must not be used.")
    missing: tuple[str, ...] = Field(
        ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?", "-"),
        description="Cells that mean: no value.",
    )
    max_rejected_share: float = Field(0.01, ge=0, lt=1, description="Bad rows beyond this share refuse the file.")
    split: Split = Split()
    hyperparameters: Annotated[dict[str, str | int | float], Field(default_factory=dict)]
    contract: ContractConfig = Field(ContractConfig(), description="How files are held against the dataset's contract.")
    gates: Gates = Gates()
    training: Training = Training()
    endpoint: Endpoint = Endpoint()

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

    def resolved_hyperparameters(self, classes: int) -> dict[str, str]:
        """Defaults overlaid with the dataset's own, as the strings that CreateTrainingJob wants.

        Args:
            classes: of the target; from three on the model gives a probability for each.
        """
        chosen = {**DEFAULTS, **(multi_class(classes) if classes > 2 else {}), **self.hyperparameters}
        return {name: str(value) for name, value in chosen.items()}


_TEXT_KEYS: Final = frozenset(
    name for name, field in DatasetConfig.model_fields.items() if field.annotation in (str | None, tuple[str, ...])
)
"""Keys at the top whose values, or whose list's items, are texts."""

_SPLIT_COLUMNS: Final = frozenset({"group_by", "by_time"})

_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_SCALAR_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "timestamp"))
_NULL_TAG: Final = "tag:yaml.org,2002:null"


class _Loader(yaml.SafeLoader):
    """YAML without the two surprises that cost people most: a key that stands twice, of which the last one would win,
    and labels such as 007, 2024-01-31, 1.10 or No, which would become something else than what is written."""

    def get_single_node(self) -> yaml.Node | None:
        root = super().get_single_node()
        for key, value in _pairs(root):
            if key in _TEXT_KEYS:
                _take_as_written(value)
            elif key == "split":
                for name, column in _pairs(value):
                    if name in _SPLIT_COLUMNS:
                        _take_as_written(column)
        return root

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in lines:
                raise _RepeatedKeyError(key.value, lines[key.value], key.start_mark.line + 1)
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


class _RepeatedKeyError(Exception):
    def __init__(self, key: str, first: int, second: int) -> None:
        super().__init__(f"line {second}: the key `{key}` stands in line {first} already; remove one of them")


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode):
            yield key.value, value


def _take_as_written(node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.ScalarNode) and item.tag in _SCALAR_TAGS | {_NULL_TAG}:
                item.tag = _TEXT_TAG
    elif isinstance(node, yaml.ScalarNode) and node.tag in _SCALAR_TAGS:
        node.tag = _TEXT_TAG


def _loaded(text: str, name: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except _RepeatedKeyError as error:
        raise ConfigError([f"{name}, {error}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError([f"{name}{where}: this is not YAML; see README for an example"]) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        # PyYAML says so of a number, date or truth value that has the look of one and is none.
        what = "a number, a date or a true/false value cannot be read; put it in quotes where it is a text"
        raise ConfigError([f"{name}: {what}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{name}: it is nested too deeply; see README for an example"]) from error


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
    loaded = _loaded(text, name)
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
    if problem["type"] == "string_type":
        message = "expected one text; put it in quotes where it looks like something else"
    elif problem["type"] == "tuple_type":
        given = problem["input"][:60] if isinstance(problem["input"], str) else "id"
        message = f"write a list, such as `[{given}]`"
    return f"{name}: `{path}`: {message}"


def _keys_beside(location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = DatasetConfig
    for part in location[:-1]:
        section = model.model_fields[str(part)].annotation
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            break
        model = section
    return sorted(model.model_fields)
