"""Free text is told by its words, however often it repeats; categories of several words are not."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabular.free_text import wording
from tests.search import examples
from tests.shared import shared_case, shared_table
from tests.unit.tabular.conftest import HEADER, Judge, data_rows, table
from tests.unit.tabular.test_fit import use, with_column

WORDS: Final = {
    "english": "the parcel came late and box was open again I never order it slow but support very kind price",
    "german": "das Paket kam zu spät und war offen ich bestelle dort nie wieder aber der Kundendienst hat",
    "russian": "посылка пришла поздно и коробка была открыта я больше не закажу но поддержка очень быстро",
    "arabic": "وصل الطرد متأخرا وكان الصندوق مفتوحا لن أطلب مرة أخرى لكن الدعم كان سريعا جدا",
}
CHINESE: Final = "包裹来得太晚盒子打开了我再也不会订购但是客服很快价格好质量差非常满意"
JAPANESE: Final = "荷物がとても遅く届きました箱は開いていたもう注文しないでもサポートは速かった"

type Draw = random.Random


def spaced(language: str) -> Callable[[Draw], str]:
    return lambda draw: " ".join(draw.choices(WORDS[language].split(), k=draw.randint(5, 14)))


def unspaced(characters: str) -> Callable[[Draw], str]:
    return lambda draw: "".join(draw.choices(characters, k=draw.randint(12, 40))) + "。"


def name_of(words: list[str], count: int) -> Callable[[Draw], str]:
    return lambda draw: " ".join(word.title() for word in draw.choices(words, k=count))


SENTENCES: Final[dict[str, Callable[[Draw], str]]] = {
    **{language: spaced(language) for language in WORDS if language != "arabic"},
    "arabic": lambda draw: spaced("arabic")(draw) + ".",
    "chinese": unspaced(CHINESE),
    "japanese": unspaced(JAPANESE),
    "short sentences": lambda draw: " ".join(draw.choices(WORDS["english"].split(), k=draw.randint(4, 6))) + "!",
    "with numbers": lambda draw: (
        f"order {draw.randint(1, 99)}: " + " ".join(draw.choices(WORDS["english"].split(), k=20))
    ),
}
_PLACE_NAMES: Final = "North South Lake Green Old New Saint Upper Hill Park West Bridge Valley Market"
_PLACES: Final = _PLACE_NAMES.split()
CATEGORIES: Final[dict[str, Callable[[Draw], str]]] = {
    "cities": name_of(_PLACES, 2),
    "job titles": lambda draw: (
        f"{draw.choice(['Senior', 'Junior', 'Chief'])} {draw.choice(_PLACES)} engineer, {draw.choice(_PLACES).lower()}"
    ),
    "product names": lambda draw: (
        f"{draw.choice(_PLACES)} {draw.choice(_PLACES)} Pro {draw.randint(1, 15)} with {2 ** draw.randint(4, 9)} GB"
    ),
    "addresses": lambda draw: (
        f"{draw.randint(1, 99)} {draw.choice(_PLACES)} Road, {draw.choice(_PLACES)} {draw.randint(10, 99)}"
    ),
    "companies": lambda draw: f"{draw.choice(_PLACES)}, {draw.choice(_PLACES)} and {draw.choice(_PLACES)} Ltd",
    "chinese companies": lambda draw: "".join(draw.choices("华东信息科技传媒网络", k=4)) + "有限公司",
    "codes": lambda draw: f"{draw.choice('ABCDEFG')}{draw.randint(100, 260)}",
}


def cells(make: Callable[[Draw], str], seed: int, rows: int, repeated: float) -> list[str]:
    """Cells of which a share repeats an earlier one."""
    draw = random.Random(seed)  # noqa: S311 - a table, no secret
    found: list[str] = []
    for _ in range(rows):
        found.append(draw.choice(found) if found and draw.random() < repeated else make(draw))
    return found


def written(name: str, column: list[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEADER.split(","), name])
    writer.writerows([*row.split(","), cell] for row, cell in zip(data_rows(len(column)), column, strict=True))
    return text.getvalue()


@pytest.mark.parametrize("kind", SENTENCES)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(150, 500),
    repeated=st.sampled_from([0.0, 0.1, 0.3]),
    name=st.sampled_from(["text", "review", "x", "Bemerkung", "コメント"]),
)
@settings(max_examples=examples(3), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sentences_are_free_text_though_some_repeat(
    judge: Judge, kind: str, seed: int, rows: int, repeated: float, name: str
) -> None:
    found = use(judge(written(name, cells(SENTENCES[kind], seed, rows, repeated))), name)
    assert found[0] == "dropped"
    assert found[1] is not None
    assert found[1].startswith("is free text: about ")


@pytest.mark.parametrize("kind", CATEGORIES)
@given(seed=st.integers(0, 10**6), rows=st.integers(300, 500), repeated=st.sampled_from([0.2, 0.4, 0.7]))
@settings(max_examples=examples(3), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_categories_of_several_words_are_ranked(judge: Judge, kind: str, seed: int, rows: int, repeated: float) -> None:
    found = use(judge(written("x", cells(CATEGORIES[kind], seed, rows, repeated))), "x")
    assert found == ("frequency_rank", None)


def test_long_texts_that_repeat_as_categories_do_are_ranked(judge: Judge) -> None:
    texts = cells(SENTENCES["english"], 1, 60, 0.0)
    assert use(judge(with_column("x", [texts[i * 7 % 60] for i in range(600)])), "x") == ("frequency_rank", None)


def test_few_long_texts_are_categories(judge: Judge) -> None:
    answers = ["I agree with all of it.", "I agree with most of it.", "I do not agree with it at all."]
    assert use(judge(with_column("x", [answers[i % 3] for i in range(120)])), "x")[0] == "one_hot"


def test_codes_and_names_that_hardly_repeat_are_not_called_free_text(judge: Judge) -> None:
    for kind in ("cities", "codes"):
        column = [f"{cell} {i}" for i, cell in enumerate(cells(CATEGORIES[kind], 1, 200, 0.0))]
        reason = use(judge(with_column("x", column)), "x")[1]
        assert reason == "is an identifier or free text: nearly every row has a value of its own"


def test_words_are_counted_in_scripts_without_blanks() -> None:
    assert wording(pl.Series(["今天天气很好我们去公园", "他昨天没有来上班"])).words == pytest.approx(1 + 19 / 2 / 1.6)
    assert wording(pl.Series(["one two three", "four"])).words == 2


@pytest.mark.parametrize("name", ["text_with_duplicates.csv", "two_columns_text.csv"])
def test_a_file_of_nothing_but_free_text_is_refused_with_that_reason(judge: Judge, name: str) -> None:
    judged = judge(shared_case(name))
    assert judged.report.rules == ("no_features",)
    assert "no column is left to predict from: `text` was left out as free text: about 1" in judged.report.reasons[0]
    (text,) = (column for column in judged.report.columns if column.name == "text")
    assert text.use is None
    assert text.reason is not None
    assert text.reason.startswith("is free text: ")


@pytest.mark.parametrize("name", ["text_with_duplicates.csv", "two_columns_text.csv"])
def test_a_column_of_categories_beside_the_text_is_a_way_out(judge: Judge, tmp_path: Path, name: str) -> None:
    header, *rows = shared_case(name).read_text(encoding="utf-8").splitlines()
    more = "\n".join([f"shop,{header}", *(f"{'abc'[i * 7 % 3]},{row}" for i, row in enumerate(rows))]) + "\n"
    judged = judge(more)
    assert judged.report.verdict == "accepted"
    assert use(judged, "text")[0] == "dropped"


def test_a_refusal_says_why_each_column_was_left_out(judge: Judge) -> None:
    rows = [f"same,{i * 7919 % 10007},{'yes' if i % 2 else 'no'}" for i in range(100)]
    judged = judge(table(rows, "k,customer_id,label"))
    assert judged.report.rules == ("no_features",)
    assert (
        "`k` was left out because it has the same value in every row; `customer_id` was left out because it is an "
        "identifier" in judged.report.reasons[0]
    )


def test_reasons_stand_beside_any_other_refusal_too(judge: Judge) -> None:
    rows = [f"same,{20 + i % 30},{'yes' if i < 3 else 'no'}" for i in range(100)]
    judged = judge(table(rows, "k,n,label"), drop=["n"])
    assert judged.report.rules != ("no_features",)
    assert [column.reason for column in judged.report.columns] == [
        "has the same value in every row",
        "listed under `drop` in config.yaml",
        None,
    ]


def test_identifiers_of_a_refused_file_have_their_reasons(judge: Judge) -> None:
    rows = [f"{1 + i * 7 % 300},{i // 4 * 31 % 101},{20 + i % 31},{'no' if i % 3 else 'yes'}" for i in range(300)]
    rows[5:8] = [f"{line.rpartition(',')[0]}," for line in rows[5:8]]
    judged = judge(table(rows, "shuffled,patient_id,n,label"), max_rejected_share=0.001)
    assert judged.report.rules == ("too_many_rejected",)
    reasons = {column.name: column.reason for column in judged.report.columns}
    assert reasons["shuffled"] == "is an index of the rows"
    assert (reasons["patient_id"] or "").startswith("is an identifier")
    assert reasons["n"] is None


@pytest.mark.longer
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("adult.csv", "income"),
        ("telco-customer-churn.csv", "Churn"),
        ("tables/taxis_pay.csv", "payment"),
        ("tables/income9.csv", "INCOME"),
        ("tables/bank_churn.csv", "Exited"),
        ("tables/mushrooms.csv", "type"),
        ("tables/diamonds_cut.csv", "cut"),
    ],
)
@pytest.mark.parametrize("rows", [400, 4000])
def test_no_column_of_the_real_tables_is_called_free_text(judge: Judge, name: str, target: str, rows: int) -> None:
    lines = shared_table(name).read_text(encoding="utf-8").splitlines()
    step = max(1, len(lines) // rows)
    judged = judge("\n".join([lines[0], *lines[1::step]]) + "\n", target=target)
    assert judged.report.columns
    assert [column.name for column in judged.report.columns if (column.reason or "").startswith("is free")] == []
