"""All cases of the corpus, in the order of the documentation."""

from __future__ import annotations

from typing import Final

from tests.corpus.case import Case
from tests.corpus.files import FILES
from tests.corpus.header import HEADERS
from tests.corpus.lines import LINES
from tests.corpus.meaning import MEANING
from tests.corpus.values import VALUES

THEMES: Final[dict[str, tuple[Case, ...]]] = {
    "The file": FILES,
    "Lines and quotes": LINES,
    "The header": HEADERS,
    "Cells": VALUES,
    "Rows, columns and labels": MEANING,
}
CASES: Final[tuple[Case, ...]] = tuple(case for cases in THEMES.values() for case in cases)


def by_kind(cases: tuple[Case, ...] = CASES) -> dict[str, list[Case]]:
    """The cases of each kind, the one that stands for it first."""
    kinds: dict[str, list[Case]] = {}
    for case in cases:
        kinds.setdefault(case.kind, []).append(case)
    return kinds
