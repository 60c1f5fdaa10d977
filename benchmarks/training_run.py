"""Trains as the jobs of a run do it, for benchmarks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.sagemaker.algorithm import Channel, fit
from sluice import layout
from sluice.training.hyperparameters import refit_hyperparameters


def train_as_jobs(sent: Mapping[str, str], part: Callable[[layout.Part], Path], *, refits: bool) -> Any:
    """The booster that a run deploys.

    Args:
        sent: hyperparameters of the first job.
        part: the file of a part, alone in its folder.
        refits: whether a second job trains on training and validation rows.
    """
    channels: dict[str, Channel] = {name: _channel(part(name).parent) for name in layout.PARTS[:2]}
    booster = fit(sent, channels, log=lambda _: None).booster
    if not refits:
        return booster
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as learning:
        for name in layout.PARTS[:2]:
            Path(learning, part(name).name).symlink_to(part(name))
        again = refit_hyperparameters(sent, booster.num_boosted_rounds())
        return fit(again, {"train": _channel(Path(learning))}, log=lambda _: None).booster


def _channel(folder: Path) -> Channel:
    return Channel(folder, content_type="text/csv")
