"""The recipe applied column by column. That it makes what validation wrote is held by ``unit/tabular``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.raw_rows import MissingColumnError, apply_recipe, read_raw_rows
from sluice.dataset.recipe import DroppedColumn, NumberColumn, OneHotColumn, Recipe, Target

RECIPE = Recipe(
    target=Target(name="churn", classes=("no", "yes")),
    missing=("NA",),
    columns=(
        DroppedColumn(name="id", reason="is an identifier"),
        NumberColumn(name="age", integer=True),
        OneHotColumn(name="plan", levels=("basic", "gold")),
    ),
)


def test_cells_are_read_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'id,"a,b",churn\n007,NA,nan\n"1\r\n2",,"say ""x"""\n')
    rows = read_raw_rows(path)
    assert list(rows.columns) == ["id", "a,b", "churn"]
    assert rows.to_numpy().tolist() == [["007", "NA", "nan"], ["1\r\n2", "", 'say "x"']]


def test_a_recipe_of_another_table_takes_what_it_knows_and_counts_what_does_not_fit() -> None:
    rows = pd.DataFrame({"new": ["x"] * 4, "plan": ["gold", "NA", "silver", "basic"], "age": ["41", "old", "", "old"]})
    made = apply_recipe(RECIPE, rows)
    nan = np.nan
    np.testing.assert_array_equal(made.features, np.array([[41, 0, 1], [nan] * 3, [nan, 0, 0], [nan, 1, 0]]))
    assert made.features.dtype == np.float32
    assert made.misfits == {"age": 2}


def test_columns_that_are_not_there_are_named_together() -> None:
    with pytest.raises(MissingColumnError, match="no column `age`, `plan`") as error:
        apply_recipe(RECIPE, pd.DataFrame({"id": ["1"], "churn": ["no"]}))
    assert error.value.columns == ("age", "plan")


def test_no_rows_are_no_features() -> None:
    made = apply_recipe(RECIPE, pd.DataFrame({"age": [], "plan": []}, dtype=str))
    assert made.features.shape == (0, 3)
