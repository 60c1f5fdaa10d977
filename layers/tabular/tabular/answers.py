"""Reads scores from the log of predictions: those whose truth may be known one by one, all others as sums."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from sluice.messages import Task
from sluice.monitoring.quality import SeenAnswers
from sluice.monitoring.truth import Answer

_TIME: Final = "%Y-%m-%d %H:%M:%S%.f"
_SUM: Final = 1e-4
"""Of the probabilities of all classes, how far it may be from 1: the log has them rounded to 32 bits."""


@dataclass
class ReadAnswers:
    """``answers`` are those that a label may be of; ``seen`` counts all, by model. ``unread`` lines are no
    predictions."""

    answers: list[Answer] = field(default_factory=list)
    seen: dict[str, SeenAnswers] = field(default_factory=dict)
    unread: int = 0


def read_answers(
    batches: Iterable[bytes], task: Task, classes: Sequence[str], ids: Collection[str], keys: Collection[str]
) -> ReadAnswers:
    """The predictions of a log.

    Args:
        batches: whole lines of the log, some megabytes at a time. One is in memory at a time, several times its size.
        task: what the live model predicts.
        classes: of the live model; from three on, probabilities of other classes are not read.
        ids: of predictions that labels name.
        keys: the same of keys.
    """
    found = ReadAnswers()
    named = pl.Series("ids", sorted(ids), pl.String), pl.Series("keys", sorted(keys), pl.String)
    for lines in batches:
        if lines.strip():
            read = _read(lines, classes)
            whole = read.filter(pl.col("model_version").is_not_null() & pl.col("at").is_not_null())
            found.unread += lines.count(b"\n") + (not lines.endswith(b"\n")) - whole.height
            frame = whole.with_columns(_scored(task, classes))
            _count(frame, found.seen)
            chosen = frame.filter(pl.col("id").is_in(named[0].implode()) | pl.col("key").is_in(named[1].implode()))
            found.answers += [_answer(row) for row in chosen.select(_OF_ANSWER).iter_rows()]
    return found


_OF_ANSWER: Final = ("id", "key", "at", "model_version", "score", "scores")


def _answer(row: tuple[Any, ...]) -> Answer:
    id_, key, at, model_version, score, scores = row
    at = at.replace(tzinfo=datetime.UTC)
    return Answer(id_, key, at, model_version, score if scores is None else tuple(scores))


def _read(lines: bytes, classes: Sequence[str]) -> pl.DataFrame:
    schema: dict[str, Any] = {
        "id": pl.String,
        "key": pl.String,
        "at": pl.String,
        "model_version": pl.String,
        "probability": pl.Float64,
        "prediction": pl.Float64,
        "probabilities": pl.Struct(dict.fromkeys(classes or ("",), pl.Float64)),
        "label": pl.String,
    }
    try:
        read = pl.read_ndjson(lines, schema=schema, ignore_errors=True)
    except pl.exceptions.PolarsError:
        whole = b"".join(line for line in lines.splitlines(keepends=True) if _is_object(line))
        read = (
            pl.read_ndjson(whole, schema=schema, ignore_errors=True) if whole.strip() else pl.DataFrame(schema=schema)
        )
    return read.with_columns(pl.col("at").str.to_datetime(_TIME, strict=False))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _scored(task: Task, classes: Sequence[str]) -> list[pl.Expr]:
    """``score`` and ``scores`` of each prediction, null if they are not valid, and ``sure``, the probability of the
    label that was predicted, and ``entropy``."""
    nothing = pl.lit(None, pl.Float64)
    if task == "regression":
        score = pl.col("prediction")
        valid = pl.when(score.is_finite()).then(score)
        return [valid.alias("score"), nothing.alias("scores"), nothing.alias("sure"), nothing.alias("entropy")]
    if len(classes) > 2:
        each = [pl.col("probabilities").struct.field(name) for name in classes]
        valid_sum = (pl.sum_horizontal(each, ignore_nulls=False) - 1).abs() <= _SUM
        scores = pl.when(valid_sum & pl.all_horizontal(one >= 0 for one in each)).then(pl.concat_list(each))
        entropy = pl.when(scores.is_not_null()).then(pl.sum_horizontal(_entropy(one) for one in each))
        sure = pl.when(scores.is_not_null()).then(pl.max_horizontal(each))
        return [nothing.alias("score"), scores.alias("scores"), sure.alias("sure"), entropy.alias("entropy")]
    score = pl.when(pl.col("probability").is_between(0, 1)).then(pl.col("probability"))
    positive = pl.col("label") == (classes[-1] if classes else "")
    return [
        score.alias("score"),
        nothing.alias("scores"),
        pl.when(positive).then(score).otherwise(1 - score).alias("sure"),
        (_entropy(score) + _entropy(1 - score)).alias("entropy"),
    ]


def _entropy(share: pl.Expr) -> pl.Expr:
    """Its part in a distribution's, natural logarithm."""
    return pl.when(share > 0).then(-share * share.log()).otherwise(share * 0)


def _count(frame: pl.DataFrame, seen: dict[str, SeenAnswers]) -> None:
    week = pl.col("at").dt.truncate("1w").dt.strftime("%Y-%m-%d").alias("week")
    counted = frame.group_by("model_version", week).agg(
        pl.len().alias("rows"), pl.col("entropy").count().alias("scored"), pl.col("entropy").sum(), pl.col("sure").sum()
    )
    for version, monday, rows, scored, entropy, sure in counted.sort("model_version", "week").iter_rows():
        one = seen.setdefault(version, SeenAnswers())
        one.rows += rows
        one.by_week[monday] = one.by_week.get(monday, 0) + rows
        one.scored += scored
        one.log_loss += entropy
        one.right += sure
