"""What each rule's advice says to do, as a function that really does it to a file and its configuration.

``FIXES`` has one function a rule. A fix takes the file, its configuration and what validation said, and gives the file
and the configuration that a person would upload next. ``NOTHING_TO_DO`` are the rules whose advice is to leave the file
as it is, and ``ANOTHER_FILE`` those whose advice is to export or upload it again, which no function can do; each says
why.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tabular.findings import FIX, Rule
from tabular.report import ReportedFinding, TableReport

_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "vertical bar": "|"}
_CITIES: Final = ("Oslo", "Rome", "Bern")


@dataclass(frozen=True)
class Upload:
    """A file and its dataset's configuration."""

    data: bytes
    config: Mapping[str, Any]
    default_target: str | None = None

    @property
    def raw(self) -> bytes:
        return gzip.decompress(self.data) if self.data.startswith(b"\x1f\x8b") else self.data

    @property
    def text(self) -> str:
        """As its bytes say; what is no UTF-8 as what it most likely is."""
        wide = ("utf-16",) if b"\0" in self.raw else ()
        for encoding in ("utf-8-sig", *wide, "cp1252"):
            try:
                return self.raw.decode(encoding)
            except UnicodeError:
                continue
        return self.raw.decode("latin-1")

    def written(self, text: str) -> Upload:
        return replace(self, data=text.encode())

    def configured(self, **keys: Any) -> Upload:
        return replace(self, config={**self.config, **keys})

    def without(self, *keys: str) -> Upload:
        return replace(self, config={key: value for key, value in self.config.items() if key not in keys})


@dataclass(frozen=True)
class Said:
    """What validation said: its report, and the finding that is to be fixed. ``rejected``: rejected_rows.csv."""

    report: TableReport
    finding: ReportedFinding
    rejected: Path

    @property
    def rule(self) -> Rule:
        return self.finding.rule

    @property
    def column(self) -> str:
        assert self.finding.column is not None, self.finding
        return self.finding.column

    @property
    def delimiter(self) -> str:
        return _DELIMITERS[self.report.dialect.delimiter] if self.report.dialect else ","

    @property
    def header_line(self) -> int:
        return (self.report.dialect.header_line if self.report.dialect else None) or self.finding.line or 1


type Fix = Callable[[Upload, Said], Upload]


# -- the file


def as_utf_8(upload: Upload, _: Said) -> Upload:
    return upload.written(upload.text)


def without_nul(upload: Upload, _: Said) -> Upload:
    return replace(upload, data=upload.raw.replace(b"\0", b""))


def line_ends(upload: Upload, _: Said) -> Upload:
    return replace(upload, data=re.sub(rb"\r+\n?", b"\n", upload.raw))


def fewer_rows(upload: Upload, _: Said) -> Upload:
    lines = upload.text.splitlines(keepends=True)
    return upload.written("".join(lines[:90]))


def fewer_columns(upload: Upload, said: Said) -> Upload:
    return upload.written(
        "".join(said.delimiter.join(line.split(said.delimiter)[:4]) + "\n" for line in upload.text.splitlines())
    )


def more_rows(upload: Upload, said: Said) -> Upload:
    """Adds rows of other cases until there are enough."""
    header, rows = _table(upload, said)
    if not rows:
        rows = [[("yes", "no")[i % 2], *[str(i + n) for n in range(len(header) - 1)]] for i in range(2)]
    wanted = 120
    made = [[_varied(cell, i) for cell in rows[i % len(rows)]] for i in range(wanted)]
    return _upload(upload, said, header, [*rows, *made])


def _varied(cell: str, i: int) -> str:
    """Another case's cell: other figures, the same words."""
    return f"{float(cell) + i / 8:.3f}" if re.fullmatch(r"-?[0-9]+\.[0-9]+", cell) else cell


def more_rows_of_small_classes(upload: Upload, said: Said) -> Upload:
    """Adds rows of other cases to each class that the test part has few rows of."""
    header, rows = _table(upload, said)
    at, tested = header.index(said.column), said.report.class_counts["test"]
    made = []
    for label in (label for label, count in tested.items() if count < 5):
        some = [row for row in rows if row[at].strip() == label]
        made += [
            [cell if n == at else _varied(cell, i) for n, cell in enumerate(some[i % len(some)])] for i in range(60)
        ]
    return _upload(upload, said, header, [*rows, *made])


def different_rows(upload: Upload, said: Said) -> Upload:
    """Takes the usual split; if that is what failed, a further column makes rows differ."""
    return upload.without("split") if "split" in upload.config else another_column(upload, said)


def delimited(upload: Upload, _: Said) -> Upload:
    """Separates the columns by commas, from whatever stands between them."""
    text = upload.text
    first, rest = text.split("\n", 1) if "\n" in text else (text, "")
    text = rest if first.lower().startswith("sep=") else text
    for between in (r"\^", ":", r"[ ]{2,}", "~", "\x1f", "\x01", " "):
        if re.search(between, text.split("\n", 1)[0]):
            return upload.written(re.sub(between, ",", text))
    return upload.written(
        "".join(f"{line},{i % 7}\n" if i else f"{line},x\n" for i, line in enumerate(text.splitlines()))
    )


def without_quotes_round_lines(upload: Upload, _: Said) -> Upload:
    lines = [re.sub('^"(.*)"$', r"\1", line).replace('""', '"') for line in upload.text.splitlines()]
    return upload.written("\n".join(lines) + "\n")


# -- the header


def without_header(upload: Upload, _: Said) -> Upload:
    return upload.without("target").configured(header=False)


def with_header(upload: Upload, _: Said) -> Upload:
    return upload.without("header")


def without_lines_above(upload: Upload, said: Said) -> Upload:
    found = re.search(r"begins in line ([0-9]+)", said.finding.what)
    assert found is not None, said.finding
    return upload.written("\n".join(upload.text.split("\n")[int(found.group(1)) - 1 :]))


def named_columns(upload: Upload, said: Said) -> Upload:
    """Gives each column a name of its own, and a short one."""
    lines = upload.text.split("\n")
    at = said.header_line - 1
    names = next(csv.reader([lines[at].rstrip("\r")], delimiter=said.delimiter))
    made: list[str] = []
    for i, name in enumerate(names):
        plain = re.sub("[\u200b\u2060\ufeff]", "", name).strip()[:40] or f"column {i + 1}"
        made.append(f"{plain} {i + 1}" if plain in made else plain)
    width = max(line.count(said.delimiter) for line in lines[at + 1 : at + 20] or [""]) + 1
    made += [f"column {i + 1}" for i in range(len(made), width)]
    lines[at] = _line(made, said.delimiter)
    return upload.written("\n".join(lines))


def unquoted_header(upload: Upload, said: Said) -> Upload:
    lines = line_ends(upload, said).text.split("\n")
    lines[said.header_line - 1] = lines[said.header_line - 1].replace('"', "")
    return upload.written("\n".join(lines))


def shorter_record(upload: Upload, said: Said) -> Upload:
    """Shortens the header's names, or writes a good row for the long one."""
    if said.report.dialect is not None:
        return good_rows(upload, said)
    first, rest = upload.text.split("\n", 1)
    names = [name[:40] for name in first.split(said.delimiter)]
    return upload.written(said.delimiter.join(names) + "\n" + rest)


# -- rows and cells


def good_rows(upload: Upload, said: Said) -> Upload:
    """Writes each row that is listed in rejected_rows.csv as a good one."""
    data = upload.text.encode()
    places = sorted({(int(row["byte_offset"]), int(row["line"])) for row in _rejected(said)})
    mark = 3 if upload.data.startswith(b"\xef\xbb\xbf") else 0
    starts = [place - mark for place, _ in places]
    lines: list[bytes] = []
    at = 0
    header = said.report.dialect.header_line if said.report.dialect else 1
    good: list[bytes] = []
    for number, line in enumerate(data.splitlines(keepends=True) if b"\n" not in data else _lines(data), start=1):
        if at in starts:
            lines.append(b"\0")
        else:
            lines.append(line)
            if number > (header or 0) and line.strip() and line.count(b'"') % 2 == 0:
                good.append(line)
        at += len(line)
    good = good or _invented(data.count(said.delimiter.encode(), 0, data.find(b"\n")) + 1, said.delimiter)
    usual = Counter(line.count(said.delimiter.encode()) for line in good).most_common(1)[0][0]
    good = [line for line in good if line.count(said.delimiter.encode()) == usual and b'"' not in line] or good
    filled = [good[i * 7 % len(good)] if line == b"\0" else line for i, line in enumerate(lines)]
    return replace(upload, data=b"".join(filled))


def _invented(width: int, delimiter: str) -> list[bytes]:
    """Rows with the label first, where the file has none that is good."""
    labels = ("0", "1") * 40
    return [
        (delimiter.join([label, *(str(i * 7 % 50 + n / 8) for n in range(width - 1))]) + "\n").encode()
        for i, label in enumerate(labels)
    ]


def _lines(data: bytes) -> Iterator[bytes]:
    yield from (line + b"\n" for line in data.removesuffix(b"\n").split(b"\n"))


def _rejected(said: Said) -> list[dict[str, str]]:
    with said.rejected.open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["line"]]


def fixed_or_allowed(upload: Upload, said: Said) -> Upload:
    """Raises the share of rows that may be rejected, if enough good ones are left; otherwise fixes the rows."""
    if said.report.rows.accepted >= 60:
        return upload.configured(max_rejected_share=0.9)
    return good_rows(upload, said)


# -- columns


def without_column(upload: Upload, said: Said) -> Upload:
    return upload.configured(drop=[*upload.config.get("drop", []), said.column])


def dropping_what_distinguishes(upload: Upload, said: Said) -> Upload:
    unused = [column.name for column in said.report.columns if column.reason]
    return upload.configured(drop=sorted({*upload.config.get("drop", []), *unused}))


def texts_as_missing(upload: Upload, said: Said) -> Upload:
    """Adds the texts of a column of numbers to ``missing``."""
    header, rows = _table(upload, said)
    cells = {row[header.index(said.column)].strip() for row in rows}
    texts = sorted(cell for cell in cells if not re.fullmatch(r"[-+]?[0-9.]+", cell))
    return upload.configured(missing=["", *texts])


def others_than_dates_as_missing(upload: Upload, said: Said) -> Upload:
    """Adds what stands for no date among dates in digits to ``missing``."""
    header, rows = _table(upload, said)
    cells = {row[header.index(said.column)].strip() for row in rows}
    others = sorted(cell for cell in cells if not re.fullmatch(r"[12][0-9]{3}(0[1-9]|1[0-2])[0-3][0-9]", cell))
    return upload.configured(missing=["", *others])


def another_column(upload: Upload, said: Said) -> Upload:
    """Adds a column that varies from row to row."""
    header, rows = _table(upload, said)
    made = [[*row, f"{i * 37 % 101 / 8}"] for i, row in enumerate(rows)]
    return _upload(upload, said, [*header, "added"], made).without("drop")


# -- config.yaml


def without_key(key: str) -> Fix:
    return lambda upload, _: upload.without(key)


def another_target(upload: Upload, said: Said) -> Upload:
    """Names the column of the file that has the fewest values, but two."""
    header, rows = _table(upload, said)
    counts = [len({row[i].strip() for row in rows if i < len(row) and row[i].strip()}) for i in range(len(header))]
    usable = {name.strip(): count for name, count in zip(header, counts, strict=True) if count > 1}
    named = min(usable, key=lambda name: (usable[name], name))
    named = named if upload.config.get("header", True) else "label"
    return upload.configured(target=named)


def target_kept(upload: Upload, said: Said) -> Upload:
    return upload.configured(drop=[name for name in upload.config["drop"] if name != said.column])


def grouped_by_column(upload: Upload, said: Said) -> Upload:
    return upload.configured(split={"group_by": said.column})


# -- labels


def _relabelled(upload: Upload, said: Said, label: Callable[[str, int], str]) -> Upload:
    header, rows = _table(upload, said)
    at = [name.strip() for name in header].index(said.column) if said.header_line else 0
    return _upload(
        upload, said, header, [[*row[:at], label(row[at].strip(), i), *row[at + 1 :]] for i, row in enumerate(rows)]
    )


def two_labels(upload: Upload, said: Said) -> Upload:
    return _relabelled(upload, said, lambda label, i: "another" if i % 3 == 0 else label or "one")


def few_labels(upload: Upload, said: Said) -> Upload:
    return _relabelled(upload, said, lambda label, i: ("low", "middle", "high")[i % 3])


def as_numbers(upload: Upload, _: Said) -> Upload:
    return upload.configured(task="regression")


def other_numbers(upload: Upload, said: Said) -> Upload:
    return _relabelled(upload, said, lambda _, i: str(i % 11))


def logarithms(upload: Upload, said: Said) -> Upload:
    return _relabelled(upload, said, lambda label, _: f"{math.log(float(label)):.6f}")


def commonest_for_rare(upload: Upload, said: Said) -> Upload:
    """Corrects labels of a few rows to the commonest one, as if they were typing errors."""
    header, rows = _table(upload, said)
    at = header.index(said.column)
    counts = Counter(row[at].strip() for row in rows)
    common = [label for label, rows in counts.most_common() if label and rows >= 10] or list(counts)[:1]
    if len(common) < 2:
        return _relabelled(upload, said, lambda label, i: common[0] if i % 2 else next(iter({*counts} - {common[0]})))
    return _relabelled(upload, said, lambda label, _: label if not label or counts[label] >= 10 else common[0])


def one_spelling(upload: Upload, said: Said) -> Upload:
    def plain(label: str, _: int) -> str:
        seen = "".join(c for c in unicodedata.normalize("NFKC", label) if unicodedata.category(c) != "Cf").casefold()
        seen = " ".join(seen.split())
        return f"{float(seen):g}" if re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", seen) else seen

    return _relabelled(upload, said, plain)


def shorter_labels(upload: Upload, said: Said) -> Upload:
    return _relabelled(upload, said, lambda label, _: label[:40].strip())


# -- tables as rows


def _table(upload: Upload, said: Said) -> tuple[list[str], list[list[str]]]:
    lines = upload.text.split("\n", said.header_line - 1)[-1] if said.header_line > 1 else upload.text
    rows = [row for row in csv.reader(io.StringIO(lines, newline=""), delimiter=said.delimiter) if "".join(row).strip()]
    if not upload.config.get("header", True):
        return [column.name for column in said.report.columns] or [f"x{i}" for i in range(len(rows[0]))], rows
    return [re.sub("[\u200b\u2060\ufeff]", "", name).strip() for name in rows[0]], rows[1:]


def _upload(upload: Upload, said: Said, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Upload:
    headed = upload.config.get("header", True)
    return upload.written("".join(_line(row, said.delimiter) + "\n" for row in ([header, *rows] if headed else rows)))


def _line(cells: Sequence[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(cells)
    return text.getvalue()


FIXES: Final[Mapping[Rule, Fix]] = {
    Rule.ENCODING: as_utf_8,
    Rule.ENCODING_GUESSED: as_utf_8,
    Rule.NUL_BYTE: without_nul,
    Rule.STRAY_CARRIAGE_RETURN: line_ends,
    Rule.FILE_TOO_LARGE: fewer_rows,
    Rule.TOO_MANY_ROWS: fewer_rows,
    Rule.TOO_MANY_COLUMNS: fewer_columns,
    Rule.NO_ROWS: more_rows,
    Rule.TOO_FEW_ROWS: more_rows,
    Rule.SPLIT_IMPOSSIBLE: different_rows,
    Rule.SMALL_TEST_PART: more_rows_of_small_classes,
    Rule.SINGLE_COLUMN: delimited,
    Rule.LINES_QUOTED: without_quotes_round_lines,
    Rule.HEADER_MISSING: without_header,
    Rule.HEADER_UNEXPECTED: with_header,
    Rule.HEADER_BELOW_TITLE: without_lines_above,
    Rule.HEADER_BLANK: named_columns,
    Rule.HEADER_DUPLICATE: named_columns,
    Rule.HEADER_TOO_LONG: named_columns,
    Rule.HEADER_UNREADABLE: unquoted_header,
    Rule.RECORD_TOO_LONG: shorter_record,
    Rule.TOO_MANY_REJECTED: fixed_or_allowed,
    Rule.NO_FEATURES: another_column,
    Rule.LEAKAGE: without_column,
    Rule.NUMBER_AS_TEXT: without_column,
    Rule.DATE_AS_TEXT: without_column,
    Rule.DATE_AS_NUMBER: others_than_dates_as_missing,
    Rule.MIXED_COLUMN: texts_as_missing,
    Rule.REPEATED_IN_TEST: dropping_what_distinguishes,
    Rule.LABEL_SHARED: grouped_by_column,
    Rule.LABEL_BY_IDENTIFIER: grouped_by_column,
    Rule.KEEP_UNKNOWN: without_key("keep"),
    Rule.KEY_IS_TARGET: without_key("key"),
    Rule.DROP_UNKNOWN: without_key("drop"),
    Rule.SLICE_UNKNOWN: without_key("slices"),
    Rule.MERGE_UNKNOWN: without_key("merge_spellings"),
    Rule.LEAKS_UNKNOWN: without_key("leaks"),
    Rule.CLASS_UNKNOWN: without_key("classes"),
    Rule.CLASSES_TOO_SMALL: lambda upload, _: upload.configured(max_rejected_share=0.9),
    Rule.FACET_UNKNOWN: without_key("facets"),
    Rule.FACET_LABEL: without_key("facets"),
    Rule.FACET_EMPTY: without_key("facets"),
    Rule.FACET_STRATA: without_key("facets"),
    Rule.TARGET_UNKNOWN: another_target,
    Rule.TARGET_NOT_NAMED: another_target,
    Rule.TARGET_AMBIGUOUS: another_target,
    Rule.TARGET_DROPPED: target_kept,
    Rule.TARGET_ONE_CLASS: two_labels,
    Rule.TARGET_MANY_CLASSES: few_labels,
    Rule.TARGET_QUANTITY: as_numbers,
    Rule.TARGET_NOT_NUMBERS: without_key("task"),
    Rule.TARGET_ONE_NUMBER: other_numbers,
    Rule.TARGET_TAILS: logarithms,
    Rule.CLASS_TOO_SMALL: commonest_for_rare,
    Rule.LABELS_ALIKE: one_spelling,
    Rule.LABEL_TOO_LONG: shorter_labels,
    Rule.POSITIVE_UNKNOWN: without_key("positive"),
    Rule.POSITIVE_OF_MANY: without_key("positive"),
    Rule.SPLIT_COLUMN_UNKNOWN: without_key("split"),
    Rule.SPLIT_COLUMN_KIND: without_key("split"),
    **dict.fromkeys(
        (
            Rule.RAGGED_ROW,
            Rule.UNCLOSED_QUOTE,
            Rule.STRAY_QUOTE,
            Rule.CELL_TOO_LONG,
            Rule.NOT_A_NUMBER,
            Rule.INFINITE_NUMBER,
            Rule.NUMBER_TOO_LARGE,
            Rule.NOT_A_DATE,
            Rule.TARGET_MISSING,
            Rule.SPLIT_VALUE_MISSING,
        ),
        good_rows,
    ),
}

NOTHING_TO_DO: Final = frozenset(rule for rule in Rule if FIX[rule].startswith("Nothing to do"))
"""Their advice is to leave the file as it is, if that is what it means."""

ANOTHER_FILE: Final[Mapping[Rule, str]] = {
    Rule.FILE_EMPTY: "there is nothing in it that could be fixed",
    Rule.NOT_CSV: "the table is inside a workbook, an archive or another format",
    Rule.GZIP_DAMAGED: "what is missing of the archive is not in it",
}

ELSEWHERE: Final[Mapping[Rule, str]] = {
    rule: "`contract: reset`, and the advice on a second file, are held in tests of the contract"
    for rule in Rule
    if rule.startswith("contract_")
}
