"""Reads what a deployed run left that its predictions need. The client comes first.

A run's documents never change once it is deployed, so what was read of one is kept as long as there is room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.aws.objects import read_json
from sluice.dataset.recipe import Recipe
from sluice.documents import NewerDocumentError
from sluice.endpoint.aws.golden import read_golden
from sluice.layout import RunLayout, uri
from sluice.prediction.request import RefusedError
from sluice.prediction.seal import make_seal
from sluice.prediction.version import Interval, Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def read_version(s3: S3Client, bucket: str, dataset: str, run_id: str) -> Version:
    """The version of a run.

    Raises:
        FileNotFoundError: one of its documents is gone.
        RefusedError: 503 if a newer release made it.
    """
    layout = RunLayout(dataset, run_id)

    def read(key: str) -> Any:
        return read_json(s3, uri(bucket, key))

    # Plain JSON but for the recipe: these documents are large, and little of them is of use here.
    evaluation, config = read(layout.evaluation), read(layout.config)
    try:
        recipe = Recipe.read(read(layout.recipe))
        golden = read_golden(s3, uri(bucket, layout.golden))
    except NewerDocumentError as error:
        raise RefusedError(503, f"the live model of {dataset} was {error}") from error
    metrics, interval = evaluation.get("metrics") or {}, evaluation.get("interval") or {}
    half_width = interval.get("half_width")
    return Version(
        run_id=run_id,
        recipe=recipe,
        seal=make_seal(golden),
        cutoff=metrics.get("cutoff", 0.5) if len(recipe.target.classes) == 2 else None,
        model_uri=evaluation["model_uri"],
        log_share=config.get("predictions", {}).get("log_share", 0.0),
        # A run of a release without this key promised to keep it until somebody removes it.
        keep_days=config.get("predictions", {}).get("keep_days"),
        key=config.get("key"),
        interval=None if half_width is None else Interval(half_width, interval["coverage"]),
        has_variants=config.get("endpoint", {}).get("previous", {}).get("role") == "variant",
    )
