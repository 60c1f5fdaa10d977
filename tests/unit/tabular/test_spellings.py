"""Spellings of one category: named, and merged in recipe, file and records alike where the configuration says so."""

from __future__ import annotations

import math
import re
from itertools import compress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import FrequencyRankColumn, OneHotColumn, Recipe
from sluice.dataset.spellings import word_of
from tabular import validate_table
from tests.search import examples
from tests.shared import shared_case
from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table


def with_texts(texts: list[str], name: str = "x") -> str:
    rows = data_rows(len(texts))
    return table([f'{row},"{text}"' for row, text in zip(rows, texts, strict=True)], f"{HEADER},{name}")


def said(judged: Judged) -> list[tuple[str | None, str]]:
    return [(finding.column, finding.what) for finding in judged.report.findings if finding.rule.value == "spellings"]


def levels(judged: Judged, name: str) -> tuple[str, ...]:
    (column,) = [column for column in judged.recipe.columns if column.name == name]
    assert isinstance(column, OneHotColumn | FrequencyRankColumn)
    return column.levels


def test_six_categories_that_are_two_words_are_named_and_what_is_said_to_do_merges_them(judge: Judge) -> None:
    judged = judge(shared_case("categories_in_two_cases.csv"), target="label")
    ((column, what),) = said(judged)
    assert column == "gender"
    assert what.startswith("6 of its 6 categories are 2 words in several spellings (`FEMALE`, `Female`, `female`, ")
    for choice in (True, ["gender"]):
        merged = judge(shared_case("categories_in_two_cases.csv"), target="label", merge_spellings=choice)
        assert merged.report.verdict == "accepted"
        assert said(merged) == []
        assert levels(merged, "gender") == ("female", "male")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("Oslo", "OSLO", "Bergen"), ("bergen", "oslo")),
        (("New York", "new_york", "New-York", "Boston"), ("boston", "new york")),
        (("e-mail", "E mail", "phone"), ("e mail", "phone")),
        (("Z\u00fcrich", "Zu\u0308rich", "Bern"), ("bern", "z\u00fcrich")),
        (("covid-19", "COVID 19", "flu"), ("covid 19", "flu")),
    ],
)
def test_case_and_what_stands_between_words_do_not_tell_categories_apart(
    judge: Judge, texts: tuple[str, ...], words: tuple[str, ...]
) -> None:
    cells = [texts[i * 7 % len(texts)] for i in range(150)]
    assert len(said(judge(with_texts(cells)))) == 1
    merged = judge(with_texts(cells), merge_spellings=["x"])
    assert levels(merged, "x") == words
    assert said(merged) == []
    assert judge(with_texts([word_of(cell) for cell in cells])).report.warnings == ()


@pytest.mark.parametrize(
    "texts", [("a", "A", "b"), ("A", "A-", "A+"), ("10-20", "10 20", "x"), ("red", "blue"), ("C", "C#", "C++")]
)
def test_what_differs_in_more_is_not_called_a_spelling(judge: Judge, texts: tuple[str, ...]) -> None:
    assert said(judge(with_texts([texts[i * 7 % len(texts)] for i in range(150)]))) == []


def test_an_unknown_column_refuses_the_file(judge: Judge) -> None:
    judged = judge(with_texts(["red"] * 75 + ["blue"] * 75), merge_spellings=["colour"])
    assert judged.report.rules == ("merge_unknown",)


def test_a_missing_cell_is_decided_by_its_text_and_not_by_its_word(judge: Judge) -> None:
    judged = judge(
        with_texts([("Null", "null", "None", "none", "red")[i % 5] for i in range(150)]), merge_spellings=True
    )
    assert levels(judged, "x") == ("none", "null", "red")
    assert {column.name: column.missing for column in judged.report.columns}["x"] == 60


SPELLED = st.builds(
    lambda word, gap, change: change(word.replace(" ", gap)),
    st.sampled_from(
        [f"w{chr(97 + i)} {chr(97 + i % 5)}" for i in range(26)] + ["null", "none", "stra\u00dfe", "\u0130zmir"]
    ),
    st.sampled_from([" ", "_", "-", "  "]),
    st.sampled_from([str.lower, str.upper, str.title, str]),
)


@given(cells=st.lists(SPELLED, min_size=60, max_size=120), few=st.booleans())
@settings(max_examples=examples(15), deadline=None)
def test_spellings_are_merged_alike_in_a_file_and_in_a_record(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], few: bool
) -> None:
    texts = [cell[:2] if few else cell for cell in cells]
    folder: Path = tmp_path_factory.mktemp("spellings")
    path, out = folder / "table.csv", folder / "out"
    lines = [f"{i}.5,{text},{'ab'[i % 2]}" for i, text in enumerate(texts)]
    path.write_text("\n".join(["row,x,label", *lines]) + "\n", encoding="utf-8")
    config = DatasetConfig.model_validate({"merge_spellings": True})
    report = validate_table(path, name="t", config=config, default_target=None, out=out)
    assert report.verdict == "accepted", report.reasons
    recipe = Recipe.model_validate_json((out / "recipe.json").read_text(encoding="utf-8"))
    for part in ("train", "validation", "test"):
        for line in (out / part / f"{part}.csv").read_text(encoding="ascii").splitlines():
            _, row, *features = line.split(",")
            text = texts[int(float(row))]
            got = [float(cell) if cell else math.nan for cell in features]
            expected = recipe.column_numbers(recipe.columns[1], text)
            names = [feature.name for feature in recipe.features if feature.source == "x"]
            # The rates of a training row are those of the other folds.
            same = [part != "train" or "#rate" not in name for name in names]
            assert [*compress(got, same)] == pytest.approx([*compress(expected, same)], nan_ok=True)


@given(st.text(max_size=12))
def test_a_word_is_a_spelling_of_itself(text: str) -> None:
    word = word_of(text)
    assert word_of(word) == word
    assert not re.search(r"\s\s", word)
