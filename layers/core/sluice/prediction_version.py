"""The model version of a run, as far as a prediction needs it: recipe, labels, cutoff, seal. Clients come first.

A run's documents never change once it is deployed, so what was read of one is kept as long as there is room.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sluice.layout import RunLayout, uri
from sluice.objects import read_json
from sluice.prediction_rows import RowMaker
from sluice.prediction_seal import Seal, make_seal
from sluice.recipe import Recipe

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Kept[Key, Value]:
    """Values that were costly to make; where there are too many, the one that was not asked for longest goes."""

    def __init__(self, most: int, make: Callable[[Key], Value]) -> None:
        self._most = most
        self._make = make
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def __getitem__(self, key: Key) -> Value:
        if key not in self._values:
            self._values[key] = self._make(key)
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)
        return self._values[key]


@dataclass(frozen=True)
class Version:
    """What a run left that its predictions need."""

    run_id: str
    recipe: Recipe
    seal: Seal
    cutoff: float | None
    """From which probability on the positive class is the label; None from three classes on."""
    model_uri: str
    log_share: float
    has_variants: bool
    """Whether the run's endpoint configuration may have a second model that answers."""

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.target.classes

    @cached_property
    def row_maker(self) -> RowMaker:
        return RowMaker(self.recipe)


def read_version(s3: S3Client, bucket: str, dataset: str, run_id: str) -> Version:
    """The version of a run.

    Raises:
        FileNotFoundError: one of its documents is gone.
    """
    layout = RunLayout(dataset, run_id)

    def read(key: str) -> Any:
        return read_json(s3, uri(bucket, key))

    # Plain JSON but for the recipe: these documents are large, and little of them is of use here.
    evaluation, config = read(layout.evaluation), read(layout.config)
    recipe = Recipe.model_validate_json(json.dumps(read(layout.recipe)))
    metrics = evaluation.get("metrics") or {}
    return Version(
        run_id=run_id,
        recipe=recipe,
        seal=make_seal(read(layout.golden)),
        cutoff=metrics.get("cutoff", 0.5) if len(recipe.target.classes) == 2 else None,
        model_uri=evaluation["model_uri"],
        log_share=config.get("predictions", {}).get("log_share", 0.0),
        has_variants=config.get("endpoint", {}).get("previous", {}).get("role") == "variant",
    )
