"""Ranks of texts: those that training has once are to the model what it has not seen."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import FrequencyRankColumn, Recipe
from tabular import validate_table
from tests.search import examples
from tests.shared import shared_case


def ranked(path: Path, name: str, seed: int = 0) -> tuple[FrequencyRankColumn, dict[str, list[str]]]:
    """A column as the recipe has it, and its feature in each of the parts; the target is the last column."""
    target = path.read_text(encoding="utf-8").partition("\n")[0].rpartition(",")[2]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        config = DatasetConfig.model_validate({"target": target, "split": {"seed": seed}})
        report = validate_table(path, name=path.name, config=config, default_target=None, out=out)
        assert report.verdict == "accepted", report.reasons
        recipe = Recipe.read((out / "recipe.json").read_text(encoding="utf-8"))
        at = 1 + [feature.source for feature in recipe.features].index(name)
        parts = {
            part: [line.split(",")[at] for line in (out / part / f"{part}.csv").read_text().splitlines()]
            for part in ("train", "validation", "test")
        }
        (column,) = (column for column in recipe.columns if column.name == name)
        assert isinstance(column, FrequencyRankColumn)
        return column, parts


def test_tickets_that_stand_once_rank_as_unseen_ones() -> None:
    column, parts = ranked(shared_case("rank_singletons.csv"), "ticket")
    with shared_case("rank_singletons.csv").open(encoding="utf-8", newline="") as stream:
        counts = Counter(row["ticket"] for row in csv.DictReader(stream))
    ranks = {part: Counter(int(rank) for rank in found) for part, found in parts.items()}
    assert column.all_listed
    assert all(counts[level] > 1 for level in column.levels)
    assert column.once
    assert ranks["train"][column.unseen] == len(column.once)
    assert ranks["test"][column.unseen] > 0
    assert all(ranks["train"][rank] > 1 for rank in range(1, column.unseen))


@st.composite
def texts(draw: st.DrawFn) -> list[str]:
    """Levels of every frequency, in any script, some of which stand once."""
    alphabet = draw(st.sampled_from(["abcdefgh", "абвгдежз", "東京大阪京都名古", "αβγδεζηθ"]))
    common = draw(st.lists(st.text(alphabet, min_size=2, max_size=4), min_size=22, max_size=40, unique=True))
    single = draw(st.lists(st.text(alphabet, min_size=5, max_size=7), min_size=5, max_size=60, unique=True))
    times = draw(st.lists(st.integers(4, 9), min_size=len(common), max_size=len(common)))
    cells = [cell for cell, count in zip(common, times, strict=True) for _ in range(count)] + single
    return draw(st.permutations(cells))


@given(texts(), st.integers(0, 5))
@settings(max_examples=examples(15), deadline=None)
def test_every_rank_but_the_last_belongs_to_a_level_that_training_has_more_than_once(
    cells: list[str], seed: int
) -> None:
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(["n", "text", "label"])
    rows.writerows([i * 7 % 83, cell, "ab"[i % 2]] for i, cell in enumerate(cells))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(written.getvalue(), encoding="utf-8")
        column, parts = ranked(path, "text", seed)
    train = Counter(int(rank) for rank in parts["train"])
    counts = [train[rank] for rank in range(1, column.unseen)]
    assert counts == sorted(counts, reverse=True)
    assert min(counts) > 1
    assert train[column.unseen] == len(column.once)
    assert not {*column.once} & {*column.levels}
    assert column.all_listed
