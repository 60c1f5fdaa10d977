from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from benchmarks import models
from benchmarks.model_jobs import contestants, permuted
from benchmarks.model_jobs.contestants import measure, measure_table, own_columns, split_table
from benchmarks.model_jobs.results import PEERS, PEERS_PYTHON, SLUICE, Name, Result
from benchmarks.model_jobs.tables import SHIPPED, Table, number_tables, tables
from benchmarks.models import Measured, Useless, difference, judge, judge_useless, report

ROWS = 60
"""Enough for a table to be accepted."""


def result(*losses: float) -> Result:
    return Result(np.array(losses), calibration_error=0.01, seconds=1.0, rounds=10, size=2048)


def measured(table: str = "one", **losses: tuple[float, ...]) -> Measured:
    """By default everything is just met. One split; the losses of each row by model."""
    rows: dict[str, tuple[float, ...]] = {
        "default": (0.5, 0.4),
        "one_job": (0.5, 0.5),
        "tutorial": (0.6, 0.5),
        "xgboost": (0.6, 0.4),
        "lightgbm": (0.5, 0.4),
        "catboost": (0.5, 0.4),
        **losses,
    }
    names: list[Name] = ["default", "one_job", "tutorial", "xgboost", "lightgbm", "catboost"]
    return Measured(table, [1.0], {name: [result(*rows[name])] for name in names})


def missed(*found: Measured) -> list[str]:
    return [ratio.name for ratio in judge(found) if ratio.met is False]


def test_a_difference_is_paired_by_row_and_split() -> None:
    own = [result(0.2, 0.6, 0.4), result(0.5, 0.1, 0.3)]
    theirs = [result(0.3, 0.9, 0.6), result(0.5, 0.2, 0.6)]
    found = difference(Measured("one", [0.5, 0.7], {"default": own, "tutorial": theirs}), "tutorial")
    first, second = np.array([-0.1, -0.3, -0.2]), np.array([0.0, -0.1, -0.3])
    mean = (first.mean() + second.mean()) / 2
    assert found.mean == pytest.approx(mean)
    assert found.error == pytest.approx(math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 3) / 2)
    assert found.change == pytest.approx(mean / ((0.6 + 1.3 / 3) / 2))
    assert found.points == pytest.approx(100 * mean / 0.6)


def test_what_is_wanted_is_said() -> None:
    assert [str(ratio) for ratio in judge([measured(), measured("two")])] == [
        "the default against the tutorial's preset, median of the tables: -18.2% log loss or RMSE "
        "(wanted: at most -5%) met",
        "tables on which it is worse by more than 2 standard errors: none (wanted: none) met",
        "the default against lightgbm's defaults: +0.00 ± 0.00 % of the prior's loss "
        "(wanted: at most 1 standard error above 0) met",
        "the default against catboost's defaults: +0.00 ± 0.00 % of the prior's loss "
        "(wanted: at most 1 standard error above 0) met",
    ]


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ([measured(tutorial=(0.52, 0.41))], "the default against the tutorial's preset, median of the tables"),
        (
            [measured(), measured(), measured("two", tutorial=(0.4, 0.3001))],
            "tables on which it is worse by more than 2 standard errors",
        ),
        ([measured(lightgbm=(0.4, 0.3)), measured(lightgbm=(0.45, 0.35))], "the default against lightgbm's defaults"),
        ([measured(catboost=(0.4, 0.3)), measured(catboost=(0.45, 0.35))], "the default against catboost's defaults"),
    ],
)
def test_what_is_missed_is_told(found: list[Measured], name: str) -> None:
    assert missed(*found) == [name]


def test_packages_that_were_not_measured_are_not_judged() -> None:
    full = measured()
    alone = Measured("one", [1.0], {name: full.results[name] for name in SLUICE})
    assert [ratio.met for ratio in judge([alone])] == [True, True, None, None]
    assert not any(peer in line for line in report([alone], 1) for peer in PEERS)


def test_the_report_has_a_line_for_each_table_and_each_model() -> None:
    lines = "\n".join(report([measured(), measured("two")], 1))
    assert all(lines.count(f"\n  {name} ") == 1 for name in ("one", "two", "default", *PEERS))
    assert "0.5500 (-0.1000 ± 0.0000)" in lines


def mixed_table(folder: Path) -> Table:
    """Texts of few and of many values, numbers with gaps, two classes that one of the texts tells."""
    random = np.random.default_rng(0)
    lines = ["few,many,number,label"]
    for row in range(10 * ROWS):
        few, many = random.integers(3), random.integers(25)
        number = "" if row % 7 == 0 else f"{random.normal():.3f}"
        lines.append(f"{'abc'[few]},town {many},{number},{'yes' if random.random() < 0.2 + 0.3 * few else 'no'}")
    path = folder / "mixed.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Table("mixed", path, "label")


def test_others_get_each_text_as_one_category_and_the_same_rows(tmp_path: Path) -> None:
    split = split_table(mixed_table(tmp_path), 0, tmp_path / "split")
    categories, rows = own_columns(split)
    assert categories == [0, 1]
    train: NDArray[np.float64] = rows["train_features"]
    assert train.shape == (split.train_rows, 3)
    assert {*np.unique(train[:, 0])} == {1.0, 2.0, 3.0}
    assert len(np.unique(train[:, 1])) == 25
    assert np.isnan(train[:, 2]).any()
    assert not np.isnan(train[:, :2]).any()
    assert sum(len(rows[f"{part}_labels"]) for part in ("train", "validation", "test")) == 10 * ROWS


def test_a_result_is_that_of_the_container_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_table(mixed_table(tmp_path), 1, tmp_path / "split")
    found = Result.load(measure("tutorial", split, tmp_path / "cache"))
    assert found.losses.shape == (90,)
    assert 0 < found.loss < 1.1 * split.prior
    monkeypatch.setattr(contestants, "train_as_jobs", None)
    again = Result.load(measure("tutorial", split, tmp_path / "cache"))
    assert (again.losses == found.losses).all()
    assert (again.rounds, again.size, again.seconds) == (found.rounds, found.size, found.seconds)
    with pytest.raises(TypeError):
        measure("default", split, tmp_path / "cache")


def test_the_default_is_trained_again_on_training_and_validation_rows(tmp_path: Path) -> None:
    split = split_table(mixed_table(tmp_path), 1, tmp_path / "split")
    alone, found = (Result.load(measure(name, split, tmp_path / "cache")) for name in ("one_job", "default"))
    assert found.rounds == alone.rounds
    assert found.seconds > alone.seconds
    assert not np.allclose(found.losses, alone.losses)


def test_losses_are_those_of_scikit_learn(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).dirichlet((1, 1, 1), 50)
    labels = np.arange(50) % 3
    found = contestants.result_of(labels, rows, seconds=1.0, rounds=1, size=1)
    assert found.loss == pytest.approx(log_loss(labels, rows))


def test_rmse_is_compared_where_the_target_is_a_number() -> None:
    own, theirs = (
        contestants.result_of_numbers(np.zeros(2), np.array(predicted), seconds=1.0, rounds=1, size=1)
        for predicted in ([3.0, 1.0], [4.0, 2.0])
    )
    found = difference(Measured("one", [5.0], {"default": [own], "tutorial": [theirs]}), "tutorial")
    assert own.loss == pytest.approx(math.sqrt(5))
    assert theirs.loss == pytest.approx(math.sqrt(10))
    assert found.mean == pytest.approx(math.sqrt(5) - math.sqrt(10))
    assert found.change == pytest.approx(math.sqrt(0.5) - 1)
    assert found.points == pytest.approx(20 * found.mean)
    by_row = np.array([-7.0, -3.0]) / (math.sqrt(5) + math.sqrt(10))
    assert found.error == pytest.approx(math.sqrt(by_row.var(ddof=1) / 2))


def test_a_model_of_a_number_is_beside_the_mean_of_the_training_part(tmp_path: Path) -> None:
    (table,) = (table for table in number_tables(tmp_path, tmp_path / "absent") if table.name == "diabetes")
    split = split_table(table, 0, tmp_path / "split")
    found = Result.load(measure("default", split, tmp_path / "cache"))
    assert found.losses.shape == (round(0.15 * 442),)
    assert 40 < found.loss < 0.9 * split.prior < 90
    assert found.calibration_error == 0


def test_a_table_that_is_refused_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("a,label\n1,x\n2,y\n", encoding="utf-8")
    told = measure_table(Table("short", path, "label"), 1, tmp_path / "cache")
    assert "usable rows" in told["refused"]
    assert "files" not in told


def test_shipped_tables_stand_in_where_the_folder_is_absent(tmp_path: Path) -> None:
    found = tables(tmp_path / "made", tmp_path / "absent")
    assert [table.name for table in found] == list(SHIPPED)
    assert all(table.target in table.path.read_text(encoding="utf-8").splitlines()[0].split(",") for table in found)


def test_an_unknown_table_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert models.main(["--tables", "nowhere", "--cache", str(tmp_path)]) == 2
    assert "no such table: nowhere" in capsys.readouterr().err


@pytest.mark.skipif(not PEERS_PYTHON.exists(), reason="make setup-models installs LightGBM and CatBoost")
@pytest.mark.parametrize("name", PEERS)
def test_another_package_learns_the_same_rows(name: Name, tmp_path: Path) -> None:
    split = split_table(mixed_table(tmp_path), 0, tmp_path / "split")
    found = Result.load(measure(name, split, tmp_path / "cache"))
    assert 0 < found.loss < 1.1 * split.prior
    assert found.rounds >= 1


def test_useless_models_that_are_deployed_are_told() -> None:
    assert judge_useless(Useless(200, ["sonar, permutation 7"], 1, 0)).met is True
    found = judge_useless(Useless(100, ["sonar, permutation 7", "wine, permutation 8"], 1, 0))
    assert found.met is False
    assert found.value == "2 of 100 deployed: sonar, permutation 7, wine, permutation 8"


def test_a_permuted_table_has_the_same_labels_in_another_order_and_texts_at_random(tmp_path: Path) -> None:
    table = mixed_table(tmp_path)
    (folder := tmp_path / "permuted").mkdir()
    before, after = (
        [line.split(",") for line in one.path.read_text(encoding="utf-8").splitlines()[1:]]
        for one in (table, permuted.permuted(table, 3, folder))
    )
    assert [row[:3] for row in before] == [row[:3] for row in after]
    assert sorted(row[3] for row in before) == sorted(row[3] for row in after)
    assert [row[3] for row in before] != [row[3] for row in after]
    assert len({row[4] for row in after}) > permuted.LEVELS / 2
    assert {len(row[5].split()) for row in after} == {permuted.WORDS}


def test_models_of_permuted_labels_are_not_deployed_and_true_ones_are(tmp_path: Path) -> None:
    table = mixed_table(tmp_path)
    for number in range(5):
        (folder := tmp_path / str(number)).mkdir()
        split = split_table(permuted.permuted(table, number, folder), number, folder / "split")
        assert not permuted.is_deployed(split)
    assert permuted.is_deployed(split_table(table, 0, tmp_path / "split"))
