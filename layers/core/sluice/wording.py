"""Text of other people's making inside ours: names of files, columns and labels, and cells.

Whoever drops a file chooses them, and they end in mails, terminals and spreadsheets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, line ends of Unicode, marks that turn the direction of writing, and halves of characters."""
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_BEFORE: Final = r"(?:\A|(?<=[;\t\r\n]))"
_FORMULA: Final = re.compile(
    _BEFORE
    + r"(?![+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?(?:\Z|[;\t\r\n]))"
    + r"""(?=[ '"]*[=+\-@\t\r\n＝＋－＠])"""
)
_PLAIN_IN_YAML: Final = re.compile(r"\w([\w .()%/+-]*[\w)%])?")
_GUARDED: Final = re.compile(_BEFORE + r"""'(?=[ '"]*[=+\-@\t\r\n＝＋－＠])""")


def one_line(text: str) -> str:
    """The text with what would steer a terminal, end the line or turn its direction written out: ``\\n``, ``\\x1b``."""
    return _UNSEEN.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    letter = found.group()
    return _NAMED.get(letter) or (f"\\x{ord(letter):02x}" if ord(letter) < 0x100 else f"\\u{ord(letter):04x}")


def inert(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV Injection).

    An apostrophe goes before what could be one: at the start, and behind every semicolon, tab and line end, since a
    spreadsheet of a country that separates by semicolons cuts a quoted cell there. Plain numbers stay. Nothing is lost:
    :func:`as_it_was` gives the text back.
    """
    return _FORMULA.sub("'", text)


def as_it_was(text: str) -> str:
    """The text before :func:`inert`."""
    return _GUARDED.sub("", text)


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """What a person may have meant by a name that is not known, in whatever case; None if no known one is near."""
    by_lower: dict[str, str] = {}
    for name in known:
        by_lower.setdefault(name.lower(), name)
    near = get_close_matches(wrong.lower(), list(by_lower), n=1)
    return by_lower[near[0]] if near else None


def known_instead(location: Sequence[str | int], known: Sequence[str]) -> str:
    """What a person may have meant by an unknown key: the nearest of the known ones, if one is near, and all of them.

    Args:
        location: the unknown key behind those that it stands below.
    """
    *above, wrong = map(str, location)
    listed = f"nown here: {', '.join(known)}"
    near = nearest(wrong, known)
    return f"did you mean `{'.'.join([*above, near])}`? K{listed}" if near is not None else f"k{listed}"


def in_yaml(text: str) -> str:
    """A name as it may be pasted into a list of config.yaml, which takes numbers and words such as `No` for text."""
    return text if _PLAIN_IN_YAML.fullmatch(text) else json.dumps(text, ensure_ascii=False)
