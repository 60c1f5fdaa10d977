"""Small tables are cut into folds, each with features by a recipe that has not seen its test rows."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from sluice.dataset.config import DatasetConfig
from tabular import TableReport, folds, validate_table

TRAIN, VALIDATION, TEST = range(3)
HEADER: Final = "city,size,label"


class Line(NamedTuple):
    fold: int
    part: int
    unit: int
    label: float
    features: tuple[str, ...]


class Cut(NamedTuple):
    report: TableReport
    lines: list[Line]

    def fold(self, number: int) -> list[Line]:
        return [line for line in self.lines if line.fold == number]


type CutTable = Callable[..., Cut]


@pytest.fixture
def cut(tmp_path: Path) -> CutTable:
    """Cuts a table into folds: its rows, and the keys of its configuration."""

    def written(lines: list[str], header: str = HEADER, *, wanted: bool = True, **config: Any) -> Cut:
        path, out = tmp_path / "table.csv", tmp_path / "out"
        path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
        (out / "folds.csv").unlink(missing_ok=True)
        parsed = DatasetConfig.model_validate(config)
        report = validate_table(path, name="t", config=parsed, default_target=None, out=out, folds=wanted)
        assert report.verdict == "accepted", report.reasons
        assert (out / "folds.csv").exists() == (report.folds is not None)
        if report.folds is None:
            return Cut(report, [])
        rows = [line.split(",") for line in (out / "folds.csv").read_text(encoding="ascii").splitlines()]
        return Cut(report, [Line(int(row[0]), int(row[1]), int(row[2]), float(row[3]), tuple(row[4:])) for row in rows])

    return written


def rows(number: int = 900, cities: int = 60, seed: int = 0) -> list[str]:
    """A text of many values, whose classes differ by it; a number that no other row has; one in four rows is `yes`."""
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    likely = [chance.random() < 0.25 for _ in range(cities)]
    made = []
    for row in range(number):
        city = int(cities * chance.random() ** 2)
        label = likely[city] if chance.random() < 0.8 else chance.random() < 0.25
        made.append(f"town{city:02d},{row + 0.5},{'yes' if label else 'no'}")
    return made


def test_each_row_is_tested_once_and_each_class_has_its_share_of_every_part(cut: CutTable) -> None:
    lines = rows()
    found = cut(lines)
    assert found.report.folds is not None
    assert found.report.folds.model_dump() == {"folds": 5, "times": 1, "rows": 900, "units": 900}
    tested = [line.unit for line in found.lines if line.part == TEST]
    assert sorted(tested) == [*range(900)]
    share = sum(line.endswith("yes") for line in lines) / 900
    for number in range(5):
        of_fold = found.fold(number)
        assert sorted(line.unit for line in of_fold) == [*range(900)]
        # 15 % of 85 % validate in the run, so do 15 of 85 of the 80 % here.
        assert [sum(line.part == part for line in of_fold) for part in range(3)] == [
            pytest.approx(900 * wanted, abs=2) for wanted in (0.8 * 70 / 85, 0.8 * 15 / 85, 0.2)
        ]
        for part in range(3):
            of_part = [line.label for line in of_fold if line.part == part]
            assert sum(of_part) / len(of_part) == pytest.approx(share, abs=0.01)


def test_ranks_and_rates_are_those_of_the_training_rows_of_the_fold(cut: CutTable) -> None:
    lines = rows()
    cities = {float(line.split(",")[1]): line.split(",")[0] for line in lines}
    for number in range(5):
        of_fold = cut(lines).fold(number)
        train = [line for line in of_fold if line.part == TRAIN]
        counted = Counter(cities[float(line.features[2])] for line in train)
        commonest = sorted((city for city in counted if counted[city] > 1), key=lambda city: (-counted[city], city))
        ranks = {city: rank for rank, city in enumerate(commonest, start=1)}
        positive = sum(line.label for line in train) / len(train)
        by_rate: dict[str, float] = {}
        for line in of_fold:
            city = cities[float(line.features[2])]
            assert float(line.features[0]) == ranks.get(city, len(ranks) + 1)
            if line.part != TRAIN:
                by_rate[city] = float(line.features[1])
        # One weight for all levels: (hits + m * share of all) / (rows + m), which each level tells alike.
        weights = []
        for city in [city for city in commonest if city in by_rate][:8]:
            hits = sum(line.label for line in train if cities[float(line.features[2])] == city)
            rate = by_rate[city]
            if not math.isclose(rate, positive, abs_tol=0.02):
                weights.append((hits - rate * counted[city]) / (rate - positive))
        assert weights == pytest.approx([weights[0]] * len(weights), rel=1e-3)
        assert weights[0] > 0


def test_the_words_of_a_free_text_are_scored_by_the_training_rows_of_the_fold(cut: CutTable) -> None:
    chance = random.Random(2)  # noqa: S311 - a table, no secret
    words = [f"word{number}" for number in range(40)]
    lines = []
    for row in range(1000):
        told = row % 2 == 0 if chance.random() < 0.9 else chance.random() < 0.5
        text = " ".join(chance.choices(words, k=8) + (["lovely"] if told else ["dreadful"]))
        lines.append(f"The {text} it was {row}.,{row + 0.5},{'yes' if row % 2 == 0 else 'no'}")
    found = cut(lines, "remark,size,label")
    assert found.report.features > 1, "the text has a score"
    by_number = [{line.features[-1]: line for line in found.fold(number)} for number in range(5)]
    scores = [{size: line.features[0] for size, line in of_fold.items()} for of_fold in by_number]
    assert all(len(line.features) == found.report.features for line in found.lines)
    assert all({*scores[0].items()} != {*other.items()} for other in scores[1:]), "each fold scores by its own rows"
    tested = [line for line in found.lines if line.part == TEST]
    means = [sum(float(line.features[0]) for line in tested if line.label == label) / 500 for label in (0, 1)]
    assert means[1] > means[0]


def test_few_rows_are_cut_several_times_each_time_otherwise(cut: CutTable) -> None:
    found = cut(rows(300, cities=3))
    assert found.report.folds is not None
    assert found.report.folds.times == 3
    tested = [{line.unit for line in found.fold(number) if line.part == TEST} for number in range(15)]
    for time in range(3):
        assert sorted(unit for units in tested[5 * time : 5 * time + 5] for unit in units) == [*range(300)]
    assert len({frozenset(units) for units in tested}) == 15


def test_equal_rows_stay_together_and_the_order_of_the_file_does_not_matter(cut: CutTable) -> None:
    lines = [line.replace(f",{i + 0.5},", f",{i % 200 + 0.5},") for i, line in enumerate(rows(800, cities=2))]
    found = cut(lines)
    assert found.report.folds is not None
    assert found.report.folds.units == len({*lines}) < 800
    for number in range(5):
        parts: dict[int, set[int]] = {}
        for line in found.fold(number):
            parts.setdefault(line.unit, set()).add(line.part)
        assert all(len(of_unit) == 1 for of_unit in parts.values())
    again = cut(sorted(lines))
    assert Counter(found.lines) == Counter(again.lines)


def test_the_rows_of_a_group_stay_together(cut: CutTable) -> None:
    lines = [f"{line},g{i % 70}" for i, line in enumerate(rows(700, cities=4))]
    found = cut(lines, f"{HEADER},customer", target="label", split={"group_by": "customer"})
    assert found.report.folds is not None
    assert found.report.folds.units == 70
    sizes = Counter(line.unit for line in found.fold(0))
    assert {*sizes.values()} == {10}
    for number in range(5):
        together = {(line.unit, line.part) for line in found.fold(number)}
        assert len(together) == 70
    assert sorted(line.unit for line in found.lines if line.part == TEST) == sorted(sizes.elements())


def test_a_number_as_target_is_cut_too(cut: CutTable) -> None:
    found = cut(rows(900, cities=3), target="size", task="regression")
    tested = [line.label for line in found.lines if line.part == TEST]
    assert sorted(tested) == [row + 0.5 for row in range(900)]


def test_tables_that_are_not_small_or_split_by_time_are_not_cut(cut: CutTable, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = rows(300, cities=3)
    assert cut(lines, wanted=False).report.folds is None
    assert cut(rows(300), split={"by_time": "size"}).report.folds is None
    monkeypatch.setattr(folds, "MAX_CELLS", 300 * 4 - 1)  # three towns and a number
    assert cut(lines).report.folds is None
    monkeypatch.setattr(folds, "MAX_CELLS", 300 * 4)
    assert cut(lines).report.folds is not None
    monkeypatch.setattr(folds, "MAX_ROWS", 299)
    assert cut(lines).report.folds is None


def test_a_table_is_not_cut_if_a_fold_would_have_no_features(cut: CutTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only column repeats its values just often enough in the training part of the run."""
    chance = random.Random(1)  # noqa: S311 - a table, no secret
    lines = [f"word{i // 2:03d},{chance.choice(['yes', 'no'])}" for i in range(200)]
    assert cut(lines, "word,label").report.folds is not None
    monkeypatch.setattr("tabular.fit.IDENTIFIER_SHARE", 0.6)
    assert cut(lines, "word,label").report.folds is None
