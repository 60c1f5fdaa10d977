"""Which column is the target, and which of its labels is the positive one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from sklearn.metrics import log_loss

from tabular.findings import Rule
from tests.unit.tabular.conftest import HEADER, Judge, data_rows, table


def renamed(target: str) -> str:
    return table(header=HEADER.replace("label", target))


@pytest.mark.parametrize("name", ["target", "label", "class", "y", "Label", "Y"])
def test_a_target_named_by_convention_is_found(judge: Judge, name: str) -> None:
    assert judge(renamed(name)).report.target == name


def test_the_configured_target_wins_over_default_and_convention(judge: Judge) -> None:
    content = table([f"{row},{i % 2}" for i, row in enumerate(data_rows())], header=HEADER + ",won")
    assert judge(content, target="won", default_target="label").report.target == "won"
    assert judge(content, default_target="won").report.target == "won"
    assert judge(content).report.target == "label"


THREE_CLASSES = table([row.replace("no", "maybe") if i % 2 else row for i, row in enumerate(data_rows())])

REFUSED_TARGETS: dict[str, tuple[str, dict[str, Any], Rule, str]] = {
    "unnamed": (
        renamed("outcome"),
        {},
        Rule.TARGET_NOT_NAMED,
        "no target is named, and no column is named target or label or class or y; "
        "the columns are `age`, `city`, `note`, `score`, `outcome`. Say which column to predict: `target: <column>`",
    ),
    "unknown": (
        renamed("Churn"),
        {"target": "churn"},
        Rule.TARGET_UNKNOWN,
        "the target `churn` is not a column of the file; did you mean `Churn`? the columns are `age`, ",
    ),
    "default unknown": (table(), {"default_target": "won"}, Rule.TARGET_UNKNOWN, "the target `won` is not a column"),
    "two by convention": (
        table(header="y,city,note,score,label"),
        {},
        Rule.TARGET_AMBIGUOUS,
        "several columns could be the target: `y`, `label`.",
    ),
    "dropped": (table(), {"drop": ["label"]}, Rule.TARGET_DROPPED, "the target is listed under `drop`"),
    "dropped, with a blank": (
        table(),
        {"target": "label ", "drop": ["label"]},
        Rule.TARGET_DROPPED,
        "table.csv, column `label`: the target is listed under `drop`",
    ),
    "labels that are whole texts": (
        table([f"{row}{'x' * 1000}" for row in data_rows()]),
        {},
        Rule.LABEL_TOO_LONG,
        "has 1,002 characters; the maximum is 256",
    ),
    "drop unknown": (
        table(),
        {"drop": ["agee"]},
        Rule.DROP_UNKNOWN,
        "`drop` names `agee`, which the file does not have",
    ),
    "one class": (
        table([row.replace("yes", "no") for row in data_rows()]),
        {},
        Rule.TARGET_ONE_CLASS,
        "there is only one class, `no` (120 rows)",
    ),
    "labels that differ by case": (
        table([row.replace("no", "No") if i % 2 else row for i, row in enumerate(data_rows())]),
        {},
        Rule.LABELS_ALIKE,
        "its labels `No`, `no` look like one class written in 2 ways. Write each label in one way only, or merge",
    ),
    "labels that are the same number": (
        table([row.replace("no", "1" if i % 2 else "1.0") for i, row in enumerate(data_rows())]),
        {},
        Rule.LABELS_ALIKE,
        "look like one class written in 2 ways",
    ),
    "a positive one of three": (
        THREE_CLASSES,
        {"positive": "yes"},
        Rule.POSITIVE_OF_MANY,
        "`positive: yes` is set, but the target has 3 classes; it works for two only",
    ),
    "a quantity": (
        table(),
        {"target": "score"},
        Rule.TARGET_QUANTITY,
        "it has 120 different numbers, and classes may be 50 at most. To predict the number itself, set `task: regr",
    ),
    "many names": (
        table([f"{row[: row.rindex(',')]},name {i % 60}" for i, row in enumerate(data_rows(600))]),
        {},
        Rule.TARGET_MANY_CLASSES,
        "it has 60 different texts; Sluice predicts at most 50 classes",
    ),
    "a small class": (
        table([row.replace("yes", "no") if i > 26 else row for i, row in enumerate(data_rows())]),
        {},
        Rule.CLASS_TOO_SMALL,
        "class `yes` has 9 rows; 10 are needed",
    ),
    "positive unknown": (
        table(),
        {"positive": "Yes"},
        Rule.POSITIVE_UNKNOWN,
        "`positive: Yes` is not a label of the target; the labels are `no`, `yes`",
    ),
    "a class of one row over and over": (
        table([row if row.endswith("no") else "30,Oslo,x,1.5,yes" for row in data_rows()]),
        {},
        Rule.SPLIT_IMPOSSIBLE,
        "class `yes` has too few different rows",
    ),
}


def test_three_classes_are_numbered_by_their_text(judge: Judge) -> None:
    judged = judge(THREE_CLASSES)
    assert judged.report.verdict == "accepted", judged.report.reasons
    assert judged.report.classes == ("maybe", "no", "yes")
    labels = {line.split(",")[0] for line in (judged.out / "train" / "train.csv").read_text().splitlines()}
    assert labels == {"0", "1", "2"}


def test_labels_that_are_numbers_are_numbered_by_their_value(judge: Judge) -> None:
    rows = [f"{row.rpartition(',')[0]},{number}" for row, number in zip(data_rows(), [10, 9, 2] * 40, strict=True)]
    assert judge(table(rows)).report.classes == ("2", "9", "10")


@pytest.mark.parametrize("case", REFUSED_TARGETS)
def test_an_unusable_target_is_refused_with_the_way_out(judge: Judge, case: str) -> None:
    content, config, rule, said = REFUSED_TARGETS[case]
    judged = judge(content, **config)
    assert judged.report.rules == (rule,)
    assert said in judged.report.reasons[0]
    assert (judged.report.verdict, judged.report.rows.train) == ("rejected", 0)


@pytest.mark.parametrize(
    ("common", "rare", "classes"),
    [
        ("no", "yes", ("no", "yes")),
        ("1", "0", ("0", "1")),
        ("1", "-1", ("-1", "1")),
        ("1.0", "0.0", ("0.0", "1.0")),
        ("1", "2", ("1", "2")),
        ("2", "1", ("2", "1")),
        ("TRUE", "FALSE", ("FALSE", "TRUE")),
        ("good", "bad", ("good", "bad")),
        ("<=50K", ">50K", ("<=50K", ">50K")),
        ("it's", 'a "b"', ("it's", 'a "b"')),
    ],
)
def test_the_positive_class_says_yes_or_is_the_rarer(
    judge: Judge, common: str, rare: str, classes: tuple[str, str]
) -> None:
    quoted = rare.replace('"', '""')
    rows = [row.rsplit(",", 1)[0] + (f',"{quoted}"' if row.endswith("yes") else f",{common}") for row in data_rows()]
    judged = judge(table(rows))
    assert judged.report.classes == classes
    assert judged.recipe.target.classes == classes
    totals = {label: sum(counts[label] for counts in judged.report.class_counts.values()) for label in classes}
    assert totals == {common: 80, rare: 40}


def test_the_configured_positive_class_is_class_one(judge: Judge) -> None:
    judged = judge(table(), positive="no")
    assert judged.report.classes == ("yes", "no")
    assert sum(row[0] == "1" for row in judged.rows()) == 80


def test_the_prior_is_the_training_shares_scored_on_the_test_labels(judge: Judge) -> None:
    judged = judge(table(data_rows(400)))
    train = [int(row[0]) for row in judged.part("train")]
    test = [int(row[0]) for row in judged.part("test")]
    share = sum(train) / len(train)
    expected = log_loss(test, [share] * len(test), labels=[0, 1])
    assert judged.report.prior_log_loss is not None
    assert math.isclose(judged.report.prior_log_loss, expected, rel_tol=1e-9)


@pytest.mark.parametrize("word", ["-", "None"])
def test_a_label_that_counts_as_missing_is_named_with_the_way_out(judge: Judge, word: str) -> None:
    rows = [f"{row.rpartition(',')[0]},{word if row.endswith('no') else '+'}" for row in data_rows()]
    judged = judge(table(rows))
    assert judged.report.rules == (Rule.TOO_MANY_REJECTED,)
    said = (
        f"table.csv, line 3, column `label`: the label is missing: `{word}` counts as no value (and 79 more like it). "
    )
    assert judged.report.reasons[1].startswith(said)
    assert "set `missing` in config.yaml without it" in judged.report.reasons[1]
    assert set(judge(table(rows), missing=["", "NA"]).report.classes) == {word, "+"}


def test_long_names_do_not_swell_the_answer(judge: Judge) -> None:
    names = ",".join(f"{i}{'n' * 9000}" for i in range(39))
    report = judge(table([",".join("1" * 39)] * 60, names)).report
    assert report.rules == (Rule.HEADER_TOO_LONG,)
    assert sum(len(reason) for reason in report.reasons) < 1000
    names = ",".join(f"{i}{'n' * 250}" for i in range(39))
    report = judge(table([",".join(f"{r + i}" for i in range(39)) for r in range(60)], names)).report
    assert report.rules == (Rule.TARGET_NOT_NAMED,)
    assert sum(len(reason) for reason in report.reasons) < 4000


def test_a_column_name_of_two_lines_is_told_on_one(judge: Judge) -> None:
    rows = [f"{row},16777217" if i == 5 else f"{row},{i % 9}" for i, row in enumerate(data_rows())]
    (warning,) = judge(table(rows, HEADER + ',"a\nb"')).report.warnings
    assert warning.startswith("table.csv, column `a\\nb`: its whole numbers")
