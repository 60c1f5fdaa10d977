"""No training/serving skew: the files that the engine makes hold the numbers that ``Recipe.apply`` makes."""

from __future__ import annotations

import csv
import datetime
import io
import math
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.raw_rows import apply_recipe, read_raw_rows
from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import Recipe
from tabular import validate_table
from tests.search import examples

BLANKS = st.sampled_from(["", " ", "NA", " ? ", "\u00a0"])
NUMBERS = st.one_of(
    st.floats(-1e30, 1e30).map(repr),
    st.integers(-(10**14), 10**14).map(str),
    st.sampled_from(["+5", ".5", "5.", "-0", "1E3", "1e-400", "007", " 3 ", "-.5e-3", "123456789012345678"]),
)
NOTATIONS = [(".", ","), ("\u202f", ","), (",", "."), (" ", "."), ("\u2019", ".")]


def written(number: int, thousands: str, point: str) -> str:
    """A number such as -1.234.567,89 by its separators, in one of the ways that files have."""
    number, way = divmod(number, 5)
    sign = ("", "-", "+")[number % 3]
    whole = f"{number:,}".replace(",", thousands)
    return (
        sign
        + (
            f"{whole}{point}{number % 997}",
            f"{number}{point}{number % 97}",
            whole,
            f"{point}{number:05d}",
            f"{number % 1000}{point}5e{number % 40 - 20}",
        )[way]
    )


INTEGERS = st.one_of(st.integers(-(10**6), 10**6).map(str), st.sampled_from(["+7", "-0", "007", " 4"]))
WORDS = st.text(alphabet=st.sampled_from(list("abé,;\"'\n x")), min_size=1, max_size=3)
FLAGS = st.sampled_from(["yes", "No", "YES ", "no"])
DATES = st.dates(datetime.date(1000, 1, 1), datetime.date(2999, 12, 31)).map(str)
TIMES = st.tuples(DATES, st.times()).map(lambda moment: f"{moment[0]}T{moment[1].isoformat()}")
CLOCKS = ("{0:%H:%M}", "{0:%H:%M:%S.%f}", "{1}:{0:%M:%S} {0:%p}", "{1} {0:%p}")
COLUMNS = {
    "number": NUMBERS,
    "integer": INTEGERS,
    "few": st.sampled_from(["red", "Red", " blue", "it's", '"q"']),
    "many": WORDS,
    "flag": FLAGS,
    "date": DATES,
    "time": st.one_of(TIMES, DATES),
}
DATE_FORMS = (
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d-%b-%Y %I:%M %p",
    "%B %d, %Y, %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S -0330",
    "%a %b %d %H:%M:%S %Y",
    "%Y-%m-%dT%H:%M:%S+02:00",
    "%b %Y",
    "%G-W%V",
)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows with each kind of column; labels in turn, so that both classes are large enough."""
    rows = draw(st.integers(50, 70))
    cells = {
        name: draw(st.lists(st.one_of(values, values, values, BLANKS), min_size=rows, max_size=rows))
        for name, values in COLUMNS.items()
    }
    separators = draw(st.sampled_from(NOTATIONS))
    numbers = draw(st.lists(st.integers(0, 10**10), min_size=rows, max_size=rows))
    cells["noted"] = [written(number, *separators) for number in numbers]
    form = draw(st.sampled_from(DATE_FORMS))
    moments = st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(2999, 12, 31))  # noqa: DTZ001
    days = draw(st.lists(moments, min_size=rows, max_size=rows))
    # From the 13th on, so that the day is told from the month.
    cells["formed"] = [one.replace(day=13 + one.day % 15).strftime(form) for one in days]
    cells["of day"] = [CLOCKS[one.second % 4].format(one, one.hour % 12 or 12) for one in days]
    cells["noted integer"] = [f"{number:,}".replace(",", separators[0]) for number in numbers]
    return [{name: column[i] for name, column in cells.items()} | {"label": "ab"[i % 2]} for i in range(rows)]


@given(tables())
@settings(max_examples=examples(30), deadline=None)
def test_the_engine_and_python_make_the_same_numbers_of_every_row(table: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["row", *table[0]], lineterminator="\n")
    writer.writeheader()
    # The row's number as a fraction comes first, so that each row of the parts is known again.
    records = [{"row": f"{i * 37 % 101}.5"} | row for i, row in enumerate(table)]
    writer.writerows(records)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "table.csv", Path(folder) / "out"
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        report = validate_table(
            path, name="table.csv", config=DatasetConfig.model_validate({}), default_target=None, out=out
        )
        assert report.verdict == "accepted", report.reasons
        assert report.rows.rejected == 0
        recipe = Recipe.model_validate_json((out / "recipe.json").read_text(encoding="utf-8"))
        by_row = {float(record["row"]): record for record in records}
        # The held-out rows' own cells become the test part, too, column by column.
        rows = read_raw_rows(out / "held_out" / "rows.csv")
        lines = (out / "test" / "test.csv").read_text(encoding="ascii").splitlines()
        tested = np.array([[float(cell or "nan") for cell in line.split(",")] for line in lines], np.float32)
        made = apply_recipe(recipe, rows)
        single = [recipe.apply(dict(zip(rows.columns, row, strict=True))) for row in rows.to_numpy().tolist()]
        assert made.misfits == {}
        np.testing.assert_array_equal(made.features, tested[:, 1:])
        np.testing.assert_array_equal(made.features, np.array(single, np.float32))
        assert [recipe.class_number(label) for label in rows["label"]] == tested[:, 0].tolist()
        written = 0
        for part in ("train", "validation", "test"):
            for line in (out / part / f"{part}.csv").read_text(encoding="ascii").splitlines():
                label, *features = (float(cell) if cell else math.nan for cell in line.split(","))
                record = by_row[features[0]]
                expected = recipe.apply(record)
                assert label == recipe.class_number(record["label"])
                assert len(features) == len(expected)
                for feature, got, wanted in zip(recipe.features, features, expected, strict=True):
                    if part == "train" and "#rate" in feature.name:
                        continue  # those of the other folds, see test_target_rates.py
                    assert got == wanted or (math.isnan(got) and math.isnan(wanted)), (record, got, wanted)
                written += 1
        assert written == len(records)
