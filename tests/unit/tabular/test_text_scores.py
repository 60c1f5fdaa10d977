"""Scores of free texts: no training row says its own label, and a record has the numbers of its row in a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import fmean
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.recipe import DroppedColumn, Recipe, TextScoreColumn
from sluice.dataset.texts import MAX_TEXT_CHARACTERS, terms_of
from tabular import text_scores
from tabular.target_rates import FOLDS
from tabular.text_scores import MIN_ROWS, SMOOTHING
from tabular.validate import _Validation
from tests.search import examples
from tests.unit.tabular.test_target_rates import Row, folds_of, judged

PLAIN: Final = (
    "the",
    "parcel",
    "box",
    "order",
    "phone",
    "came",
    "was",
    "is",
    "had",
    "we",
    "it",
    "with",
    "from",
    "for",
    "our",
)
GOOD: Final = ("fine", "quick", "friendly", "great", "whole")
BAD: Final = ("broken", "late", "rude", "torn", "lost")
PLAIN_HAN: Final = "我们的包裹今天从商店送来这个盒子是一"
GOOD_HAN, BAD_HAN = "好快美", "坏慢破"


def remarks(rows: int = 400, share: float = 0.8, seed: int = 0) -> list[Row]:
    """Remarks of which a share has words of the row's label, and a few that are missing."""
    random = np.random.default_rng(seed)
    made: list[Row] = []
    for i in range(rows):
        label = int(random.integers(2))
        known = (GOOD, BAD)[label if random.random() < share else 1 - label]
        words = [*random.choice(PLAIN, random.integers(6, 12)), *random.choice(known, 2)]
        text = " ".join(random.permutation(words)).capitalize() + "."
        made.append((f"{i * 37 % 9973}.5", "" if i % 41 == 0 else text, "ab"[label]))
    return made


def scored(recipe: Recipe) -> TextScoreColumn:
    column = recipe.columns[-1]
    assert isinstance(column, TextScoreColumn)
    return column


def reason(recipe: Recipe) -> str:
    column = recipe.columns[-1]
    assert isinstance(column, DroppedColumn)
    return column.reason


def log_odds(share: float) -> float:
    return math.log(share / (1 - share))


@cache
def terms(text: str) -> set[str]:
    return terms_of(text)


def expected_score(text: str, learned: Sequence[tuple[int, str]]) -> float:
    """Naive Bayes by the book, of the rows that are learned from."""
    prior = fmean(label for label, _ in learned)
    weights = []
    for term in terms(text):
        labels = [label for label, other in learned if term in terms(other)]
        if len(labels) >= MIN_ROWS:
            share = (sum(labels) + SMOOTHING * prior) / (len(labels) + SMOOTHING)
            weights.append(log_odds(share) - log_odds(prior))
    return sum(weights) / math.sqrt(len(weights) or 1)


def test_the_score_of_a_training_row_is_learned_from_the_rows_outside_its_fold() -> None:
    rows = remarks(300)
    _, recipe, made = judged(rows)
    fold = {float(row[0]): number for row, number in zip(rows, folds_of(rows), strict=True)}
    text = {float(row[0]): row[1] for row in rows}
    train = [(int(cells[0]), cells[1], cells[2]) for part, cells in made if part == "train"]
    assert {fold[row] for _, row, _ in train} == {*range(FOLDS)}
    for _, row, score in train[:50:5]:
        if not text[row]:
            assert math.isnan(score)
            continue
        others = [(label, text[other]) for label, other, _ in train if fold[other] != fold[row] and text[other]]
        assert score == pytest.approx(expected_score(text[row], others), abs=2e-3)
    everything = [(label, text[row]) for label, row, _ in train if text[row]]
    assert [*scored(recipe).numbers(rows[1][1])] == pytest.approx([expected_score(rows[1][1], everything)], abs=2e-3)


@st.composite
def texts(draw: st.DrawFn) -> list[Row]:
    """Sentences in any script whose words go with the label, some of which are blank, very long or of signs alone."""
    plain, known, blank = draw(
        st.sampled_from(
            [
                (PLAIN, (GOOD, BAD), " "),
                (
                    ("Straße", "ΟΔΟΣ", "İZMİR", "naïve", "e\u0301te\u0301", "über", "große", "Наша", "посылка"),
                    (["ΚΑΛΟΣ"], ["ПЛОХО"]),
                    " ",
                ),
                ([*PLAIN_HAN], ([*GOOD_HAN], [*BAD_HAN]), ""),
                (("यह", "हमारा", "पार्सल", "आज", "आया", "था", "और"), (["अच्छा"], ["ख़राब"]), " "),
                ("กขคงจฉชซ", (["ด"], ["ล"]), ""),
            ]
        )
    )
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    strange = ["", "NA", " ? ", "!!!", "\U0001f600", "x" * 3000, "word " * 900, "a,\"'; b", "Ω\u200d\u00a0Ω"]
    made: list[Row] = []
    for i in range(150):
        label = i % 2
        words = [*random.choice([*plain], 24 if not blank else 9), *random.choice([*known[label]], 2)]
        text = strange[i // 2 % len(strange)] if i % 10 < 2 else blank.join(random.permutation(words)) + "."
        made.append((f"{i * 37 % 997}.5", text, "ab"[label]))
    return made


@given(texts())
@settings(max_examples=examples(5), deadline=None)
def test_rows_that_are_not_trained_on_have_the_numbers_of_a_single_record(rows: list[Row]) -> None:
    _, recipe, made = judged(rows)
    assert scored(recipe)
    text = {float(row[0]): row[1] for row in rows}
    for part, (_, row, score) in made:
        if part != "train":
            np.testing.assert_array_equal([row, score], recipe.apply({"row": row, "text": text[row]}))


def test_of_several_classes_there_is_a_score_for_each() -> None:
    rows = [(row, text, "c" if i % 3 == 0 else label) for i, (row, text, label) in enumerate(remarks(600))]
    _, recipe, made = judged(rows)
    assert [feature.name for feature in recipe.features] == ["row", "text#score1", "text#score2", "text#score3"]
    assert {feature.source for feature in recipe.features} == {"row", "text"}
    assert {len(cells) for _, cells in made} == {5}
    good, bad, _ = scored(recipe).numbers("It was great and fine.")
    assert good > 0 > bad


def test_the_words_of_a_text_tell_a_target_of_numbers() -> None:
    rows = [
        (row, text, f"{i * 7 % 13 + (100 if label == 'a' else 0)}.25") for i, (row, text, label) in enumerate(remarks())
    ]
    _, recipe, made = judged(rows, task="regression")
    assert scored(recipe).width == 1
    tested = np.array([[cells[0], cells[2]] for part, cells in made if part != "train" and not math.isnan(cells[2])])
    assert np.corrcoef(tested.T)[0, 1] > 0.4


def test_words_that_say_nothing_of_the_target_leave_the_text_out() -> None:
    rows = remarks(share=0.5)
    assert reason(judged(rows)[1]).endswith("; its words do not tell the target beyond chance")
    numbers = [(row, text, f"{i * 7919 % 1009}.25") for i, (row, text, _) in enumerate(rows)]
    assert reason(judged(numbers, task="regression")[1]).endswith("beyond chance")


@pytest.mark.parametrize("count", [4, pytest.param(300, marks=pytest.mark.longer)])
def test_labels_at_random_hardly_ever_find_words(count: int) -> None:
    """The limit is three standard deviations, one in 740."""
    found = 0
    for seed in range(count):
        rows = remarks(rows=200, share=0.5, seed=seed)
        found += isinstance(judged(rows)[1].columns[-1], TextScoreColumn)
    assert found <= 0.01 * count


def test_a_person_may_drop_texts_or_keep_one_as_categories() -> None:
    assert reason(judged(remarks(), texts="drop")[1]).startswith("is free text: about ")
    assert judged(remarks(), keep=["text"])[1].columns[-1].kind == "frequency_rank"


def test_a_table_of_nothing_but_a_text_can_be_learned_from() -> None:
    report, recipe, _ = judged([(text, label) for _, text, label in remarks()], "text,label")
    assert report.features == 1
    assert scored(recipe)


def test_terms_of_few_rows_are_not_in_the_recipe() -> None:
    rows = [
        (row, f"{text} secret{i // 4}" if i < 40 else text, label) for i, (row, text, label) in enumerate(remarks())
    ]
    _, recipe, made = judged(rows)
    train = {cells[1] for part, cells in made if part == "train"}
    learned = [terms(text) for row, text, _ in rows if float(row) in train]
    assert not [term for term in scored(recipe).terms if sum(term in there for there in learned) < MIN_ROWS]
    assert scored(recipe).terms == tuple(sorted(scored(recipe).terms))


def test_the_recipe_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_scores, "MAX_TERMS", 12)
    column = scored(judged(remarks())[1])
    assert len(column.terms) == 12
    assert {*GOOD, *BAD} & {*column.terms}  # those that tell most are kept
    monkeypatch.setattr(text_scores, "MAX_WEIGHTS_IN_ALL", 7)
    assert len(scored(judged(remarks())[1]).terms) == 7


def test_of_many_classes_or_of_too_much_text_there_are_no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(row, text, f"{label}{i % 6}") for i, (row, text, label) in enumerate(remarks(900))]
    assert reason(judged(rows)[1]).endswith("; its words are scored for 10 classes at most")
    monkeypatch.setattr(text_scores, "MAX_CHARACTERS_IN_ALL", 10_000)
    assert reason(judged(remarks())[1]).endswith(
        "; its words are scored in files of 10,000 characters of free text at most"
    )


def test_a_sample_of_the_rows_is_learned_from_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = remarks(900)
    whole = scored(judged(rows)[1])
    monkeypatch.setattr(text_scores, "MAX_SAMPLED_ROWS", 300)
    sampled = scored(judged(rows)[1])
    assert len(sampled.terms) < len(whole.terms)
    assert scored(judged(rows[::-1])[1]) == sampled


def test_rare_terms_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_scores, "_ROWS_AT_ONCE", 50)
    rows = [
        (row, f"{text} {'xyz'[i % 3]}{chr(97 + i // 26)}{chr(97 + i % 26)}", label)
        for i, (row, text, label) in enumerate(remarks())
    ]
    whole = scored(judged(rows)[1])
    monkeypatch.setattr(text_scores, "_MAX_WAITING", 1)
    monkeypatch.setattr(text_scores, "_MAX_COUNTED", 1)
    bounded = scored(judged(rows)[1])
    assert {*GOOD, *BAD} <= {*bounded.terms} <= {*whole.terms}


def test_rows_that_are_read_again_for_lack_of_room_have_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = judged(remarks())
    monkeypatch.setattr(_Validation, "_has_room", lambda _: False)
    again = judged(remarks())
    assert again[1] == kept[1]
    np.testing.assert_array_equal([cells for _, cells in again[2]], [cells for _, cells in kept[2]])


def test_a_word_that_nearly_decides_the_target_is_warned_of() -> None:
    rows = [
        (row, f"{text} Status: {'churned' if label == 'b' and i % 50 else 'active'}.", label)
        for i, (row, text, label) in enumerate(remarks(share=0.6))
    ]
    said = [warning for warning in judged(rows)[0].warnings if "nearly decides" in warning]
    assert len(said) == 1
    assert "`active` stands in 2.2% of the texts of `b` and in 100.0% of the others. `drop: [text]`" in said[0]
    assert judged(rows)[0].findings[0].rule == "leakage"
    assert not judged(rows, leaks={"allow": ["text"]})[0].warnings
    assert not judged(rows, leaks="ignore")[0].warnings


def test_a_text_that_tells_the_label_in_many_words_is_no_leak() -> None:
    assert not judged(remarks(share=1.0))[0].warnings


def test_test_rows_with_other_texts_do_not_equal_a_training_row() -> None:
    """Their scores may well be the same, and all of their other cells."""
    rows = [
        (f"{i % 2}", text, label, f"ref-{i * 7919 % 10007}")
        for i, (_, text, label) in enumerate(remarks(share=1))
        if text
    ]
    report, recipe, _ = judged(rows, "flag,text,label,reference")
    assert any("#score" in feature.name for feature in recipe.features)
    assert not [warning for warning in report.warnings if "equal a training row" in warning]


def test_a_text_without_a_known_word_scores_nothing() -> None:
    column = scored(judged(remarks())[1])
    assert column.always_known
    for cell in ("Совсем другой язык.", "?!", 7, True, "\u0301"):
        assert [*column.numbers(cell)] == [0.0]
        assert not column.knows(cell)


def test_what_follows_a_long_text_is_not_looked_at() -> None:
    long = "word " * (MAX_TEXT_CHARACTERS // 5)
    assert terms_of(long + "broken") == terms_of(long)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "Straße"),
        ("ΟΔΟΣ", "οδος"),
        ("İZMİR", "izmir"),
        ("e\u0301te\u0301", "été"),
        ("ﬁne", "Fine"),
        ("Ａ１", "a1"),
    ],
)
def test_spellings_of_a_word_are_one_term(one: str, other: str) -> None:
    assert terms_of(one) == terms_of(other)


def test_terms_are_words_signs_pairs_and_beginnings() -> None:
    assert terms_of("Parcels late!! e_mail") == {
        *("parcels", "parce*", "late", "!!", "e_mail", "e_mai*"),
        *("parcels late", "late !!", "!! e_mail"),
    }
    assert terms_of("好iPhone的") == {"好", "iphone", "iphon*", "的", "好 iphone", "iphone 的"}
    assert "हिन्दी" in terms_of("हिन्दी भाषा")
    assert terms_of("") == terms_of(" \u00a0") == set()
