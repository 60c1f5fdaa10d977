"""The English of docs, docstrings, comments and messages: what reads as translated, and the better word.

Pages and templates are read whole. Of Python the strings, docstrings and comments are read, not the code.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

BETTER: Final[dict[str, str]] = {
    r"\bwithout (saying )?a word\b|\bin silence\b": "silently",
    r"\b[Mm]end(s|ed|ing)?\b": "fix",
    r"\bfound out\b": "detected (automatically)",
    r"\ban eye on\b": "watches",
    r"\bdo(es)? not keep the limit\b|\bkeeps? the limit of\b": "exceeds the maximum of, or is at most",
    r"\bkeeps? the limit:|\bitself keeps the limit\b": "is within the limit",
    r"\bmodel before (could|cannot|can)\b": "previous model",
    r"\btake the endpoint away\b": "remove the endpoint",
    r"\bsay --\w+ to go on\b": "add --yes to continue",
    r"\bgoes on: at\b": "is running",
    r"\blearnt\b": "learned",
    r"\bmisspelt\b": "misspelled",
    r"[;,:] else\b(?! if\b)(?!:)|[.!?] Else\b": "otherwise",
    r"\bare the most\b": "the maximum is",
    r"\b[Nn]othing to do where\b|\b([Nn]one|[Nn]ull|NaN|[Ee]mpty|[Oo]nly|[Ee]xcept) where\b(?! it stands)": "if",
    r"\bwhere there (is|are) (none|no|nothing|any|such)\b|Error:? where\b|\b[012] where\b": "if",
    r"[,;] where (it|they|one|nothing|nobody) (is|are|was|were|has|have|can)\b": "if",
    r"(^|[.!?] )Where (it|they|there|no|none|one|nothing|nobody)\b": "if",
    r"\bone's own\b": "your own",
    r"\banew\b": "again",
    r"\b[Ww]ay out\b": "what to do",
    r"\bcannot be had\b": "is not available",
    r"\bof two minds\b": "contradicts itself",
    r"\bclass frequencies\b": "class shares, or the baseline",
    r"\bsay --[a-z]": "pass --",
}
"""What reads as translated, as a pattern, and what to write."""

KINDS: Final = (".py", ".md", ".yaml", ".yml", ".html", ".jinja", ".css", ".toml", ".in", "")
EXEMPT: Final = ("tests/contract/test_english.py", "LICENSE")
"""This list itself, and what is written by others."""


def texts(name: str, source: str) -> Iterator[tuple[int, str]]:
    """The texts of a file that people read, each with its first line; a paragraph of several lines is one text."""
    if not name.endswith(".py"):
        for found in re.finditer(r"(?:^.*\S.*\n?)+", source, re.MULTILINE):
            yield source.count("\n", 0, found.start()) + 1, _on_one_line(found.group())
        return
    comments: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("# ")
            if comments and comments[-1][0] + comments[-1][1].count("\n") + 1 == token.start[0]:
                comments[-1] = (comments[-1][0], f"{comments[-1][1]}\n{text}")
            else:
                comments.append((token.start[0], text))
    yield from ((line, _on_one_line(text)) for line, text in comments)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, _on_one_line(node.value)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def faults(name: str, source: str) -> list[str]:
    return [
        f"{name}:{line}: write {better!r}, not {found.group()!r}: "
        f"...{text[max(found.start() - 40, 0) : found.end() + 40]}..."
        for line, text in texts(name, source)
        for pattern, better in BETTER.items()
        for found in re.finditer(pattern, text)
    ]


def sources() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split() if Path(name).suffix in KINDS and name not in EXEMPT]


@pytest.mark.parametrize("name", sources())
def test_no_text_has_a_phrase_that_reads_as_translated(name: str) -> None:
    assert faults(name, (ROOT / name).read_text()) == []


def test_phrases_are_seen_in_docstrings_comments_messages_and_pages_and_not_in_code() -> None:
    source = '"""Goes on without\na word."""\n# One that was\n# learnt.\nx = f"{1}; else mend it"\ny = 1 if x else 2\n'
    found = [fault.partition(",")[0] for fault in faults("a.py", source)]
    assert found == [
        "a.py:3: write 'learned'",
        "a.py:1: write 'silently'",
        "a.py:5: write 'fix'",
        "a.py:5: write 'otherwise'",
    ]
    assert faults("a.md", "# A page\n\nIt is found\nout.\n")[0].startswith("a.md:3: write 'detected (automatically)'")
