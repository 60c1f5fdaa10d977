"""Cases of the header row, and of text that is dangerous to whoever shows or opens it."""

from __future__ import annotations

from typing import Final

from tests.corpus.case import HEADER, Case, Said, cells, first_class, lines, table, text, with_cells, with_column

MISSING: Final = "no header, or numbers for one"
BLANK: Final = "a column without a name"
DUPLICATE: Final = "names that are equal, or equal to the eye"
UNREADABLE: Final = "a header that cannot be read, or a very long name"
WIDE: Final = "too many columns"
FORMULA_CELLS: Final = "formulas for a spreadsheet, in names and cells"
HTML_NAMES: Final = "HTML, SQL and line ends in names"
HEADERLESS: Final = "SageMaker's own form, without a header (`header: false`)"

_NO_HEADER: Final = {"header": False}


def _named(header: str) -> bytes:
    return table(header=header)


def _words() -> bytes:
    """Rows of words only, below a header that is a row."""
    return b"yes,red,round\n" + b"yes,red,round\nno,blue,flat\nno,green,round\n" * 40


def _wide(columns: int) -> bytes:
    names = ",".join(["label", *(f"f{i}" for i in range(1, columns))])
    return "\n".join([names, *(",".join([str(r % 2), *(["1"] * (columns - 1))]) for r in range(60))]).encode()


def _headerless(count: int = 120) -> str:
    """SageMaker's own form: the label first, then numbers."""
    return "".join(f"{row[0]},{row[1]},{len(row[2]) + i % 4},{row[4]}\n" for i, row in enumerate(cells(count)))


HEADERS: Final = (
    Case(
        "no-header",
        MISSING,
        "the first row is a case like the others",
        "\n".join(lines()).encode(),
        (Said("header_missing", 1),),
    ),
    Case("no-header-of-words", MISSING, "a table of words alone", _words(), (Said("header_missing", 1),), rows=121),
    Case(
        "no-header-with-a-blank",
        MISSING,
        "and the first case has a blank cell",
        "\n".join(["1,,Oslo,x,0.5", *lines()]).encode(),
        (Said("header_missing", 1),),
        rows=121,
    ),
    Case(
        "numbers-for-a-header",
        MISSING,
        "SageMaker's own form without `header: false`",
        _headerless().encode(),
        (Said("header_missing", 1),),
    ),
    Case(
        "names-are-numbers",
        MISSING,
        "`0,1,2,3`: a data frame that was written with its default names",
        ("0,1,2,3\n" + _headerless()).encode(),
        (Said("header_missing", 1),),
    ),
    Case(
        "years-for-names",
        MISSING,
        "names that are numbers beside a name that is none are names",
        _named("label,2021,city,note,2022"),
        kinds={"2021": "number", "2022": "number"},
    ),
    Case(
        "index-without-a-name",
        BLANK,
        "pandas' `to_csv` writes the index",
        table([f"{i},{row}" for i, row in enumerate(lines())], header="," + HEADER),
        warnings=(Said("row_index", 1),),
        uses={"Unnamed: 0": "dropped", "age": "number"},
    ),
    Case(
        "shuffled-index-without-a-name",
        BLANK,
        "and the rows were shuffled and filtered before",
        table([f"{i * 53 % 211 * 2},{row}" for i, row in enumerate(lines())], header="," + HEADER),
        warnings=(Said("row_index", 1),),
        uses={"Unnamed: 0": "dropped"},
    ),
    Case(
        "row-names-without-a-name",
        BLANK,
        "R's `write.csv` writes the names of the rows under an empty name",
        table([f"Mazda RX{i},{row}" for i, row in enumerate(lines())], header='"",' + HEADER),
        warnings=(Said("row_index", 1),),
        uses={"Unnamed: 0": "dropped"},
    ),
    Case(
        "blank-name", BLANK, "one of the names is missing", _named("label,age,,note,score"), (Said("header_blank", 1),)
    ),
    Case("blanks-for-a-name", BLANK, "a name of blanks", _named("label,age,  ,note,score"), (Said("header_blank", 1),)),
    Case("whitespace-header", BLANK, "nothing but blanks", _named(" ,  ,\t, ,  "), (Said("header_blank", 1),)),
    Case(
        "quoted-blank-name",
        BLANK,
        "an empty name in quotes",
        _named('label,age,"",note,score'),
        (Said("header_blank", 1),),
    ),
    Case(
        "no-break-space-name",
        BLANK,
        "a name of one no-break space",
        _named("label,age,\u00a0,note,score"),
        (Said("header_blank", 1),),
    ),
    Case(
        "name-twice",
        DUPLICATE,
        "a join without suffixes",
        _named("label,age,city,age,score"),
        (Said("header_duplicate", 1, "age"),),
    ),
    Case(
        "names-that-differ-in-blanks",
        DUPLICATE,
        "`age` and `age ` are one name",
        _named("label,age,city, age ,score"),
        (Said("header_duplicate", 1, "age"),),
    ),
    Case(
        "target-twice",
        DUPLICATE,
        "the label's name stands twice",
        _named("label,age,city,note,label"),
        (Said("header_duplicate", 1, "label"),),
        config={"target": "label"},
    ),
    Case(
        "two-names-twice",
        DUPLICATE,
        "each of them is named",
        _named("label,age,city,age,city"),
        (Said("header_duplicate", 1, "age"), Said("header_duplicate", 1, "city")),
    ),
    Case(
        "25-names-twice",
        DUPLICATE,
        "no more than twenty are listed",
        table(
            [f"{row},{','.join('1' * 50)}" for row in lines()], f"{HEADER},{','.join([f'a{i}' for i in range(25)] * 2)}"
        ),
        tuple(Said("header_duplicate", 1, f"a{i}") for i in range(20)),
    ),
    Case(
        "names-that-differ-in-case",
        DUPLICATE,
        "`age` and `Age` are two names",
        _named("label,age,city,Age,score"),
        kinds={"age": "number", "Age": "text"},
    ),
    Case(
        "zero-width-names",
        DUPLICATE,
        "zero-width spaces and a mark inside the names",
        _named("lab\u200bel,\u200bage,ci\ufeffty,note\u2060,score"),
        config={"target": "label"},
        kinds={"age": "number", "city": "text", "note": "text"},
    ),
    Case(
        "zero-width-twice",
        DUPLICATE,
        "two names that only a zero-width space tells apart",
        _named("label,age,age\u200b,note,score"),
        (Said("header_duplicate", 1, "age"),),
    ),
    Case(
        "zero-width-name",
        DUPLICATE,
        "a name of a zero-width space alone",
        _named("label,age,\u200b,note,score"),
        (Said("header_blank", 1),),
    ),
    Case(
        "no-break-space-in-target",
        DUPLICATE,
        "a no-break space after the target's name",
        _named("label\u00a0,age,city,note,score"),
        config={"target": "label"},
    ),
    Case(
        "header-not-closed",
        UNREADABLE,
        "a quote in the header is not closed",
        _named('label,"age,city,note,score'),
        (Said("header_unreadable", 1),),
    ),
    Case(
        "header-text-after-quotes",
        UNREADABLE,
        "text follows the closing quote",
        _named('label,"age"s,city,note,score'),
        (Said("header_unreadable", 1),),
    ),
    Case(
        "long-name",
        UNREADABLE,
        "a name of 300 characters",
        _named(f"label,{'a' * 300},city,note,score"),
        (Said("header_too_long", 1),),
    ),
    Case(
        "name-as-long-as-may-be", UNREADABLE, "a name of 256 characters", _named(f"label,{'a' * 256},city,note,score")
    ),
    Case(
        "name-of-megabytes",
        UNREADABLE,
        "a header of 2 MB: a text where the names should be",
        lambda: _named(f"label,{'a' * 2_000_000},city,note,score"),
        (Said("record_too_long", 1),),
    ),
    Case("5001-columns", WIDE, "one more than may be", lambda: _wide(5001), (Said("too_many_columns", 1),), rows=60),
    Case(
        "5001-columns-headerless",
        WIDE,
        "the same without a header",
        lambda: _wide(5001).split(b"\n", 1)[1],
        (Said("too_many_columns"),),
        config=_NO_HEADER,
        rows=60,
    ),
    Case(
        "formula-names",
        FORMULA_CELLS,
        "names that a spreadsheet runs; they are text, and in rejected_rows.csv they get an apostrophe",
        with_cells({(57, "score"): "bad"}).replace(b"score", b"=HYPERLINK(A1)", 1),
        rejected_rows=((57, "not_a_number", "'=HYPERLINK(A1)"),),
        look_at=(57, "=HYPERLINK(A1)"),
    ),
    Case(
        "command-names",
        FORMULA_CELLS,
        "a name that starts a program in old spreadsheets",
        _named("label,age,city,note,\"=cmd|' /C calc'!A0\""),
        kinds={"=cmd|' /C calc'!A0": "number"},
    ),
    Case(
        "formula-cells",
        FORMULA_CELLS,
        "formulas among the texts of a column are texts",
        table([row.replace("Oslo", "=1+1").replace("Rome", "@SUM(A1)") for row in lines()]),
        kinds={"city": "text"},
    ),
    Case(
        "formula-in-a-bad-row",
        FORMULA_CELLS,
        "a bad row that begins as a formula gets an apostrophe where it is reported",
        table([*lines(), "=HYPERLINK(A1),30"]),
        rejected_rows=((122, "ragged_row", ""),),
        rows=121,
    ),
    Case(
        "formula-for-a-number",
        FORMULA_CELLS,
        "a formula in a column of numbers",
        with_cells({(57, "age"): "=20+10"}),
        rejected_rows=((57, "not_a_number", "age"),),
    ),
    Case(
        "formula-label",
        FORMULA_CELLS,
        "labels that a spreadsheet would run",
        table([",".join(["+1" if first_class(i) else "-1", *row[1:]]) for i, row in enumerate(cells())]),
        classes=("-1", "+1"),
    ),
    Case(
        "html-names",
        HTML_NAMES,
        "a script for whoever shows the names on a page",
        _named("label,<script>alert(1)</script>,<b>city</b>,note,score"),
        kinds={"<script>alert(1)</script>": "number"},
    ),
    Case(
        "sql-names",
        HTML_NAMES,
        "SQL for whoever pastes names into statements",
        _named('label,"age"" FROM cells; DROP TABLE cells; --",city,note,it\'s'),
        kinds={'age" FROM cells; DROP TABLE cells; --': "number", "it's": "number"},
    ),
    Case(
        "internal-names",
        HTML_NAMES,
        "the names that engines and programs use inside",
        _named("label,c0,rowid,ordinal,part"),
        kinds={"c0": "number", "part": "number"},
    ),
    Case(
        "line-end-in-a-name",
        HTML_NAMES,
        "messages show it on one line",
        with_column(lambda i: str(16_777_217 + i * i % 77), "a\nb"),
        warnings=(Said("inexact_integers", column="a\nb"),),
    ),
    Case(
        "emoji-names",
        HTML_NAMES,
        "emoji, right-to-left letters, backticks and placeholders",
        _named("label,😀,עיר,`note`,{score}"),
        kinds={"😀": "number", "{score}": "number"},
    ),
    Case(
        "headerless",
        HEADERLESS,
        "the label first, all numbers",
        _headerless().encode(),
        config=_NO_HEADER,
        kinds={"x1": "number"},
    ),
    Case(
        "headerless-text",
        HEADERLESS,
        "texts and blanks in the first row, too",
        "\n".join(lines()).encode(),
        config=_NO_HEADER,
        kinds={"x1": "number", "x2": "text", "x3": "text", "x4": "number"},
    ),
    Case(
        "headerless-target",
        HEADERLESS,
        "another column is the target",
        "".join(",".join(row[::-1]) + "\n" for row in cells()).encode(),
        config={**_NO_HEADER, "target": "x4"},
        kinds={"label": "number", "x3": "number"},
    ),
    Case(
        "headerless-target-unknown",
        HEADERLESS,
        "the target is a name that the file cannot have",
        _headerless().encode(),
        (Said("target_unknown"),),
        config={**_NO_HEADER, "target": "churned"},
    ),
    Case(
        "headerless-bad-rows",
        HEADERLESS,
        "the first line is line 1, also where it is bad",
        ("1,old,5,0.5\n" + _headerless(118) + "1,30\n").encode(),
        rejected_rows=((1, "not_a_number", "x1"), (120, "ragged_row", "")),
        config={**_NO_HEADER, "max_rejected_share": 0.02},
    ),
    Case(
        "headerless-equal-cells",
        HEADERLESS,
        "equal cells in the first row are no duplicate names",
        ("1,30,30,30\n" + _headerless(119)).encode(),
        config=_NO_HEADER,
    ),
    Case(
        "headerless-semicolon",
        HEADERLESS,
        "semicolons, decimal commas, CRLF and a mark",
        b"\xef\xbb\xbf" + _headerless().replace(",", ";").replace(".", ",").replace("\n", "\r\n").encode(),
        config=_NO_HEADER,
        delimiter="semicolon",
        kinds={"x3": "number"},
        extremes={"x3": (0, 44.03)},
    ),
    Case(
        "headerless-one-column",
        HEADERLESS,
        "labels alone",
        "\n".join(row[0] for row in lines()).encode(),
        (Said("single_column", 1),),
        config=_NO_HEADER,
    ),
    Case(
        "headerless-with-names",
        HEADERLESS,
        "a row of names above numbers",
        ("label,age,size,score\n" + _headerless()).encode(),
        (Said("header_unexpected", 1),),
        config=_NO_HEADER,
    ),
    Case(
        "headerless-with-names-and-texts",
        HEADERLESS,
        "a row of names above texts and numbers",
        text().encode(),
        (Said("header_unexpected", 1),),
        config=_NO_HEADER,
    ),
)
