"""What is said of the lines around a table and between its rows that are none of its rows."""

from __future__ import annotations

from collections.abc import Iterator

from tabular.chunks import Structure
from tabular.dialect import Dialect
from tabular.extent import line_shown
from tabular.findings import Finding, Rule


def around_warnings(dialect: Dialect, structure: Structure) -> Iterator[Finding]:
    """Titles above the header, headers among the rows, and what stands below the last one.

    Args:
        dialect: of the file.
        structure: of it, counted to its end.
    """
    yield from title_warnings(dialect)
    if structure.repeated_lines:
        same = "the header" if not dialect.titles else "the header or a line above it"
        what = f"this line is {same} once more, as files that were joined have it"
        yield Finding(
            rule=Rule.HEADER_REPEATED, line=structure.first_repeated_line, rows=structure.repeated_lines, what=what
        )
    if (footer := dialect.footer) is not None:
        said = _lines(footer.lines, "below the last row")
        what = f"{said}{', with a total' if footer.is_total else ''}"
        yield Finding(rule=Rule.FOOTER_LINES, line=structure.end_line + footer.blank_lines, what=what)


def title_warnings(dialect: Dialect) -> Iterator[Finding]:
    """That lines above the header were left out; known of a file that is refused, too."""
    if dialect.titles:
        titles = _lines(dialect.titles, "above the header")
        what = f"{titles}; the column names were read from line {dialect.header.line}"
        yield Finding(rule=Rule.TITLE_LINES, line=dialect.first_title, what=what)


def _lines(lines: tuple[str, ...], where: str) -> str:
    first = line_shown(lines[0])
    if len(lines) == 1:
        return f"the line {where} was left out ({first})"
    return f"{len(lines)} lines {where} were left out (the first is {first})"
