from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice.dataset.config import ClassRules
from sluice.dataset.recipe import Recipe, Target
from sluice.monitoring.truth import Label
from tabular.labels import ReadLabels, Wanted, read_labels
from tests.live_model import RECIPE

ARRIVED = datetime(2026, 11, 30, 12, tzinfo=UTC)
CHURN = Wanted(RECIPE, "customer")
PRICE = Wanted(Recipe(target=Target(name="price", task="regression"), missing=("NA",), columns=()))


def read(folder: Path, content: str | bytes, wanted: Wanted = CHURN) -> ReadLabels:
    path = folder / "labels.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = ReadLabels()
    read_labels(path, folder, "labels/churn/june.csv", ARRIVED, wanted, found)
    return found


def test_labels_name_their_prediction_by_id_or_key_and_may_have_a_time(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "id,customer,at,churn,note\n"
        "p1,,,yes,x\n"
        ",C-1,2026-11-29,no,x\n"
        ",C-2,2026-11-29T10:00:00+02:00,yes,x\n"
        ",C-3,2026-11-29 10:00:00,yes,x\n",
    )
    assert found.labels == [
        Label("p1", None, None, "yes", ARRIVED, "labels/churn/june.csv", 0),
        Label(None, "C-1", datetime(2026, 11, 29, 23, 59, 59, 999999, UTC), "no", ARRIVED, "labels/churn/june.csv", 1),
        Label(None, "C-2", datetime(2026, 11, 29, 8, tzinfo=UTC), "yes", ARRIVED, "labels/churn/june.csv", 2),
        Label(None, "C-3", datetime(2026, 11, 29, 10, tzinfo=UTC), "yes", ARRIVED, "labels/churn/june.csv", 3),
    ]
    assert not found.set_aside


@pytest.mark.parametrize(
    "content",
    [
        "customer;churn\r\nC-1;yes\r\nC-2;no\r\n",
        '\ufeffcustomer\tchurn\n"C-1"\t yes \nC-2\tno\n',
        gzip.compress(b"customer,churn\nC-1,yes\nC-2,no\n", mtime=0),
        "customer,churn\nC-1,yes\nC-2,no\n".encode("utf-16"),
    ],
    ids=["semicolon", "tab and mark", "gzip", "UTF-16"],
)
def test_files_are_read_as_tables_are(tmp_path: Path, content: str | bytes) -> None:
    found = read(tmp_path, content)
    assert [(label.key, label.truth) for label in found.labels] == [("C-1", "yes"), ("C-2", "no")]


def test_what_predict_writes_is_a_file_of_labels_once_the_target_is_filled_in(tmp_path: Path) -> None:
    found = read(tmp_path, "age,churn,label,probability,prediction_id\n39,yes,no,0.2,p1\n40,,no,0.1,p2\n")
    assert [(label.id, label.truth) for label in found.labels] == [("p1", "yes")]
    assert found.blank == 1


def test_a_key_column_called_id_is_the_key(tmp_path: Path) -> None:
    found = read(tmp_path, "id,churn\n17,yes\n18,no\n", Wanted(RECIPE, "id"))
    assert [(label.id, label.key) for label in found.labels] == [(None, "17"), (None, "18")]


def test_bad_lines_are_set_aside_with_their_place_and_the_others_count(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "customer,at,churn\nC-1,,yes\nC-2,,maybe\nC-3,soon,no\nC-4,no\n,,no\nC-6,,NA\nC-7,,no\n",
    )
    assert [label.key for label in found.labels] == ["C-1", "C-7"]
    assert found.blank == 1
    assert sorted((one.line, one.column) for one in found.set_aside if one.line != 5) == [
        (3, "churn"),
        (4, "at"),
        (6, "customer"),
    ]
    (ragged,) = [one for one in found.set_aside if one.line == 5]
    assert "cells" in ragged.what
    assert not any(value in one.what for one in found.set_aside for value in ("maybe", "soon", "C-"))


def test_merged_labels_are_their_class(tmp_path: Path) -> None:
    rules = ClassRules(merge={"yes": ("left", "yes")})
    found = read(tmp_path, "customer,churn\nC-1,left\nC-2,no\nC-3,yes\n", Wanted(RECIPE, "customer", rules))
    assert [label.truth for label in found.labels] == ["yes", "no", "yes"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("p1;1.234,5\np2;0,5\n", [1234.5, 0.5]),
        ("p1;1234.5\np2;-2\n", [1234.5, -2]),
        ("p1;1 234,5\np2;7\n", [1234.5, 7]),
    ],
)
def test_numbers_are_read_in_the_notation_of_their_file(tmp_path: Path, rows: str, expected: list[float]) -> None:
    assert [label.truth for label in read(tmp_path, f"id;price\n{rows}", PRICE).labels] == expected


def test_what_is_no_number_is_set_aside(tmp_path: Path) -> None:
    rows = "".join(f"p{i},{i}.5\n" for i in range(20))
    found = read(tmp_path, f"id,price\n{rows}p98,dear\np99,inf\n", PRICE)
    assert len(found.labels) == 20
    assert [(one.line, one.column) for one in found.set_aside] == [(22, "price"), (23, "price")]
    assert found.set_aside[0].what == "it is no number; write one such as 12.5, or nothing if it is not known"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,churn\nx,yes\ny,no\n", "it needs the prediction's id in a column `id` or the key column `customer`"),
        ("id,age\nx,1\ny,2\n", "it has no column `churn`, the target; the columns are `id`, `age`."),
        ("id,churn,churn\nx,yes,no\ny,no,no\n", "the header has the column `churn` twice."),
        ("", "the file has no bytes"),
        (b"PK\x03\x04rest", "not CSV text"),
    ],
    ids=["no id and no key", "no target", "target twice", "empty", "zip"],
)
def test_a_file_that_cannot_hold_labels_is_refused_with_the_way_out(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    found = read(tmp_path, content)
    (refused,) = found.refused
    assert not found.labels
    assert said in refused.what
    assert refused.what.startswith("labels/churn/june.csv")
