"""What goes where: results go to standard output, as tables and sentences or as one JSON document; the rest goes to
standard error. Neither has account ids or control characters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_ACCOUNT: Final = re.compile(r"(arn:[^:\s]*:[^:\s]*:[^:\s]*:)[0-9]{12}(?=:)")
# A file's name or cells must not control the terminal or change the direction of the text.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_UNWRAPPED: Final = 4096
"""Columns if there is no terminal: nothing is cut or wrapped."""


class Output:
    """Use :meth:`say` for progress, :meth:`print` for what was asked for, :meth:`document` for the same as JSON."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    @cached_property
    def out(self) -> Console:
        return _console(stderr=False)

    @cached_property
    def err(self) -> Console:
        return _console(stderr=True)

    def say(self, sentence: str) -> None:
        """To standard error."""
        self.err.print(clean(sentence), markup=False, soft_wrap=True)

    def complain(self, sentence: str) -> None:
        """Says what went wrong. With ``--json`` the document holds it, too."""
        self.err.print(clean(sentence), markup=False, soft_wrap=True, style="red")
        if self.as_json:
            self.document({"error": sentence})

    def print(self, *what: RenderableType) -> None:
        """To standard output, unless a document goes there."""
        if self.as_json:
            return
        for item in what:
            if isinstance(item, str):
                self.out.print(clean(item), markup=False, soft_wrap=not self.out.is_terminal)
            elif self.out.is_terminal:
                self.out.print(item)
            else:
                self._print_plain(item)

    def _print_plain(self, item: RenderableType) -> None:
        """Without the spaces that only fill a frame."""
        with self.out.capture() as captured:
            self.out.print(item)
        lines = [line.rstrip() for line in captured.get().splitlines()]
        _write("\n".join(line for line in lines if line) + "\n")

    def document(self, content: Any) -> None:
        """Writes the one document, if ``--json`` asks for it."""
        if self.as_json:
            text = json.dumps(_cleaned(content), indent=2, ensure_ascii=False)
            _write(_CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n")


def clean(text: str) -> str:
    """Without account ids and control characters."""
    return _CONTROL.sub("�", _ACCOUNT.sub(r"\1", text))


def _cleaned(content: Any) -> Any:
    if isinstance(content, str):
        return _ACCOUNT.sub(r"\1", content)
    if isinstance(content, dict):
        return {name: _cleaned(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_cleaned(value) for value in content]
    return content


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], right: Iterable[str] = ()) -> Table:
    """Args: ``right``: headings of the columns that are set to the right, as numbers are."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    numbers = set(right)
    for heading in headings:
        made.add_column(Text(heading), justify="right" if heading in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(clean(cell)) for cell in row))
    return made


def moment(iso: str | None) -> str:
    """``2026-11-25T07:45:00.123+00:00`` as ``2026-11-25 07:45 UTC``; the pipeline knows no other zone."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso else ""


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _write(text: str) -> None:
    from following.console import write

    write(text)


def _console(*, stderr: bool) -> Console:
    from following.console import PatientConsole

    console = PatientConsole(stderr=stderr, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNWRAPPED
    return console
