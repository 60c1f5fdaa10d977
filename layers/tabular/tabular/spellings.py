"""Spellings of one category in a column of texts: merged if the configuration says so, otherwise named."""

from __future__ import annotations

from typing import Final

import polars as pl

from sluice.dataset.spellings import word_of
from tabular.findings import Finding, Rule, listed

_MAX_LEVELS: Final = 10_000
"""Different texts of a column up to which its spellings are compared: more are names or free text."""

_SHOWN: Final = 6


def words(cells: pl.Series) -> pl.Series:
    """The word that each text is a spelling of, as a record's is found."""
    texts = cells.unique().to_list()
    return cells.replace_strict(texts, [word_of(text) for text in texts], return_dtype=pl.String)


def merged_levels(levels: pl.DataFrame) -> pl.DataFrame:
    """Levels (``cell``, ``rows``, ``train``) with all spellings of a word as one, in the order of ``Levels.table``."""
    counts = levels.with_columns(words(levels["cell"]).alias("cell")).group_by("cell").sum()
    return counts.sort(["train", "cell"], descending=[True, False])


def spelling_warning(name: str, levels: pl.DataFrame) -> Finding | None:
    """What is said of a column whose texts are several spellings of fewer words.

    Single letters are left alone: as codes they often differ by case.
    """
    if levels.height > _MAX_LEVELS:
        return None
    spellings: dict[str, list[str]] = {}
    for text in sorted(levels["cell"]):
        spellings.setdefault(word_of(text), []).append(text)
    several = {word: texts for word, texts in spellings.items() if len(texts) > 1 and len(word) > 1}
    if not several:
        return None
    texts = [text for same in several.values() for text in same]
    one = "1 word" if len(several) == 1 else f"{len(several):,} words"
    what = (
        f"{len(texts):,} of its {levels.height:,} categories are {one} in several spellings ({listed(texts, _SHOWN)})"
    )
    return Finding(rule=Rule.SPELLINGS, column=name, what=what)
