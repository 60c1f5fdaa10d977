"""When two texts are spellings of one category: `Male`, `male` and ` MALE `; `e-mail` and `E mail`.

Letter case, the composition of characters and what stands between two words do not count. A sign at the end of a text
does: `A-` is another grade than `A`.
"""

import re
import unicodedata
from typing import Final

_BETWEEN_WORDS: Final = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=\w)|(?<=\w)[\s_-]+(?=[^\W\d_])|\s+")


def word_of(text: str) -> str:
    """The form that all spellings of a category share, itself one of them: lower case, one blank between words."""
    return _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFKC", text).lower()).strip()


def only_case_differs_in_letters(texts: list[str]) -> bool:
    """Whether the texts are single letters, which as codes often differ by case (`m` and `M`)."""
    return all(len(text) == 1 for text in texts)
