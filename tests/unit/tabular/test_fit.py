"""What happens to each kind of column, and why some are left out."""

from __future__ import annotations

import datetime
import random

import pytest

from sluice.dataset.recipe import DateColumn, FrequencyRankColumn, NumberColumn
from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table


def with_column(name: str, cells: list[str]) -> str:
    return table([f"{row},{cell}" for row, cell in zip(data_rows(len(cells)), cells, strict=True)], f"{HEADER},{name}")


def use(judged: Judged, name: str) -> tuple[str, str | None]:
    (column,) = [column for column in judged.report.columns if column.name == name]
    return str(column.use), column.reason


def test_text_that_differs_in_nearly_every_row_is_dropped(judge: Judge) -> None:
    judged = judge(with_column("code", [f"C-{i * 7919 % 10007}" for i in range(200)]))
    assert use(judged, "code") == ("dropped", "is an identifier or free text: nearly every row has a value of its own")


def test_different_whole_numbers_are_dropped_where_their_name_says_identifier(judge: Judge) -> None:
    numbers = [str(i * 7919 % 10007) for i in range(200)]
    for name in ("id", "customer_id", "customerID", "User Id", "index"):
        kind, reason = use(judge(with_column(name, numbers)), name)
        assert (kind, reason) == (
            "dropped",
            "is an identifier: whole numbers, every one different, and its name says so",
        )
    for name in ("paid", "grid", "amount", "humidity"):
        assert use(judge(with_column(name, numbers)), name) == ("number", None)


def test_row_numbers_are_dropped_even_with_rows_set_aside(judge: Judge) -> None:
    rows = [f"{i + 1000},{row}" for i, row in enumerate(data_rows(400))]
    rows[100], rows[200] = "1100,30,Oslo", "1200,30,Oslo,x,bad,no"
    judged = judge(table(rows, "n," + HEADER))
    assert judged.report.rows.rejected == 2
    assert use(judged, "n") == ("dropped", "counts the rows of the file")


def test_constant_and_empty_columns_are_dropped(judge: Judge) -> None:
    assert use(judge(with_column("k", ["same"] * 120)), "k") == ("dropped", "has the same value in every row")
    assert use(judge(with_column("k", ["3.0"] * 120)), "k") == ("dropped", "has the same value in every row")
    assert use(judge(with_column("k", ["NA", ""] * 60)), "k") == ("dropped", "has no values")


def test_one_value_with_blanks_is_kept_since_the_blanks_say_something(judge: Judge) -> None:
    assert use(judge(with_column("k", ["same", ""] * 60)), "k") == ("one_hot", None)


def test_a_copy_of_the_target_is_dropped_with_a_warning(judge: Judge) -> None:
    judged = judge(with_column("left", ["gone" if row.endswith("yes") else "here" for row in data_rows()]))
    assert use(judged, "left") == ("dropped", "says the same as the target `label` in every row (leakage)")
    assert judged.report.warnings[0].startswith(
        "table.csv, column `left`: it says the same as the target `label` in every row, so it was left out"
    )


def test_nothing_left_to_learn_from_is_refused(judge: Judge) -> None:
    rows = [f"same,{'yes' if i % 2 else 'no'},{i}" for i in range(100)]
    assert judge(table(rows, "k,label,id")).report.rules == ("no_features",)


def test_dropped_by_configuration_means_not_even_checked(judge: Judge) -> None:
    cells = ["1"] * 120
    cells[7] = "bad"
    judged = judge(with_column("extra", cells), drop=["extra"])
    assert use(judged, "extra") == ("dropped", "listed under `drop` in config.yaml")
    assert judged.report.rows.rejected == 0


def test_words_for_yes_and_no_become_one_number(judge: Judge) -> None:
    for pair in (("true", "false"), ("Yes", "No"), ("T", "F"), ("y", "n"), ("on", "OFF")):
        judged = judge(with_column("flag", [pair[i % 5 % 2] for i in range(120)]))
        assert use(judged, "flag") == ("boolean", None)


def test_words_of_two_pairs_are_categories(judge: Judge) -> None:
    assert use(judge(with_column("flag", ["n", "f", "n"] * 40)), "flag") == ("one_hot", None)


def test_a_time_of_day_gives_the_hour(judge: Judge) -> None:
    dates = [f"2024-03-{1 + i % 28:02d}" for i in range(120)]
    assert "when.hour" not in [f.name for f in judge(with_column("when", dates)).recipe.features]
    times = [f"{date}T{i % 24:02d}:30:00" for i, date in enumerate(dates)]
    assert "when.hour" in [f.name for f in judge(with_column("when", times)).recipe.features]


def test_many_levels_are_ranked_by_frequency_in_the_training_part(judge: Judge) -> None:
    cities = [f"city{i % 40 if i % 3 else i % 7}" for i in range(600)]
    judged = judge(with_column("town", cities))
    (column,) = [column for column in judged.recipe.columns if column.name == "town"]
    assert isinstance(column, FrequencyRankColumn)
    at = 1 + [feature.source for feature in judged.recipe.features].index("town")
    counts = [0] * (len(column.levels) + 1)
    for row in judged.part("train"):
        counts[int(row[at]) - 1] += 1
    assert counts == sorted(counts, reverse=True)
    assert len(column.levels) == 40


def test_levels_come_from_the_training_part_alone(judge: Judge) -> None:
    cells = ["rare" if i == 0 else "abc"[i % 3] for i in range(150)]
    seen = set()
    for seed in range(12):
        judged = judge(with_column("kind", cells), split={"seed": seed})
        (column,) = [column for column in judged.recipe.columns if column.name == "kind"]
        assert column.kind == "one_hot"
        at = 1 + [feature.name for feature in judged.recipe.features].index("kind=a")
        without = [row for row in judged.part("train") if row[at : at + 3] == ["0", "0", "0"]]
        assert ("rare" in column.levels) == bool(without)
        seen.add("rare" in column.levels)
    assert seen == {True, False}, "the seeds put the row both into and out of the training part"


def test_hundreds_of_categories_stay_one_feature_each(judge: Judge) -> None:
    width, letters = 260, random.Random(3)  # noqa: S311 - a table, no secret
    names = ",".join(f"f{i}" for i in range(width))
    rows = [",".join(letters.choices("abcdefghij", k=width)) + f",{r % 2}" for r in range(100)]
    judged = judge(table(rows, names + ",label"))
    assert judged.report.verdict == "accepted"
    assert {column.use for column in judged.report.columns} == {"frequency_rank", "target"}
    assert judged.report.features == width
    assert {len(row) for row in judged.rows()} == {1 + width}


def test_identifiers_of_any_length_and_notation_are_dropped(judge: Judge) -> None:
    numbers = [10**17 + i * 7919 % 10007 for i in range(200)]
    assert use(judge(with_column("customer_id", [str(n) for n in numbers])), "customer_id")[0] == "dropped"
    assert use(judge(with_column("customer_id", [f'"{n:,}"' for n in numbers])), "customer_id")[0] == "dropped"
    rising = judge(with_column("n", [str(10**17 + i) for i in range(200)]))
    assert use(rising, "n")[0] == "dropped"


def test_long_whole_numbers_that_are_kept_are_warned_of(judge: Judge) -> None:
    judged = judge(with_column("amount", [str(10 ** (15 + i // 3 % 3) + i * 7919 % 10007) for i in range(200)]))
    assert use(judged, "amount") == ("number", None)
    assert "column `amount`: its whole numbers go up to 100,000,000,000,0" in judged.report.warnings[0]


def labels(yes: str, no: str, rows: int = 120) -> list[str]:
    return [yes if row.endswith("yes") else no for row in data_rows(rows)]


def test_a_copy_of_the_target_is_seen_through_case_number_format_and_a_blank(judge: Judge) -> None:
    cased = labels("gone", "here")
    cased[3:6] = [word.upper() for word in cased[3:6]]
    assert use(judge(with_column("left", cased)), "left")[0] == "dropped"
    numbers = labels("1", "0")
    numbers[3:6] = [f"{number}.0" for number in numbers[3:6]]
    assert use(judge(with_column("left", numbers)), "left")[0] == "dropped"
    blank = labels("gone", "here")
    blank[4] = ""
    judged = judge(with_column("left", blank))
    assert use(judged, "left")[1] == ("says the same as the target `label` in all rows but 1 without a value (leakage)")
    assert use(judge(with_column("left", labels("2024-01-01", ""))), "left")[0] == "dropped"


def test_a_column_that_is_mostly_empty_in_both_classes_is_no_copy(judge: Judge) -> None:
    cells = [cell if i % 4 else "" for i, cell in enumerate(labels("gone", "here"))]
    assert use(judge(with_column("left", cells)), "left") == ("one_hot", None)
    sparse = [cell if i % 4 else "" for i, cell in enumerate(labels("gone", ""))]
    assert use(judge(with_column("left", sparse)), "left") == ("one_hot", None)


def test_a_copy_of_many_classes_is_one_in_all_of_them(judge: Judge) -> None:
    rows = [f"{row.rpartition(',')[0]},{'abc'[i * 7 % 3]}" for i, row in enumerate(data_rows(210))]
    copied = [f"{row},{row[-1].upper()}{row[-1]}" for row in rows]
    assert use(judge(table(copied, f"{HEADER},kind")), "kind")[0] == "dropped"
    partly = [f"{row},{row[-1] if row[-1] != 'c' else 'cd'[i % 2]}" for i, row in enumerate(rows)]
    assert use(judge(table(partly, f"{HEADER},kind")), "kind") == ("one_hot", None)


def test_the_columns_of_a_wide_table_share_the_levels_that_are_ranked(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabular.fit.MAX_RANKED_LEVELS_IN_ALL", 400)
    towns = ",".join(f"town{i}" for i in range(10))
    rows = [f"{row},{','.join(f't{(r * 31 + i) % 100}' for i in range(10))}" for r, row in enumerate(data_rows(600))]
    ranked = [column for column in judge(table(rows, f"{HEADER},{towns}")).recipe.columns if column.name[:4] == "town"]
    assert [len(column.levels) for column in ranked if isinstance(column, FrequencyRankColumn)] == [40] * 10
    monkeypatch.setattr("tabular.fit.MAX_RANKED_LEVELS_IN_ALL", 10)
    ranked = [column for column in judge(table(rows, f"{HEADER},{towns}")).recipe.columns if column.name[:4] == "town"]
    assert [len(column.levels) for column in ranked if isinstance(column, FrequencyRankColumn)] == [21] * 10


def test_the_recipe_has_the_range_of_the_training_part_and_of_it_alone(judge: Judge) -> None:
    days = [f"2024-{1 + i % 12:02d}-{1 + i * 7 % 28:02d}" for i in range(200)]
    judged = judge(with_column("seen", days))
    score, seen = (column for column in judged.recipe.columns if column.name in ("score", "seen"))
    assert isinstance(score, NumberColumn)
    assert isinstance(seen, DateColumn)
    names = [feature.name for feature in judged.recipe.features]
    train = judged.part("train")
    numbers = [float(row[1 + names.index("score")]) for row in train if row[1 + names.index("score")]]
    assert (score.minimum, score.maximum) == (min(numbers), max(numbers))
    parts = [names.index(f"seen.{part}") + 1 for part in ("year", "month", "day")]
    dates = [datetime.date(*(int(row[at]) for at in parts)) for row in train]
    assert (seen.minimum, seen.maximum) == (min(dates), max(dates))


def test_a_range_knows_nothing_of_the_held_out_rows(judge: Judge) -> None:
    rows = data_rows(400)
    beyond = judge(with_column("order", [str(i) + ".5" for i in range(400)]), split={"by_time": "order"})
    (order,) = (column for column in beyond.recipe.columns if column.name == "order")
    assert isinstance(order, NumberColumn)
    assert order.maximum is not None
    assert order.maximum < len(rows) - 60


def test_the_recipe_says_where_it_does_not_list_all_levels(judge: Judge) -> None:
    cells = [f"v{i % 1100}" for i in range(2600)]
    (many,) = (column for column in judge(with_column("many", cells)).recipe.columns if column.name == "many")
    (some,) = (
        column
        for column in judge(with_column("some", [f"v{i % 30}" for i in range(200)])).recipe.columns
        if column.name == "some"
    )
    assert isinstance(many, FrequencyRankColumn)
    assert isinstance(some, FrequencyRankColumn)
    assert (many.all_listed, some.all_listed) == (False, True)
