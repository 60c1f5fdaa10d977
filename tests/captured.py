"""A model, and requests to its endpoint as SageMaker captures them."""

from __future__ import annotations

import base64
import datetime
import json

from sluice.dataset.recipe import (
    BooleanColumn,
    Cell,
    DateColumn,
    DroppedColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Recipe,
    Target,
    TargetRates,
    TextScoreColumn,
)
from sluice.prediction.captured import NO_LEVEL_OF_ITS_OWN
from sluice.prediction.rows import RowMaker
from sluice.prediction.seal import Score, Seal
from sluice.prediction.version import Version

COLUMNS = (
    DroppedColumn(name="id", reason="is an identifier"),
    NumberColumn(name="age", integer=True, minimum=18, maximum=90),
    NumberColumn(name="price", notation="decimal_comma"),
    BooleanColumn(name="active"),
    OneHotColumn(name="plan", levels=("basic", "gold")),
    FrequencyRankColumn(name="city", levels=("Oslo", "Rome")),
    FrequencyRankColumn(
        name="street",
        levels=("A", "B"),
        once=("C",),
        rates=TargetRates(prior=(0.5,), levels=((0.25,), (0.75,))),
    ),
    DateColumn(name="since", minimum=datetime.date(2020, 1, 1), maximum=datetime.date(2024, 12, 31)),
    DateColumn(name="seen", parts=("days", "hour")),
    TextScoreColumn(name="note", terms=("late", "lost"), weights=((500, -250),)),
)
RECORD: dict[str, Cell] = {
    "age": 41,
    "price": 1.5,
    "active": True,
    "plan": "gold",
    "city": "Rome",
    "street": "B",
    "since": "2024-12-31",
    "seen": "2026-11-05T07:00",
    "note": NO_LEVEL_OF_ITS_OWN,
}
"""As it is read: nothing but the scores of its words is left of the note."""
CLASSES = Target(name="churn", classes=("no", "yes"))
RECIPE = Recipe(target=CLASSES, missing=("?",), columns=COLUMNS)
LINE = RowMaker(RECIPE).rows([RECORD]).lines[0]
OTHER = RowMaker(RECIPE).rows([{**RECORD, "age": 20}]).lines[0]
ID = "3f0c8f0e-0000-4000-8000-000000000000"


def version(target: Target = CLASSES, score: Score = (0.1,)) -> Version:
    return Version(
        run_id="4f1c09b2a7de",
        recipe=RECIPE.model_copy(update={"target": target}),
        seal=Seal((OTHER, OTHER), (score, score)),
        cutoff=0.4,
        model_uri="s3://b/m",
        log_share=0,
        has_variants=False,
    )


def event(asked: str, answered: str, kind: str = "text/csv", encoding: str = "CSV") -> str:
    def part(data: str, content_type: str) -> dict[str, str]:
        text = base64.b64encode(data.encode()).decode() if encoding == "BASE64" else data
        return {"observedContentType": content_type, "data": text, "encoding": encoding}

    return json.dumps(
        {
            "captureData": {
                "endpointInput": part(asked, kind),
                "endpointOutput": part(answered, "text/csv; charset=utf-8"),
            },
            "eventMetadata": {"eventId": ID, "inferenceTime": "2026-11-05T07:08:09Z"},
            "eventVersion": "0",
        }
    )
