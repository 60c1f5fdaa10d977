"""Where in a file the table stands: what is a title above its header, and what is a footer or a total below its rows.

Reports and spreadsheets put lines around a table: its title, a comment, who exported it, a total. A line is passed over
only if the table is clear without it. What is seen here are the first records of a file and its last lines.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tabular.findings import shown
from tabular.records import Fault, read_record

MAX_LINES_AROUND: Final = 20
"""Lines above a table, and lines below it, that are passed over."""

CLEAR_SHARE: Final = 0.9
"""Of the first records below the header: so many must be as wide as it is."""

_MIN_RECORDS: Final = 3
"""Header and rows, from which on the width of a table can be told."""

_MIN_WIDTH: Final = 2

_MAX_RECORDS: Final = 200
_TAIL_BYTES: Final = 1 << 16

_FILLING: Final = ",;|\t"

_COMMENT: Final = re.compile(r"#|//|--|%")
_YEAR: Final = re.compile(r"(19|20)[0-9]{2}")
_FIGURES: Final = re.compile(r"[0-9.,:/ +%-]*[0-9][0-9.,:/ +%-]*")
_PHRASE: Final = re.compile(r"\S+\s+\S|[(#]|\S+:$")
"""How a remark differs from a value: it has several words, or begins with a bracket or a comment's mark."""

_TOTAL: Final = re.compile(
    r"(?i:(grand |sub-?)?totals?|sum|average|mean|gesamt(summe)?|summe|insgesamt|durchschnitt|somme|moyenne|totale|"
    r"suma|media|promedio|totaal|razem|итого|всего|合計|合计|总计|總計)\s*:?"
)


def line_shown(line: str) -> str:
    """A line around a table as messages quote it, without the delimiters that fill it up."""
    return f"`{shown(line.strip().rstrip(_FILLING))}`"


@dataclass(frozen=True)
class Sampled:
    """A record at the beginning of a file; ``cells`` is None if it cannot be read."""

    start: int
    end: int
    cells: tuple[str, ...] | None

    @property
    def width(self) -> int:
        return len(self.cells) if self.cells is not None else 1

    @property
    def filled(self) -> int:
        """Cells that hold something."""
        return sum(map(bool, self.cells)) if self.cells is not None else 1


@dataclass(frozen=True)
class Titles:
    """Lines above a table. ``end`` is where the header begins; ``clear`` says that it surely does."""

    records: tuple[Sampled, ...]
    end: int
    clear: bool


@dataclass(frozen=True)
class Footer:
    """Lines below a table. ``end`` is the byte offset at which the table ends; the first of ``lines`` follows after
    ``blank_lines``."""

    end: int
    blank_lines: int
    lines: tuple[str, ...]
    is_total: bool


def sampled(sample: bytes, start: int, delimiter: bytes, *, final: bool, skip_blanks: bool = False) -> list[Sampled]:
    """The first records that are not blank; a line that is none stands for itself.

    Args:
        sample: the beginning of a file in UTF-8.
        start: where the first of them begins.
        delimiter: between cells.
        final: the sample is the whole file.
        skip_blanks: before an opening quote.
    """
    found: list[Sampled] = []
    position = start
    while position < len(sample) and len(found) < _MAX_RECORDS:
        record = read_record(sample, position, delimiter, final=final, skip_blanks=skip_blanks)
        if record is None:
            break
        if isinstance(record, Fault):
            end = sample.find(b"\n", position) + 1 or len(sample)
            found.append(Sampled(position, end, None))
        else:
            end = record.end
            if any(cell.strip() for cell in record.cells) or len(record.cells) > 1:
                found.append(Sampled(position, end, tuple(cell.decode().strip() for cell in record.cells)))
        position = end
    return found


def titles_above(sample: bytes, start: int, delimiters: Sequence[bytes], *, final: bool) -> Titles | None:
    """The lines above a table; None if there are none.

    Args:
        sample: the beginning of a file in UTF-8.
        start: of its first line that is not blank.
        delimiters: that may stand between cells.
        final: the sample is the whole file.
    """
    best: tuple[float, bool, int, Titles | None] | None = None
    for delimiter in delimiters:
        if delimiter not in sample:
            continue
        records = sampled(sample, start, delimiter, final=final)
        width = _usual_width(records)
        if width is None:
            continue
        titles, share = _titles(records, width)
        rank = (share, titles is None, width, titles)
        if share >= CLEAR_SHARE and (best is None or rank[:3] > best[:3]):
            best = rank
    return best[3] if best else None


def _usual_width(records: Sequence[Sampled]) -> int | None:
    """The cells of most records; None if these are too few to tell."""
    widths = Counter(record.width for record in records if record.width > 1)
    if not widths or len(records) < _MIN_RECORDS:
        return None
    return widths.most_common(1)[0][0]


def _titles(records: Sequence[Sampled], width: int) -> tuple[Titles | None, float]:
    """The lines above a table of that width, and the share of the records from its header on that are as wide."""
    header = _header(records, width)
    first = records[0]
    if header == 0:
        return None, _share(records, width)
    if header is not None and header <= MAX_LINES_AROUND and _reads_as_header(records, header):
        return Titles(tuple(records[:header]), records[header].start, clear=True), _share(records[header:], width)
    # The rows themselves may be wider than a header that is one.
    is_title = first.width == 1 or (first.filled == 1 and width > _MIN_WIDTH) or (_is_comment(first) and header)
    if first.cells is None or first.cells[0].startswith("<") or not is_title:  # bad quotes, or a page for browsers
        return None, _share(records, width)
    wide = (n for n, record in enumerate(records) if record.width == width and record.filled > 1)
    below = next(wide, 1) if header is None else header
    return Titles(tuple(records[:below]), records[below].start, clear=False), _share(records[below:], width)


def _share(records: Sequence[Sampled], width: int) -> float:
    return sum(record.width == width for record in records) / len(records)


def _header(records: Sequence[Sampled], width: int) -> int | None:
    """The first record that may hold the names. One may be blank, as pandas leaves that of its index. A record that
    begins with a comment's mark is the header only if no other is."""
    wide = [n for n, r in enumerate(records) if r.width == width and r.filled >= max(_MIN_WIDTH, width - 1)]
    if not wide or not _is_comment(records[wide[0]]):
        return wide[0] if wide else None
    other = next((n for n in wide if not _is_comment(records[n])), None)
    return other if other is not None and _reads_as_header(records, other) else wide[0]


def _is_comment(record: Sampled) -> bool:
    return record.cells is not None and _COMMENT.match(record.cells[0]) is not None


def _reads_as_header(records: Sequence[Sampled], at: int) -> bool:
    """Whether a record holds names: words, no two the same and more than in the lines above, none of them a value of
    its column."""
    names = records[at].cells or ()
    words = [name for name in names if name]
    numbers = [word for word in words if _FIGURES.fullmatch(word)]
    if len({*words}) < len(words) or len(numbers) == len(words) or not all(map(_YEAR.fullmatch, numbers)):
        return False
    if any(record.filled >= len(words) for record in records[:at] if not _is_comment(record)):
        return False
    rows = [record.cells for record in records[at + 1 :] if record.cells is not None and record.cells != names]
    return bool(rows) and not any(name and name == cell for row in rows for name, cell in zip(names, row, strict=False))


def quoted_rows(rows: Sequence[Sampled], delimiter: bytes) -> bool:
    """Whether nearly all rows are one cell that holds what should be several: each line stands in quotes."""
    single = [row for row in rows if row.cells is not None and row.width == 1 and delimiter.decode() in row.cells[0]]
    return len(single) >= max(CLEAR_SHARE * len(rows), 1)


def trailing_blanks(rows: Sequence[Sampled], width: int) -> int:
    """Cells that rows have beyond a header of that width, if nearly all have the same and nothing stands in these."""
    wider = [row.cells for row in rows if row.cells is not None and row.width > width]
    if len(wider) < CLEAR_SHARE * len(rows) or not wider:
        return 0
    usual = Counter(map(len, wider)).most_common(1)[0][0]
    return 0 if any(any(cells[width:]) for cells in wider) else usual - width


def counts_first(rows: Sequence[Sampled], width: int) -> bool:
    """Whether nearly all rows have one cell more than a header of that width, and their first cells count them: row
    names, as R's ``write.table`` leaves them without a name."""
    longer = [row.cells for row in rows if row.cells is not None and row.width == width + 1]
    if len(longer) < CLEAR_SHARE * len(rows) or len(longer) < _MIN_RECORDS:
        return False
    first = [cells[0] for cells in longer]
    if not all(re.fullmatch("[0-9]{1,15}", cell) for cell in first):
        return False
    numbers = [int(cell) for cell in first]
    return numbers[0] <= 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def footer_below(path: Path, begin: int, delimiter: bytes, rows: Sequence[Sampled], width: int) -> Footer | None:
    """The lines below a table that are no rows; None if there are none.

    Args:
        path: a file in UTF-8.
        begin: where its rows begin.
        delimiter: between cells.
        rows: the first ones.
        width: of the table.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        at = max(begin, size - _TAIL_BYTES)
        stream.seek(at)
        tail = stream.read(size - at)
    lines = list(_lines_upwards(tail, whole=at == begin))
    taken: list[bytes] = []
    end, total = len(tail), False
    for start, line in lines[: 2 * MAX_LINES_AROUND]:
        if not line.strip():
            end = start if taken else end
            continue
        if line.count(b'"') % 2:  # the end of a cell of several lines
            break
        known = functools.partial(_known, [row for row in rows if row.start < at + start and row.width == width])
        others = [other for _, other in lines if other is not line]
        is_total = not total and _is_total(line, delimiter, known, width, others)
        if not is_total and not _is_remark(line, delimiter, known, width):
            break
        taken.append(line)
        total = total or is_total
        end = start
        if is_total or len(taken) == MAX_LINES_AROUND:
            break
    if not taken:
        return None
    while (above := _line_above(tail, end)) is not None and not tail[above:end].strip():
        end = above
    first = tail.index(taken[-1], end)
    texts = tuple(line.decode(errors="replace").strip() for line in reversed(taken))
    return Footer(at + end, tail.count(b"\n", end, first), texts, total)


def _lines_upwards(tail: bytes, *, whole: bool) -> Iterator[tuple[int, bytes]]:
    """Start and text of each line, the last one first; the first is left out unless the ``whole`` of it is there."""
    end = len(tail)
    while end > 0:
        start = tail.rfind(b"\n", 0, end - 1) + 1
        if start == 0 and not whole:
            return
        yield start, tail[start:end]
        end = start


def _line_above(tail: bytes, end: int) -> int | None:
    """Where the line that ends there begins; None if it is the first."""
    return tail.rfind(b"\n", 0, end - 1) + 1 if end > 1 and tail.find(b"\n", 0, end - 1) >= 0 else None


type _Known = Callable[[int], set[str]]
"""The texts of a column among the first rows."""


def _known(rows: Sequence[Sampled], position: int) -> set[str]:
    return {row.cells[position] for row in rows if row.cells is not None and row.filled > 1}


def _cells(line: bytes, delimiter: bytes) -> list[str] | None:
    record = read_record(line, 0, delimiter, final=True)
    if record is None or isinstance(record, Fault) or record.end < len(line.rstrip(b"\r\n")):
        return None
    return [cell.decode(errors="replace").strip() for cell in record.cells]


def _is_remark(line: bytes, delimiter: bytes, known: _Known, width: int) -> bool:
    """Whether a line has one text, of several words, where the rows have a value of one."""
    cells = _cells(line, delimiter)
    if cells is None or len(cells) > width or not cells[0] or any(cells[1:]) or not _PHRASE.match(cells[0]):
        return False
    if len(cells) == width and width < 3:
        return False
    return not any(_PHRASE.match(cell) and not _TOTAL.fullmatch(cell) for cell in known(0))


def _is_total(line: bytes, delimiter: bytes, known: _Known, width: int, others: Sequence[bytes]) -> bool:
    """Whether a line says that it is a total, in a column where no other row does, beside a number."""
    cells = _cells(line, delimiter)
    if cells is None or len(cells) > width:
        return False
    said = next((i for i, cell in enumerate(cells) if _TOTAL.fullmatch(cell)), None)
    if said is None or any(_TOTAL.fullmatch(cell) for cell in known(said)):
        return False
    rows = (_cells(other, delimiter) for other in others)
    if any(row is not None and len(row) > said and row[said] == cells[said] for row in rows):
        return False
    return any(_FIGURES.fullmatch(cell) for cell in cells) and not all(cells)
