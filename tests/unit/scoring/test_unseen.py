"""The rows that the live model was not made with: those that its own split would hold out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scoring.raw_rows import read_raw_rows
from scoring.unseen import unseen_rows
from sluice.dataset.config import DatasetConfig
from sluice.evaluation.split import HashedSplit, PartCuts
from tabular import TableReport, validate_table
from tests.search import examples

HEADER = "id,kind,note,label"


def lines(rows: int, seed: int, repeated: int = 0) -> list[str]:
    draws = random.Random(seed)  # noqa: S311 - a table, no secret
    some = [
        f'{draws.random():.6f},{draws.choice("abc")},"é, {i % 7}",{draws.choices(["no", "yes"], [4, 1])[0]}'
        for i in range(rows)
    ]
    return [*some, *some[:3] * repeated]


def validated(rows: Sequence[str], folder: Path, **config: Any) -> tuple[TableReport, dict[str, list[str]]]:
    """The report, and the rows of each part, by their first cell."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "table.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    report = validate_table(
        file,
        name="table.csv",
        config=DatasetConfig.model_validate(config),
        default_target="label",
        out=folder / "out",
    )
    assert report.verdict == "accepted", report.reasons
    parts = {
        part: [line.split(",")[1] for line in (folder / "out" / part / f"{part}.csv").read_text("utf-8").splitlines()]
        for part in ("train", "validation", "test")
    }
    return report, parts


def split_of(report: TableReport) -> HashedSplit:
    assert report.split is not None
    assert report.split.hashed is not None
    return HashedSplit.model_validate_json(report.split.hashed.model_dump_json())


def unseen(file: Path, split: HashedSplit) -> NDArray[np.bool_] | None:
    return unseen_rows(file, read_raw_rows(file)["label"].tolist(), split)


def held_out(folder: Path) -> Path:
    return folder / "out" / "held_out" / "rows.csv"


@given(
    rows=st.integers(100, 500),
    more=st.floats(0.0, 1.5),
    repeated=st.sampled_from([0, 10]),
    seed=st.integers(0, 99),
    change=st.sampled_from([{}, {"split": {"seed": 5}}, {"split": {"test": 0.25}}, {"drop": ["note"]}]),
)
@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_that_is_left_was_in_the_other_runs_training_or_validation_part(
    tmp_path: Path, rows: int, more: float, repeated: int, seed: int, change: dict[str, Any]
) -> None:
    before = lines(rows, seed, repeated)
    report, parts = validated(before, tmp_path / "before")
    after = [*before[rows // 20 :], *lines(int(more * rows), seed + 1000)]
    _, later = validated(after, tmp_path / "after", **change)
    chosen = unseen(held_out(tmp_path / "after"), split_of(report))
    assert chosen is not None
    made_with = {*parts["train"], *parts["validation"]}
    tested = np.array(later["test"])
    was_seen = np.isin(tested, list(made_with))
    assert len(chosen) == len(tested)
    assert not (chosen & was_seen).any()
    held_out_before = np.isin(tested, parts["test"])
    assert chosen[held_out_before].all(), "what it held out is not left out"


def test_of_the_same_file_nothing_is_left_out(tmp_path: Path) -> None:
    report, parts = validated(lines(300, 1), tmp_path)
    chosen = unseen(held_out(tmp_path), split_of(report))
    assert chosen is not None
    assert chosen.all()
    assert len(chosen) == len(parts["test"])
    assert split_of(report).covers(split_of(report))


def test_of_groups_whole_groups_are_left_out(tmp_path: Path) -> None:
    config = {"split": {"group_by": "kind"}}
    rows = [f"{i / 7:.5f},K{i * 31 % 60},x,{'yn'[i % 3 == 0]}" for i in range(600)]
    report, _ = validated(rows[:400], tmp_path / "before", **config)
    validated(rows, tmp_path / "after", **config)
    kinds = read_raw_rows(held_out(tmp_path / "after"))["kind"]
    chosen = unseen(held_out(tmp_path / "after"), split_of(report))
    assert chosen is not None
    assert not {*kinds[chosen]} & {*kinds[~chosen]}
    tested = {*read_raw_rows(held_out(tmp_path / "before"))["kind"]}
    assert {*kinds[chosen]} == {*kinds} & tested


def test_merged_classes_are_cut_as_one(tmp_path: Path) -> None:
    config = {"classes": {"merge": {"other": ["b", "c"]}}}
    draws = random.Random(1)  # noqa: S311 - a table, no secret
    rows = [f"{draws.random():.6f},K{i * 31 % 17},x,{draws.choice('aaaabbc')}" for i in range(700)]
    report, parts = validated(rows[:400], tmp_path / "before", **config)
    later, tested = validated(rows, tmp_path / "after", split={"seed": 5}, **config)
    numbers = (tmp_path / "after" / "out" / "test" / "test.csv").read_text("utf-8").splitlines()
    labels = [later.classes[int(line.partition(",")[0])] for line in numbers]
    assert set(labels) == {"a", "other"}
    chosen = unseen_rows(held_out(tmp_path / "after"), labels, split_of(report))
    assert chosen is not None
    was_seen = np.isin(tested["test"], [*parts["train"], *parts["validation"]])
    assert was_seen.any()
    assert not (chosen & was_seen).any()
    assert chosen[np.isin(tested["test"], parts["test"])].all()


def test_by_time_nothing_follows_from_the_cells(tmp_path: Path) -> None:
    rows = [f"{i},{'ab'[i % 5 > 2]},x,{'yn'[i % 3 == 0]}" for i in range(200)]
    report, _ = validated(rows, tmp_path, split={"by_time": "id"})
    assert report.split is not None
    assert report.split.hashed is None


def test_nobody_can_tell_if_a_column_is_gone(tmp_path: Path) -> None:
    report, _ = validated(lines(200, 3), tmp_path)
    split = split_of(report)
    other = split.model_copy(update={"columns": (*split.columns, "gone")})
    assert unseen(held_out(tmp_path), other) is None


@pytest.mark.parametrize(
    ("own", "other", "covers"),
    [
        ({"test": 20}, {"test": 20}, True),
        ({"test": 20}, {"test": 19}, True),
        ({"test": 20}, {"test": 21}, False),
        ({"test": 20, "trained": ((5, 6),)}, {"test": 20}, False),
        ({"test": 20}, {"test": 20, "trained": ((5, 6),)}, True),
        ({"test": 20}, {"test": 20, "label": "rare"}, True),
        ({"test": 20}, {"test": 21, "label": "rare"}, False),
    ],
)
def test_a_split_covers_one_that_tests_no_other_rows(own: dict[str, Any], other: dict[str, Any], covers: bool) -> None:
    usual = PartCuts(test=20, validation=40)

    def split(cuts: dict[str, Any]) -> HashedSplit:
        given = PartCuts.model_validate({"validation": 40, **cuts})
        return HashedSplit(seed=0, columns=("a",), cuts=(given,) if given.label is None else (usual, given))

    assert split(own).covers(split(other)) is covers
    assert not split(own).covers(split(other).model_copy(update={"seed": 1}))
