"""What is asked of the log of predictions: what to count, by which bins, and what the live model was made with. Pure.

The columns are compared with the contract that the live model's file was held to or made, the scores and the labels
with what the evaluation saw on the test rows. Only columns that the model uses are asked about.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sluice.dataset.contract import ColumnTerms, Contract
from sluice.dataset.drift import RARE_SHARE
from sluice.dataset.recipe import (
    FALSE_WORDS,
    TRUE_WORDS,
    BooleanColumn,
    Column,
    DateColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Recipe,
    TextScoreColumn,
)
from sluice.messages import Task

type ValueKind = Literal["number", "date", "boolean", "text"]

KIND_OF: Final[Mapping[type, ValueKind]] = {
    NumberColumn: "number",
    DateColumn: "date",
    BooleanColumn: "boolean",
    OneHotColumn: "text",
    FrequencyRankColumn: "text",
    TextScoreColumn: "text",
}


@dataclass(frozen=True)
class ColumnQuestion:
    """One of the person's columns.

    ``edges`` are the bins of a number: up to the first, above it up to the second, ..., above the last. ``levels`` are
    the bins of a text, with one more for all others. A boolean has the bins false and true, a date none. ``shares`` are
    those of the reference, by bin. ``known`` are all levels that the reference has, ``once`` how many of them it has a
    single time. None: not known, so it is not compared.
    """

    column: Column
    kind: ValueKind
    rows: int | None = None
    """Rows of the reference; None if a person wrote its shares."""
    missing_share: float | None = None
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    known: frozenset[str] | None = None
    once: int = 0

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def values(self) -> int | None:
        """Of the reference's rows, those that have a value."""
        return None if self.rows is None else round(self.rows * (1 - (self.missing_share or 0)))


@dataclass(frozen=True)
class ScoreQuestion:
    """The scores of the test rows: of the positive class, of the likeliest class, or the predicted numbers."""

    edges: tuple[float, ...]
    """A score is in the first bin whose edge it does not exceed."""
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """What to count of the predictions of one model."""

    model_version: str
    task: Task
    classes: tuple[str, ...]
    missing: tuple[str, ...]
    """Texts that mean: no value."""
    columns: tuple[ColumnQuestion, ...]
    score: ScoreQuestion | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    """Test rows by predicted label; empty if that is not known, or a number is predicted."""
    has_contract: bool = True


@dataclass(frozen=True)
class SeenColumn:
    """Counts of one column. ``bins`` are as the question has them; ``unread`` values do not fit the column's kind."""

    filled: int
    missing: int
    bins: tuple[int, ...] = ()
    unseen: int = 0
    outside: int = 0
    minimum: float | None = None
    maximum: float | None = None
    unread: int = 0


@dataclass(frozen=True)
class SeenTraffic:
    """Counts of the log's predictions by the model in question, ``columns`` in the question's order."""

    rows: int
    columns: tuple[SeenColumn, ...]
    scores: tuple[int, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    others: int = 0
    """Predictions of other models."""
    unread: int = 0
    """Lines of the log that are none."""


def ask(run_id: str, recipe: Recipe, contract: Contract | None, evaluation: Mapping[str, Any]) -> Question:
    """What to count of the predictions of a run's model.

    Args:
        run_id: of the run.
        recipe: of the run.
        contract: that the run used or made; None if it had none: then no column can be compared.
        evaluation: the run's ``evaluation.json``, parsed.
    """
    terms = {one.name: one for one in (contract.columns or () if contract else ())}
    used = [column for column in recipe.columns if column.width]
    rows = contract.rows if contract else None
    return Question(
        model_version=run_id,
        task=recipe.target.task,
        classes=recipe.target.classes,
        missing=recipe.missing,
        columns=tuple(_column(column, terms.get(column.name), rows) for column in used),
        score=_scores(evaluation, recipe.target.task),
        labels=_labels(evaluation, recipe.target.classes),
        has_contract=contract is not None,
    )


def _column(column: Column, terms: ColumnTerms | None, rows: int | None) -> ColumnQuestion:
    kind = KIND_OF[type(column)]
    if terms is None or terms.used is False:
        return ColumnQuestion(column, kind)
    missing = terms.missing_share
    if missing is None and terms.nullable is False:
        missing = 0.0
    asked = ColumnQuestion(column, kind, rows, missing)
    if terms.kind != kind or terms.moves is not None:
        return asked
    told: dict[str, Any] = {}
    if kind == "number":
        low, high = terms.bounds()
        told |= {"minimum": low, "maximum": high}
        if terms.bins and terms.bins.edges:
            told |= {"edges": terms.bins.edges, "shares": terms.bins.shares}
    elif terms.levels is not None:
        known = {level: share for level, share in terms.levels.items() if share is not None}
        whole = len(known) == len(terms.levels)
        if kind == "boolean":
            told |= {"shares": _of_truth(known)} if whole and known else {}
        else:
            told |= {"known": frozenset(terms.levels)} | (_of_levels(known, asked.values) if whole else {})
    return ColumnQuestion(column, kind, rows, missing, **told)


def _of_truth(shares: Mapping[str, float]) -> tuple[float, float]:
    """Of false and true, in whatever words: JSON has others than a file."""
    false, true = (sum(shares.get(word, 0.0) for word in sorted(words)) for words in (FALSE_WORDS, TRUE_WORDS))
    return false, true


def _of_levels(shares: Mapping[str, float], values: int | None) -> dict[str, Any]:
    common = tuple(level for level, share in shares.items() if share >= RARE_SHARE)
    of_common = tuple(shares[level] for level in common)
    once = sum(share * values < 1.5 for share in shares.values()) if values else 0
    return {"levels": common, "shares": (*of_common, max(0.0, 1 - sum(of_common))), "once": once}


def _scores(evaluation: Mapping[str, Any], task: Task) -> ScoreQuestion | None:
    """From the curve of calibration, or from the parts of predicted numbers by their size."""
    if task == "regression":
        bins = (evaluation.get("numbers") or {}).get("sizes") or []
        edges = [float(one["high"]) for one in bins]
    else:
        bins = evaluation.get("calibration") or []
        edges = [math.nextafter(float(one["high"]), -math.inf) for one in bins]  # a bin ends below its upper bound
    if len(bins) < 2:
        return None
    return ScoreQuestion(tuple(edges[:-1]), tuple(int(one["rows"]) for one in bins))


def _labels(evaluation: Mapping[str, Any], classes: tuple[str, ...]) -> dict[str, int]:
    matrix = (evaluation.get("metrics") or {}).get("confusion_matrix") or []
    if not classes or len(matrix) != len(classes):
        return {}
    return {label: sum(int(row[i]) for row in matrix) for i, label in enumerate(classes)}


def bins_of(asked: ColumnQuestion) -> Sequence[str]:
    """What each bin is called, for people."""
    if asked.kind == "boolean":
        return "false", "true"
    return (*asked.levels, "others") if asked.kind == "text" else bounds(asked.edges)


def bounds(edges: Sequence[float]) -> list[str]:
    """The bins that lie between rising edges."""
    shown = [f"{edge:.4g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in itertools.pairwise(shown)]
    return [f"up to {shown[0]}", *between, f"above {shown[-1]}"]
