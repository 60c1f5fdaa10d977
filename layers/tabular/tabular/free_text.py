"""Free text: sentences, remarks and reviews, which neither a rank nor a column of 0 and 1 can stand for.

A column is free text if most of its values are its own and they read as sentences. How often values repeat does not
tell that alone: a remark may be pasted into several rows, and names, streets and job titles are many and rare, too. The
limits were measured on names, companies, job titles, addresses and sentences in 22 languages (docs/decisions.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.recipe import Column, DroppedColumn
from tabular.columns import Profile

MIN_LEVELS: Final = 21
"""One more than are made into a column of 0 and 1 each: fewer texts are categories, however long they are."""

MIN_OWN_SHARE: Final = 0.5
"""Different texts among the values, or texts that stand once among the different ones."""

MIN_WORDS_IF_MARKED: Final = 4.5
MIN_WORDS_IF_LOWER_CASE: Final = 5.5
MIN_WORDS_UNMARKED: Final = 8.0
MIN_WORDS_WITH_DIGITS: Final = 15.0
"""Words of a value on average, beyond which it is a text whatever is in it. Addresses have up to 13."""

_MIN_MARKED_SHARE: Final = 0.5
_MAX_DIGITS_SHARE: Final = 0.5
_MAX_CAPITALS_SHARE: Final = 0.5
_MIN_SPREAD: Final = 1.2
"""Standard deviation of the number of words: names of one form have less."""

_CHARACTERS_OF_A_WORD: Final = {
    r"\p{Han}": 1.6,
    r"[\p{Hiragana}\p{Katakana}]": 2.5,
    r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]": 4.5,
}
"""Characters of a word on average, in scripts that put no blanks between words."""

REASON: Final = "is free text: "
"""How the reason begins why such a column is left out."""

_ENDS_A_SENTENCE: Final = r"[.!?…。！？।۔؟።][\"'”’»)\]」』]*$"
_SAMPLED_LEVELS: Final = 5_000


@dataclass(frozen=True)
class Wording:
    """How a column's different texts are worded: ``words`` and their ``spread`` are the mean and the standard deviation
    of the words of a text; ``marked`` is the share that ends as a sentence does; ``digits`` the share with a digit;
    ``capitals`` the share of words that begin with a capital; ``cased``: the script has small letters."""

    words: float
    spread: float
    marked: float
    digits: float
    capitals: float
    cased: bool

    def reads_as_sentences(self) -> bool:
        if self.words >= MIN_WORDS_WITH_DIGITS:
            return True
        if self.marked >= _MIN_MARKED_SHARE and self.words >= MIN_WORDS_IF_MARKED:
            return True
        if self.digits >= _MAX_DIGITS_SHARE:
            return False
        if self.words >= MIN_WORDS_UNMARKED:
            return True
        is_running_text = self.cased and self.capitals < _MAX_CAPITALS_SHARE and self.spread >= _MIN_SPREAD
        return is_running_text and self.words >= MIN_WORDS_IF_LOWER_CASE


def is_free_text(column: Column) -> bool:
    """Whether a recipe leaves the column out as free text."""
    return isinstance(column, DroppedColumn) and column.reason.startswith(REASON)


def wording(texts: pl.Series) -> Wording:
    """
    Args:
        texts: different ones, at least one.
    """
    text = pl.col("text")
    written_together = pl.sum_horizontal(
        text.str.count_matches(script) / characters for script, characters in _CHARACTERS_OF_A_WORD.items()
    )
    words = text.str.count_matches(r"\S+") + written_together
    row = (
        texts.alias("text")
        .to_frame()
        .select(
            words=words.mean(),
            spread=words.std().fill_null(0.0),
            marked=text.str.contains(_ENDS_A_SENTENCE).mean(),
            digits=text.str.contains(r"\p{Nd}").mean(),
            capitals=text.str.count_matches(r"(^|\s)[^\s\p{L}]*\p{Lu}").sum() / words.sum(),
            cased=text.str.contains(r"\p{Ll}").mean() >= 0.5,
        )
        .row(0, named=True)
    )
    return Wording(**row)


def free_text(p: Profile) -> str | None:
    """Why a text column is left out as free text; None if it is none. Judged on the training part.

    Args:
        p: of a text column.
    """
    if p.levels is None:
        return None
    train = p.levels.filter(pl.col("train") > 0)
    if train.height < MIN_LEVELS:
        return None
    once = int((train["train"] == 1).sum()) / train.height
    # Beyond what is counted exactly the rarest texts are forgotten, and how many there are is an estimate.
    different = train.height / int(train["train"].sum()) if p.exact else p.distinct / p.filled
    if max(once if p.exact else 0.0, different) < MIN_OWN_SHARE:
        return None
    found = wording(train["cell"].gather_every(-(-train.height // _SAMPLED_LEVELS)))
    if not found.reads_as_sentences():
        return None
    own = f"{once:.0%} of its texts stand in one row only" if p.exact else "most of its texts stand in one row only"
    return f"{REASON}about {found.words:.0f} words a value, and {own}"
