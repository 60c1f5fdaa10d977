"""The terms of a free text: its words and signs, each alone and with the one that follows, and how longer words begin,
whatever their ending. In scripts that put no blanks between words, each character stands for a word.

Validation and predictions both take them from here, so that no two engines need to agree on what a word is, or on
the small letter of `İ`.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Final

MAX_TEXT_CHARACTERS: Final = 2000
"""Of a text that are looked at. A record with more takes no longer."""

MAX_TOKEN_CHARACTERS: Final = 40
"""Of a word, or of a row of signs; a longer one is several."""

_BEGINNING: Final = 5
"""Characters that stand for a longer word, too."""

_MARKS: Final = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u0610-\u061a\u064b-\u065f\u0670"
    r"\u0900-\u0963\u0966-\u0dff\u0e00-\u0e4e\u0e80-\u0ece\u0f18-\u0fbc\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
)
"""Signs that are written with letters, as vowels are in the scripts of India. To ``re`` they are no part of a word."""

_TOGETHER: Final = (
    r"\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Han, which put no blanks between words."""

_DOTTED_I: Final = "i\u0307"
"""What the capital of Turkish becomes."""

_TOKEN: Final = re.compile(rf"[\w{_MARKS}]{{1,{MAX_TOKEN_CHARACTERS}}}|[^\w\s{_MARKS}]{{1,{MAX_TOKEN_CHARACTERS}}}")
_WRITTEN_TOGETHER: Final = re.compile(rf"[{_TOGETHER}]")


def terms_of(text: str) -> set[str]:
    """The different terms of a text, in small letters: `late`, `came late`, and `parce*` of `parcel`."""
    plain = _folded(text[:MAX_TEXT_CHARACTERS])
    if not plain.isascii():
        plain = _WRITTEN_TOGETHER.sub(r" \g<0> ", plain)
    tokens = _TOKEN.findall(plain)
    terms = set(map(" ".join, pairwise(tokens)))
    terms.update(tokens)
    terms.update([f"{token[:_BEGINNING]}*" for token in tokens if len(token) > _BEGINNING])
    return terms


def _folded(text: str) -> str:
    """In one form for all spellings: `STRASSE` and `Straße`, `ΟΔΟΣ` and `οδος`, `İZMİR` and `izmir`."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.replace(_DOTTED_I, "i")
