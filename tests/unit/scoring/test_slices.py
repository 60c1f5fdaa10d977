from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.slices import MAX_VALUES, slice_results, slices_of


def named(cells: list[str], missing: list[str] | None = None) -> dict[str, int]:
    return {value: int(rows.sum()) for value, rows in slices_of(pd.Series(cells), missing or [])}


def test_a_slice_for_each_value_and_one_for_none() -> None:
    assert named(["f", "m", "f", "", "?"], ["?"]) == {"f": 2, "m": 1, "(no value)": 2}


def test_numbers_of_many_values_are_cut_into_ranges_that_hold_every_row_once() -> None:
    found = named([str(i) for i in range(100)] + ["NA"], ["NA"])
    assert sum(found.values()) == 101
    assert list(found) == ["0 to below 25", "25 to below 50", "50 to below 75", "75 to 99", "(no value)"]


def test_numbers_that_are_nearly_all_alike_make_fewer_ranges() -> None:
    found = named(["0"] * 1000 + [str(i) for i in range(1, 40)])
    assert sum(found.values()) == 1039


def test_texts_of_many_values_are_the_commonest_and_the_rest() -> None:
    cells = [f"v{i:02d}" for i in range(40) for _ in range(50 - i)]
    found = named(cells)
    assert len(found) == MAX_VALUES
    assert found["v00"] == 50
    assert found["(all others)"] == sum(50 - i for i in range(MAX_VALUES - 1, 40))


def test_slices_are_measured_as_all_rows_are() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(400)
    labels = (rng.random(400) < scores).astype(np.int64)
    rows = pd.DataFrame({"sex": np.where(np.arange(400) % 4 == 0, "f", "m"), "all": "x"})
    f, m, everyone = slice_results(labels, scores, 0.5, rows, ["sex", "all"], [])
    assert (f.rows, m.rows, everyone.rows) == (100, 300, 400)
    predicted = scores >= 0.5
    of_f = rows["sex"].to_numpy() == "f"
    assert f.metrics["accuracy"] == pytest.approx((predicted == labels)[of_f].mean())
    assert f.metrics["accuracy"] != m.metrics["accuracy"]
    assert set(f.intervals) == set(everyone.intervals)


def test_a_slice_of_one_class_says_so() -> None:
    rows = pd.DataFrame({"sex": ["f", "f", "m", "m"]})
    f, m = slice_results(np.array([1, 1, 0, 1]), np.array([0.9, 0.8, 0.1, 0.7]), 0.5, rows, ["sex"], [])
    assert f.remark is not None
    assert "one class" in f.remark
    assert f.metrics["accuracy"] == f.metrics["recall"] == f.metrics["precision"] == 1
    told = {"log_loss", "brier", "accuracy", "precision", "recall", "specificity", "f1"}
    assert f.metrics.keys() == told, "no areas, and neither balanced accuracy nor Matthews correlation"
    assert m.remark is None


def test_a_slice_that_is_all_wrong_is_seen_though_it_is_of_one_class() -> None:
    rows = pd.DataFrame({"sex": ["f"] * 40 + ["m"] * 40})
    labels = np.array([1] * 40 + [0, 1] * 20)
    scores = np.array([0.1] * 40 + [0.1, 0.9] * 20)
    f, _ = slice_results(labels, scores, 0.5, rows, ["sex"], [])
    assert (f.metrics["recall"], f.metrics["accuracy"]) == (0, 0)


def test_what_is_no_number_among_numbers_is_a_slice_of_its_own() -> None:
    found = named([str(i) for i in range(100)] + ["unknown"])
    assert found["(no number)"] == 1
    assert sum(found.values()) == 101
