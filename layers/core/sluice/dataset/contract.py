"""The contract of a dataset: what its accepted files look like. Pure.

The first accepted file makes ``<dataset>/contract.json``; a person may also write or edit it by hand. Every part is
optional: what a contract does not say is not checked. How a file is compared with it stands in ``drift``; the rules,
their severities and thresholds are set in ``config.yaml`` (``contract:``) and described in docs/contract.md.
"""

import datetime
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from sluice.dataset.dates import EPOCH
from sluice.dataset.movement import Moves
from sluice.dataset.recipe import FALSE_WORDS, TRUE_WORDS
from sluice.documents import ExactDocument, NewerDocumentError, Part, keys_beside
from sluice.wording import known_instead

MAX_LEVELS: Final = 100
"""A text column with more levels than this is free text to the contract: its levels are not held."""

_ROUNDING: Final = 1e-8
"""Shares are kept to nine digits, and differences of floats are not exact; neither is a breach."""

type Kind = Literal["number", "boolean", "date", "text"]
type SeenKind = Literal["number", "boolean", "date", "text", "empty"]
type Severity = Literal["error", "warning", "ignore"]


class ContractError(ValueError):
    """A contract that cannot be used. ``reasons`` are sentences, each naming the file, the key and the remedy."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Part(Part):
    model_config = ConfigDict(allow_inf_nan=False)


# Settings: what config.yaml says under `contract:`.


class Thresholds(_Part):
    """A measure beyond ``warn`` is a warning, beyond ``error`` an error. Exactly on the threshold it is neither."""

    warn: float | None = Field(None, ge=0, description="A measure beyond this is a warning.")
    error: float | None = Field(None, ge=0, description="A measure beyond this refuses the file.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warn is not None and self.error is not None and self.warn > self.error:
            raise ValueError(f"`warn` ({self.warn:g}) must not be above `error` ({self.error:g})")
        return self

    def severity(self, measured: float) -> Severity:
        if self.error is not None and measured > self.error + _ROUNDING:
            return "error"
        return "warning" if self.warn is not None and measured > self.warn + _ROUNDING else "ignore"


class ContractRules(_Part):
    """How serious each difference is. A rule takes a severity, or thresholds; a threshold that is not named keeps its
    default, and ``ignore`` switches any rule off."""

    missing_column: Severity = Field("error", description="A column of the contract is absent.")
    new_column: Severity = Field("warning", description="A column that the contract does not have.")
    kind: Severity = Field("error", description="A column became another kind.")
    nulls: Thresholds = Field(
        Thresholds(warn=0, error=0.2), description="Missing values in a column that had none: their share of the rows."
    )
    missing_share: Thresholds = Field(
        Thresholds(warn=0.1, error=0.5),
        description="More missing values in a column that had some: growth of their share.",
    )
    unseen_levels: Thresholds = Field(
        Thresholds(warn=0.01, error=0.1),
        description="Levels that the contract does not list: their share of the values.",
    )
    range: Thresholds = Field(
        Thresholds(warn=0.5, error=10),
        description="Numbers outside the contract's range: how far, in widths of that range.",
    )
    psi: Thresholds = Field(
        Thresholds(warn=0.2, error=0.5), description="The distribution moved: population stability index."
    )
    moved_back: Thresholds = Field(
        Thresholds(warn=0.5),
        description="A column that moves on begins before the contract's range: how far, in widths of that range.",
    )
    jumped: Thresholds = Field(
        Thresholds(warn=10, error=10_000),
        description="A column that moves on ends beyond the contract's range: how far, in widths of that range (of a "
        "year at least, or of the counter's greatest value).",
    )
    target: Severity = Field("error", description="Another column is the target.")
    class_vanished: Severity = Field("error", description="A class of the contract does not occur.")
    class_new: Severity = Field("error", description="A class that the contract does not list.")
    class_share: Thresholds = Field(
        Thresholds(warn=0.1, error=0.3), description="The share of a class moved: by how much."
    )
    row_count: Thresholds = Field(
        Thresholds(warn=0.5, error=0.9),
        description="Far fewer rows: the share of the contract's number that is missing.",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, value: Any) -> Any:
        return {name: cls._whole(name, rule) for name, rule in value.items()} if isinstance(value, dict) else value

    @classmethod
    def _whole(cls, name: str, rule: Any) -> Any:
        field = cls.model_fields.get(name)
        if field is None or not isinstance(field.default, Thresholds):
            return rule
        if rule == "ignore":
            return {}
        return {**field.default.model_dump(), **rule} if isinstance(rule, dict) else rule


class ContractConfig(_Part):
    """How files are compared with the dataset's contract.

    ``enforce``: files are compared with the contract, and the first one makes it. ``reset``: the next accepted file
    makes a new version. ``ignore``: no contract is read or made.
    """

    mode: Literal["enforce", "reset", "ignore"] = Field(
        "enforce", description="What is done with the contract; `contract: reset` is short for `{mode: reset}`."
    )
    rules: ContractRules = Field(default_factory=ContractRules)

    @model_validator(mode="before")
    @classmethod
    def _mode_alone(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value


# The contract itself.


def _listed_levels(value: Any) -> Any:
    """By hand, levels may be a plain list: their shares are then not checked."""
    return dict.fromkeys(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


def _read_bound(value: Any) -> Any:
    if isinstance(value, str):
        return datetime.date.fromisoformat(value)
    if isinstance(value, bool) or not isinstance(value, int | float | datetime.date):
        raise ValueError("should be a number, or a date such as 2026-11-23")  # noqa: TRY004 - pydantic's error
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("should be a finite number")
    return float(value) if isinstance(value, int) else value


def _write_bound(bound: float | datetime.date) -> float | str:
    return str(bound) if isinstance(bound, datetime.date) else bound


# Read by a function of its own, as a union of types would report each fault once for each of them.
type Bound = Annotated[
    float | datetime.date,
    PlainValidator(_read_bound, json_schema_input_type=float | str),
    PlainSerializer(_write_bound, when_used="json"),
]

Share = Annotated[float, Field(ge=0, le=1)]
Levels = Annotated[dict[str, Share | None], BeforeValidator(_listed_levels)]


def _check_levels(levels: Mapping[str, float | None] | None) -> None:
    total = sum(share or 0 for share in (levels or {}).values())
    if total > 1.001:
        raise ValueError(f"the shares add up to {total:.3f}, more than 1")


class Bins(_Part):
    """Shares of a number column's values: up to ``edges[0]``, above it up to ``edges[1]``, ..., above the last."""

    edges: tuple[float, ...]
    shares: tuple[Share, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("`edges` must be in increasing order")
        if len(self.shares) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} shares, not {len(self.shares)}")
        if abs(sum(self.shares) - 1) > 0.001:
            raise ValueError(f"`shares` add up to {sum(self.shares):.3f}, not 1")
        return self


class ColumnTerms(_Part):
    """What is held of one column. Shares are of its values, except ``missing_share``, which is of the rows."""

    name: str = Field(min_length=1)
    kind: Kind | None = None
    nullable: bool | None = None
    missing_share: Share | None = None
    used: bool | None = Field(
        None, description="False: no model uses the column, so it is held to its kind alone; otherwise absent."
    )
    moves: Moves | None = Field(
        None,
        description="How its values move on by nature, to which they are held instead of to their distribution. "
        "`calendar`: times; `counter`: numbers of cases; `cycle`: months, weekdays, quarters.",
    )
    minimum: Bound | None = Field(None, description="Of a column of numbers or dates.")
    maximum: Bound | None = None
    levels: Levels | None = Field(None, description="Share by level; of booleans in lower case.")
    bins: Bins | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        low, high = self.bounds()
        if low is not None and high is not None and low > high:
            raise ValueError("`minimum` is above `maximum`")
        of_numbers = (self.bins, *(None if isinstance(x, datetime.date) else x for x in (self.minimum, self.maximum)))
        if self.kind in {"date", "text", "boolean"} and of_numbers != (None, None, None):
            raise ValueError(f"`bins`, `minimum` and `maximum` are for numbers, and `kind` is {self.kind}")
        if self.kind != "date" and any(isinstance(x, datetime.date) for x in (self.minimum, self.maximum)):
            raise ValueError('`minimum` and `maximum` that are dates need `"kind": "date"`')
        if self.moves == "counter" and self.kind in {"date", "text", "boolean"}:
            raise ValueError(f'`"moves": "counter"` is for numbers, and `kind` is {self.kind}')
        if self.kind in {"date", "number"} and self.levels is not None:
            raise ValueError(f"`levels` are for text and booleans, and `kind` is {self.kind}")
        _check_levels(self.levels)
        return self

    def bounds(self) -> tuple[float | None, float | None]:
        """Minimum and maximum as numbers: of dates, days since 1970-01-01."""
        low, high = ((x - EPOCH).days if isinstance(x, datetime.date) else x for x in (self.minimum, self.maximum))
        return low, high

    @property
    def is_held_to_its_distribution(self) -> bool:
        return self.used is not False and self.moves is None

    def counted_levels(self) -> tuple[str, ...]:
        """The levels whose rows must be known to hold a file against these terms."""
        if not self.is_held_to_its_distribution:
            return ()
        if self.levels is not None:
            return tuple(self.levels)
        return tuple(sorted(TRUE_WORDS | FALSE_WORDS)) if self.kind == "boolean" else ()


class TargetTerms(_Part):
    name: str = Field(min_length=1)
    classes: Levels | None = Field(
        None, description="Share of the rows by label. A target of numbers is held to as a column of its name is."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_levels(self.classes)
        return self


class Contract(ExactDocument):
    """What the files of a dataset look like. Columns in the order of the file that it was made from, the target too."""

    model_config = ConfigDict(allow_inf_nan=False)

    KIND = "contract"
    WAY_OUT = "set `contract: reset` in config.yaml to have the next accepted file make a new one"

    schema_version: int = Field(2, ge=1, description="Of the document's format.")

    version: int = Field(1, ge=1, description="Counts up with each `contract: reset`.")
    run_id: str | None = Field(None, description="The run whose file it was made from; none if written by hand.")
    rows: int | None = Field(None, ge=1)
    target: TargetTerms | None = None
    columns: tuple[ColumnTerms, ...] | None = None
    missing: tuple[str, ...] | None = Field(None, description="Cells that meant: no value. Only the export uses it.")

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [column.name for column in self.columns or ()]
        if twice := sorted({name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()):
            raise ValueError(f"these columns are named more than once: {', '.join(twice)}")
        return self

    def text(self) -> str:
        return self.model_dump_json(indent=2, exclude_none=True) + "\n"


def parse_contract(text: str, name: str) -> Contract:
    """Reads ``contract.json``. ``name`` is how messages call it.

    Raises:
        ContractError: it is no JSON object, or a key or value does not fit.
    """
    fix = f"Fix it, or {Contract.WAY_OUT}."
    try:
        return Contract.read(text)
    except NewerDocumentError as error:
        raise ContractError([f"{name}: {error}."]) from error
    except ValidationError as error:
        reasons = []
        for problem in error.errors():
            path = ".".join(str(part) for part in problem["loc"])
            what = re.sub(r"^Value error, ", "", problem["msg"])
            if problem["type"] == "extra_forbidden":
                what = f"unknown key; {known_instead(problem['loc'], keys_beside(Contract, problem['loc']))}"
            reasons.append(f"{name}: `{path}`: {what}. {fix}" if path else f"{name}: {what}. {fix}")
        raise ContractError(reasons) from error


# What a file shows, as far as a contract asks.


@dataclass(frozen=True)
class SeenColumn:
    """Counts of one column over the accepted rows.

    ``bins`` are rows by ``edges``, one more than there are edges. ``levels`` are rows by the levels that were asked
    for, None if none were; ``unseen`` are the values that are none of them, ``unseen_example`` the least of these.
    ``reads_levels``: the numbers or dates are written as all levels of the contract are, which it holds as text.
    ``minimum`` and ``maximum`` of dates are days since 1970-01-01; of a column that ``moves`` in a cycle they are those
    of the cycle. ``used``: a model uses the column.
    """

    name: str
    kind: SeenKind
    filled: int
    missing: int
    minimum: float | None = None
    maximum: float | None = None
    edges: tuple[float, ...] = ()
    bins: tuple[int, ...] = ()
    levels: Mapping[str, int] | None = None
    unseen: int = 0
    unseen_example: str | None = None
    reads_levels: bool = False
    used: bool = True
    moves: Moves | None = None


@dataclass(frozen=True)
class SeenTable:
    """A file: all of its columns that may be used, and the rows of each class. The target is among the columns if it is
    a number, and has no classes then."""

    rows: int
    target: str
    classes: Mapping[str, int]
    columns: tuple[SeenColumn, ...]
    order: tuple[str, ...]
    """Every header of the file, as it stands there."""
    dropped: tuple[str, ...] = ()
    """Columns that config.yaml rules out: they are not held to anything."""


class Breach(_Part):
    """One difference between a file and its contract."""

    rule: str
    severity: Severity
    column: str | None = None
    what: str
    measured: float | None = Field(None, description="In the unit of the rule's threshold.")


def make_contract(seen: SeenTable, *, version: int, run_id: str | None, missing: Sequence[str]) -> Contract:
    """The contract that a file makes."""
    terms = {column.name: _terms(column) for column in seen.columns}
    if seen.classes:
        terms[seen.target] = ColumnTerms(name=seen.target, nullable=False)
    return Contract(
        version=version,
        run_id=run_id,
        rows=seen.rows,
        target=TargetTerms(name=seen.target, classes=_shares(seen.classes) if seen.classes else None),
        columns=tuple(terms[name] for name in seen.order if name in terms),
        missing=tuple(missing),
    )


def _terms(column: SeenColumn) -> ColumnTerms:
    kind = None if column.kind == "empty" else column.kind
    if not column.used:
        return ColumnTerms(name=column.name, kind=kind, used=False)
    rows = column.filled + column.missing
    levels = folded(column.levels) if column.kind == "boolean" and column.levels else column.levels
    return ColumnTerms(
        name=column.name,
        kind=kind,
        moves=column.moves,
        nullable=column.missing > 0,
        missing_share=_rounded(column.missing / rows),
        minimum=_bound(column, column.minimum),
        maximum=_bound(column, column.maximum),
        levels=None if levels is None or column.unseen or column.moves else _shares(levels),
        bins=None if column.moves else _bins(column),
    )


def _bound(column: SeenColumn, bound: float | None) -> float | datetime.date | None:
    return EPOCH + datetime.timedelta(days=bound) if column.kind == "date" and bound is not None else bound


def _bins(column: SeenColumn) -> Bins | None:
    total = sum(column.bins)
    return Bins(edges=column.edges, shares=tuple(_rounded(rows / total) for rows in column.bins)) if total else None


def folded(levels: Mapping[str, int]) -> dict[str, int]:
    """Rows by level in lower case, as the levels of booleans are held."""
    folded: dict[str, int] = {}
    for level, rows in levels.items():
        folded[level.lower()] = folded.get(level.lower(), 0) + rows
    return folded


def _shares(rows: Mapping[str, int]) -> dict[str, float | None]:
    """The commonest first."""
    total = sum(rows.values())
    return {level: _rounded(rows[level] / total) for level in sorted(rows, key=lambda level: (-rows[level], level))}


def _rounded(share: float) -> float:
    return round(share, 9)


# What a run does with it.


@dataclass(frozen=True)
class Plan:
    """What one run does with its dataset's contract. All None: nothing."""

    held: Contract | None = None
    """Hold the file against it."""
    makes: int | None = None
    """Make a contract of this version if the file is accepted."""
    run_id: str | None = None
    """Of the run, if it makes one."""
    stored: bool = False
    """It has made it already: the step is being repeated."""


def plan(mode: Literal["enforce", "reset", "ignore"], text: str | None, name: str, run_id: str) -> Plan:
    """What to do, given the text of ``contract.json`` (None if there is none); messages call it ``name``.

    Raises:
        ContractError: the contract is to be enforced and cannot be used.
    """
    if mode == "ignore":
        return Plan()
    version, maker = _origin(text)
    if maker == run_id:
        return Plan(makes=version, run_id=run_id, stored=True)
    if mode == "reset" or text is None:
        return Plan(makes=version + 1, run_id=run_id)
    return Plan(held=parse_contract(text, name))


def _origin(text: str | None) -> tuple[int, str | None]:
    """Version and maker of a contract that may be unusable otherwise; version 0 if it has none."""
    try:
        loaded = json.loads(text or "{}")
    except ValueError:
        return 0, None
    if not isinstance(loaded, dict):
        return 0, None
    version, maker = loaded.get("version", 1 if loaded else 0), loaded.get("run_id")
    return (version if type(version) is int and version > 0 else 0), (maker if isinstance(maker, str) else None)
