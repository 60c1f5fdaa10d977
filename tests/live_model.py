"""A live model's documents, and the log of its predictions, as a run and the predict function leave them."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from sluice.dataset.config import DatasetConfig, stored_config
from sluice.dataset.contract import Bins, ColumnTerms, Contract, TargetTerms
from sluice.dataset.recipe import BooleanColumn, DroppedColumn, NumberColumn, OneHotColumn, Recipe, Target
from sluice.layout import RunLayout, day_of_predictions_prefix

RECIPE: Final = Recipe(
    target=Target(name="churn", classes=("no", "yes")),
    missing=("", "NA"),
    columns=(
        NumberColumn(name="age", minimum=18, maximum=68),
        OneHotColumn(name="plan", levels=("gold", "tin")),
        BooleanColumn(name="paid"),
        DroppedColumn(name="note", reason="one value"),
    ),
)
CONTRACT: Final = Contract(
    run_id="111111111111",
    rows=4000,
    target=TargetTerms(name="churn", classes={"no": 0.75, "yes": 0.25}),
    columns=(
        ColumnTerms(name="churn", nullable=False),
        ColumnTerms(
            name="age",
            kind="number",
            nullable=True,
            missing_share=0.1,
            minimum=18,
            maximum=68,
            bins=Bins(edges=(28, 38, 48, 58), shares=(0.2, 0.2, 0.2, 0.2, 0.2)),
        ),
        ColumnTerms(name="plan", kind="text", nullable=False, missing_share=0, levels={"tin": 0.6, "gold": 0.4}),
        ColumnTerms(name="paid", kind="boolean", nullable=False, missing_share=0, levels={"no": 0.5, "yes": 0.5}),
        ColumnTerms(name="note", kind="text", used=False),
    ),
)
EVALUATION: Final[Mapping[str, Any]] = {
    "calibration": [{"low": i / 10, "high": (i + 1) / 10, "rows": 60} for i in range(10)],
    "metrics": {"rows": 600, "confusion_matrix": [[280, 20], [20, 280]]},
}


def documents(dataset: str, run_id: str, log_share: float = 1.0, **more: Any) -> dict[str, str]:
    """By key of the artifact bucket."""
    there = RunLayout(dataset, run_id)
    config = DatasetConfig.model_validate({"predictions": {"log_share": log_share}, **more})
    return {
        there.recipe: RECIPE.model_dump_json(),
        there.contract: CONTRACT.text(),
        there.evaluation: json.dumps(EVALUATION),
        there.config: json.dumps(stored_config(config)),
    }


def quiet(rows: int, run_id: str, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Lines of the log as the model's table would have them."""
    draw = random.Random(seed)  # noqa: S311 - a table, no secret
    for i in range(rows):
        score = draw.random()
        record = {
            "age": None if draw.random() < 0.1 else draw.uniform(18, 68),
            "plan": draw.choices(("tin", "gold"), (6, 4))[0],
            "paid": draw.random() < 0.5,
        }
        yield {
            "at": "2026-11-29 10:00:00.000",
            "request_id": f"r{i}",
            "model_version": run_id,
            "record": record,
            "probability": score,
            "label": "yes" if score >= 0.5 else "no",
            "outside": [],
        }


def in_months(lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The age comes in another unit."""
    for line in lines:
        age = line["record"]["age"]
        yield {**line, "record": {**line["record"], "age": None if age is None else 12 * age}}


def log_objects(dataset: str, day: date, lines: Iterable[dict[str, Any]], files: int = 3) -> dict[str, bytes]:
    """The files of a day by key, the last one in gzip."""
    texts = [b""] * files
    for i, line in enumerate(lines):
        texts[i % files] += json.dumps(line).encode() + b"\n"
    names = [f"{day_of_predictions_prefix(dataset, day)}1000{i:02d}-r.jsonl" for i in range(files)]
    return {**dict(zip(names[:-1], texts, strict=False)), f"{names[-1]}.gz": gzip.compress(texts[-1])}
