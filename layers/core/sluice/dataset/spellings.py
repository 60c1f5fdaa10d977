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
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    return _BETWEEN_WORDS.sub(" ", lower).strip()
