"""The weak signal of ../shared/cases: 90 validation rows cannot tell a cutoff, nor beat a constant."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scoring.cutoff import choose_cutoff
from scoring.evaluation import Scored, measure
from scoring.remarks import Learned, warnings
from sluice.dataset.config import Cutoff, DatasetConfig
from sluice.evaluation.document import ClassCount
from tests.shared import shared_case
from tests.unit.scoring.test_remarks import parts_of, trained


def test_a_weak_signal_leaves_the_cutoff_at_one_half_or_is_remarked_on(tmp_path: Path) -> None:
    halves = 0
    for seed in range(10):
        config = DatasetConfig.model_validate({"target": "bought", "split": {"seed": seed}})
        parts = parts_of(shared_case("weak_signal_cutoff.csv"), tmp_path / str(seed), config)
        booster = trained(parts, config)
        scores = {part: np.asarray(booster.inplace_predict(rows), np.float64) for part, (_, rows) in parts.items()}
        choice = choose_cutoff(Cutoff(), None, Scored(parts["validation"][0], scores["validation"]))
        halves += choice.value == 0.5
        labels = parts["test"][0]
        metrics = measure(Scored(labels, scores["test"], choice.value), 0.67, intervals=False)
        prior = measure(Scored(labels, np.full(labels.size, parts["train"][0].mean())), 0.67, intervals=False)
        counts = tuple(
            ClassCount(label=str(label), train=int((parts["train"][0] == label).sum()), validation=0, test=0)
            for label in (0, 1)
        )
        said = [*warnings(metrics, prior, choice, Learned(("0", "1"), counts, {}, is_constant=False))]
        assert bool(said) == (metrics.accuracy <= prior.accuracy)
    assert halves >= 6
