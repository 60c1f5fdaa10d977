"""Cases of lines: delimiters, line ends, quotes, ragged rows, and lines that are no rows."""

from __future__ import annotations

from typing import Final

from tests.corpus.case import HEADER, Case, Said, cells, lines, on_lines, others, table, text, with_cells, with_lines

DELIMITER: Final = "semicolons, tabs, bars, or several delimiters"
SEP: Final = "Excel's `sep=;` line"
LINE_ENDS: Final = "CRLF, mixed line ends, Unicode line separators"
OLD_MAC: Final = "carriage returns alone"
CUT: Final = "a file that breaks off"
BLANK_LINES: Final = "blank lines, and rows of delimiters only"
QUOTED: Final = "everything quoted"
LINES_IN_CELLS: Final = "line ends inside quoted cells"
DOUBLED: Final = "quotes inside cells, doubled or not"
SINGLE_QUOTES: Final = "other characters as quotes"
UNCLOSED: Final = "a quote that is not closed"
RAGGED: Final = "rows too short or too long"
TRAILING: Final = "rows a cell longer than the header"
JSON: Final = "JSON or HTML in cells"
COMMENT: Final = "lines above the header, or a second one below it"
REPEATED_HEADER: Final = "the header repeated among the rows"
TOTALS: Final = "a total or a footer at the end"
LONG_ROW: Final = "a row of more than 1 MiB, a cell of more than 64 KiB"

_LABEL, _AGE, _CITY, _NOTE, _SCORE = "label", "age", "city", "note", "score"
_SWALLOW: Final = (30, 90)
"""Lines of two stray quotes."""


def _quoted(quote: str = '"', blank: str = "") -> str:
    return "\n".join(
        f",{blank}".join(f"{quote}{cell}{quote}" for cell in line.split(",")) for line in text().splitlines()
    )


def _units() -> list[str]:
    return [",years,,,points", *lines()]


def _long(size: int) -> str:
    """A row of that many bytes."""
    start, end = '1,30,"', '",x,0.5'
    return f"{start}{'x' * (size - len(start) - len(end))}{end}"


LINES: Final = (
    Case("semicolon", DELIMITER, "semicolons", others(";").encode(), delimiter="semicolon"),
    Case("tab", DELIMITER, "tabs", others("\t").encode(), delimiter="tab", suffix=".tsv"),
    Case("bar", DELIMITER, "vertical bars", others("|").encode(), delimiter="vertical bar"),
    Case(
        "semicolon-decimal-comma",
        DELIMITER,
        "semicolons, and commas inside numbers",
        others(";").replace(".", ",").encode(),
        delimiter="semicolon",
        kinds={_SCORE: "number"},
        extremes={_SCORE: (0, 44.03)},
    ),
    Case(
        "commas-in-semicolon-file",
        DELIMITER,
        "each text has as many commas as a row has semicolons",
        others(";").replace("Oslo", "Oslo, Norway, North, Europe, Earth").encode(),
        delimiter="semicolon",
    ),
    Case(
        "delimiters-in-quotes",
        DELIMITER,
        "semicolons and bars inside quoted cells",
        table([row.replace("Oslo", '"Oslo; Norway | North"') for row in lines()]),
        delimiter="comma",
    ),
    Case(
        "blanks-after-delimiter",
        DELIMITER,
        "a blank after each comma",
        text().replace(",", ", ").encode(),
        kinds={_AGE: "number", _CITY: "text"},
        extremes={_AGE: (20, 69)},
    ),
    Case(
        "blanks-and-quotes",
        DELIMITER,
        "a blank after each comma, and quotes after it",
        _quoted(blank=" ").encode(),
        kinds={_AGE: "number"},
        extremes={_AGE: (20, 69)},
    ),
    Case(
        "two-bars",
        DELIMITER,
        "a delimiter of two characters: every second column has neither a name nor values",
        others("||").encode(),
        warnings=(Said("unnamed_column", 1),),
        delimiter="vertical bar",
    ),
    Case(
        "mixed-delimiters",
        DELIMITER,
        "half of the rows have semicolons",
        table([row.replace(",", ";") if i % 2 else row for i, row in enumerate(lines())]),
        (Said("too_many_rejected"),),
        on_lines(range(3, 122, 2), "ragged_row"),
    ),
    Case(
        "one-row-of-semicolons",
        DELIMITER,
        "one row was pasted from another export",
        with_lines({70: lines()[68].replace(",", ";")}),
        rejected_rows=((70, "ragged_row", ""),),
    ),
    Case("sep-semicolon", SEP, "it tells Excel the delimiter", b"sep=;\n" + others(";").encode(), header_line=2),
    Case("sep-tab-crlf", SEP, "with tabs and CRLF", b"SEP=\t\r\n" + others("\t", "\r\n").encode(), header_line=2),
    Case(
        "sep-quoted", SEP, "in quotes, after a mark", '\ufeff"sep=|"\n'.encode() + others("|").encode(), header_line=2
    ),
    Case(
        "sep-wrong",
        SEP,
        "it names another delimiter than the file has",
        b"sep=;\n" + table(),
        (Said("single_column", 2),),
    ),
    Case("crlf", LINE_ENDS, "Windows' line ends", table(end="\r\n")),
    Case(
        "mixed-line-ends",
        LINE_ENDS,
        "some lines end in LF, some in CRLF",
        "".join(line + ("\r\n" if i % 3 else "\n") for i, line in enumerate(text().splitlines())).encode(),
    ),
    Case("header-crlf-rows-lf", LINE_ENDS, "the header alone ends in CRLF", text().replace("\n", "\r\n", 1).encode()),
    Case("no-last-line-end", LINE_ENDS, "the last row has no line end", table().rstrip(b"\n")),
    Case(
        "line-separators",
        LINE_ENDS,
        "U+2028 and U+2029, at which Python's `splitlines` cuts",
        with_cells({(57, _CITY): "Os\u2028lo", (58, _CITY): "Ro\u2029me", (90, _AGE): "old"}),
        rejected_rows=((90, "not_a_number", _AGE),),
    ),
    Case(
        "next-line-character",
        LINE_ENDS,
        "U+0085, vertical tab and form feed",
        with_cells({(57, _CITY): "Os\u0085lo", (58, _CITY): "Ro\vme", (59, _CITY): "Be\frn", (90, _AGE): "old"}),
        rejected_rows=((90, "not_a_number", _AGE),),
    ),
    Case(
        "carriage-returns",
        OLD_MAC,
        "line ends of a very old Mac",
        table(end="\r"),
        (Said("stray_carriage_return", 1),),
    ),
    Case(
        "carriage-returns-twice",
        OLD_MAC,
        "CR CR LF: line ends that were translated twice",
        table(end="\r\r\n"),
        (Said("header_unreadable", 1),),
    ),
    Case(
        "carriage-return-in-a-cell",
        OLD_MAC,
        "a cell with a carriage return, not quoted",
        with_cells({(57, _CITY): "Os\rlo"}),
        rejected_rows=((57, "stray_carriage_return", _CITY),),
    ),
    Case(
        "carriage-return-quoted",
        OLD_MAC,
        "the same in quotes is a text",
        with_cells({(57, _CITY): '"Os\rlo"'}),
    ),
    Case(
        "cut-in-a-row",
        CUT,
        "the last row has three cells",
        table([*lines(), "1,30,Os"]).rstrip(b"\n"),
        rejected_rows=((122, "ragged_row", ""),),
        rows=121,
    ),
    Case(
        "cut-in-quotes",
        CUT,
        "the last cell is not closed",
        table([*lines(), '1,30,"Os']).rstrip(b"\n"),
        rejected_rows=((122, "unclosed_quote", _CITY),),
        rows=121,
    ),
    Case(
        "cut-in-a-number",
        CUT,
        "the last row is whole, but its number is not: nothing tells",
        table().rstrip(b"3\n"),
    ),
    Case(
        "blank-lines-at-the-end",
        BLANK_LINES,
        "as many editors leave them",
        table([*lines(), "", "", ""]),
        warnings=(Said("blank_lines", 122),),
    ),
    Case(
        "blank-lines-at-the-start",
        BLANK_LINES,
        "two blank lines, then the header",
        b"\n \n" + table(),
        header_line=3,
    ),
    Case(
        "double-spaced",
        BLANK_LINES,
        "a blank line after each row",
        table(end="\n\n"),
        warnings=(Said("blank_lines", 2),),
    ),
    Case(
        "blanks-in-blank-lines",
        BLANK_LINES,
        "blanks in them, and CRLF",
        table([*lines()[:50], "   ", *lines()[50:]], end="\r\n"),
        warnings=(Said("blank_lines", 52),),
    ),
    Case(
        "one-row-of-commas",
        BLANK_LINES,
        "Excel's trace of a row that was emptied",
        table([*lines(), ",,,,"]),
        rejected_rows=((122, "target_missing", _LABEL),),
        rows=121,
    ),
    Case(
        "rows-of-commas",
        BLANK_LINES,
        "a dozen of them at the end",
        table([*lines(), *[",,,,"] * 12]),
        (Said("too_many_rejected"),),
        on_lines(range(122, 134), "target_missing", _LABEL),
        rows=132,
    ),
    Case(
        "rows-of-commas-allowed",
        BLANK_LINES,
        "with `max_rejected_share: 0.1` they are rejected",
        table([*lines(), *[",,,,"] * 12]),
        rejected_rows=on_lines(range(122, 134), "target_missing", _LABEL),
        config={"max_rejected_share": 0.1},
        rows=132,
    ),
    Case("all-quoted", QUOTED, "every cell in quotes", _quoted().encode(), kinds={_AGE: "number", _SCORE: "number"}),
    Case(
        "all-quoted-crlf-semicolon",
        QUOTED,
        "and semicolons, CRLF and a mark",
        b"\xef\xbb\xbf" + _quoted().replace(",", ";").replace("\n", "\r\n").encode(),
        delimiter="semicolon",
        kinds={_AGE: "number"},
    ),
    Case(
        "empty-quotes",
        QUOTED,
        '`""` is a missing value like nothing at all',
        table([row.replace(",,", ',"",') for row in lines()]),
        kinds={_NOTE: "text"},
    ),
    Case(
        "line-end-in-a-cell",
        LINES_IN_CELLS,
        "an address of two lines; the lines below are counted as an editor counts them",
        with_cells({(57, _CITY): '"Karl Johans gate 1\nOslo"', (90, _AGE): "old"}),
        rejected_rows=((91, "not_a_number", _AGE),),
    ),
    Case(
        "crlf-in-a-cell",
        LINES_IN_CELLS,
        "CRLF in a cell of a file with LF",
        with_cells({(57, _CITY): '"Karl Johans gate 1\r\nOslo"'}),
    ),
    Case(
        "letters",
        LINES_IN_CELLS,
        "a letter with blank lines in every row",
        table([row.replace("Oslo", '"Dear all,\n\nplease come\nYours"') for row in lines()]),
        kinds={_CITY: "text"},
    ),
    Case(
        "lines-like-rows-in-a-cell",
        LINES_IN_CELLS,
        "two stray quotes near each other: a cell over lines that look like rows",
        with_lines({30: '1,30,"Oslo,x,0.5', 32: '1,31,5",x,2.0'}),
        rows=118,
        warnings=(Said("multi_line_cell", 30),),
    ),
    Case(
        "backslash-quotes",
        DOUBLED,
        '`\\"`, as MySQL and JSON write it',
        with_cells({(57, _CITY): r'"the \"old\" town"'}),
        rejected_rows=((57, "stray_quote", _CITY),),
    ),
    Case(
        "doubled-quotes",
        DOUBLED,
        "written twice, as RFC 4180 says",
        with_cells({(57, _CITY): '"the ""old"" town"', (58, _CITY): '""""'}),
    ),
    Case("inches", DOUBLED, "a quote inside a cell without quotes", with_cells({(57, _CITY): '5" pipe'})),
    Case(
        "backslash-quotes-everywhere",
        DOUBLED,
        "in every third row",
        table([row.replace("Oslo", r'"the \"old\" town"') for row in lines()]),
        (Said("too_many_rejected"),),
        on_lines(range(2, 122, 3), "stray_quote", _CITY),
    ),
    Case(
        "text-after-quotes",
        DOUBLED,
        '`"Os"lo`',
        with_cells({(57, _CITY): '"Os"lo'}),
        rejected_rows=((57, "stray_quote", _CITY),),
    ),
    Case(
        "blank-before-quotes",
        DOUBLED,
        "a blank before the quotes in one row alone",
        with_cells({(57, _CITY): ' "Oslo"'}),
        rejected_rows=((57, "stray_quote", _CITY),),
    ),
    Case(
        "single-quotes",
        SINGLE_QUOTES,
        "single quotes around every cell: they are part of the text",
        _quoted("'").encode(),
        (Said("target_not_named"),),
    ),
    Case(
        "single-quotes-around-commas",
        SINGLE_QUOTES,
        "single quotes around a comma do not hide it",
        with_cells({(57, _CITY): "'Oslo, Norway'"}),
        rejected_rows=((57, "ragged_row", ""),),
    ),
    Case(
        "typographic-quotes",
        SINGLE_QUOTES,
        "quotation marks of a word processor around a comma do not hide it",
        with_cells({(57, _CITY): "“Oslo, Norway”"}),
        rejected_rows=((57, "ragged_row", ""),),
    ),
    Case(
        "single-quoted-numbers",
        SINGLE_QUOTES,
        "numbers in single quotes are texts to every reader",
        table([",".join([*row[:4], f"'{row[4]}'"]) for row in cells()]),
        kinds={_SCORE: "text"},
        warnings=(Said("number_as_text", column=_SCORE),),
    ),
    Case(
        "unclosed-quote",
        UNCLOSED,
        "one quote opens and never closes; the rows below are read",
        with_cells({(57, _CITY): '"Oslo'}),
        rejected_rows=((57, "unclosed_quote", _CITY),),
    ),
    Case(
        "unclosed-quote-in-the-first-row",
        UNCLOSED,
        "right below the header",
        with_cells({(2, _CITY): '"Oslo'}),
        rejected_rows=((2, "unclosed_quote", _CITY),),
    ),
    Case(
        "two-stray-quotes",
        UNCLOSED,
        "a second stray quote far below closes it: the rows between must not be lost",
        with_lines({_SWALLOW[0]: '1,30,"Oslo,x,0.5', _SWALLOW[1]: '1,31,5",x,2.0'}),
        rejected_rows=((_SWALLOW[0], "unclosed_quote", _CITY),),
    ),
    Case("short-row", RAGGED, "a row of two cells", with_lines({57: "1,30"}), rejected_rows=((57, "ragged_row", ""),)),
    Case(
        "whole-rows-quoted",
        RAGGED,
        "each row as one quoted cell",
        table([f'"{row}"' for row in lines()]),
        (Said("lines_quoted", 2),),
    ),
    Case(
        "comment-among-rows",
        RAGGED,
        "a comment between two rows",
        table([*lines()[:50], "# April", *lines()[50:]]),
        rejected_rows=((52, "ragged_row", ""),),
        rows=121,
    ),
    Case(
        "long-row",
        RAGGED,
        "a comma in a text that is not quoted",
        with_lines({57: "1,30,Oslo, Norway,x,0.5"}),
        rejected_rows=((57, "ragged_row", ""),),
    ),
    Case(
        "many-ragged-rows",
        RAGGED,
        "one row in ten is short",
        table([row.rpartition(",")[0] if i % 10 == 0 else row for i, row in enumerate(lines())]),
        (Said("too_many_rejected"),),
        on_lines(range(2, 122, 10), "ragged_row"),
    ),
    Case(
        "many-ragged-rows-allowed",
        RAGGED,
        "with `max_rejected_share: 0.1` the run goes on",
        table([row.rpartition(",")[0] if i % 10 == 0 else row for i, row in enumerate(lines())]),
        rejected_rows=on_lines(range(2, 122, 10), "ragged_row"),
        config={"max_rejected_share": 0.1},
    ),
    Case(
        "exactly-the-share",
        RAGGED,
        "1 of 100 rows is exactly 1 %: not beyond it",
        table([*lines(99), "1,30"]),
        rejected_rows=((101, "ragged_row", ""),),
        rows=100,
    ),
    Case(
        "none-allowed",
        RAGGED,
        "with `max_rejected_share: 0` one bad row refuses the file",
        with_lines({57: "1,30"}),
        (Said("too_many_rejected"),),
        ((57, "ragged_row", ""),),
        config={"max_rejected_share": 0},
    ),
    Case(
        "trailing-delimiters",
        TRAILING,
        "the rows have a comma more than the header",
        table([row + "," for row in lines()]),
        warnings=(Said("unnamed_column", 1),),
    ),
    Case(
        "trailing-delimiters-and-header",
        TRAILING,
        "the header has it, too: a column without a name, which is left out",
        text().replace("\n", ",\n").encode(),
        warnings=(Said("unnamed_column", 1),),
        uses={"Unnamed: 5": "dropped"},
    ),
    Case(
        "row-names",
        TRAILING,
        "R's `write.table`: the column of row names has no name",
        table([f"{i + 1},{row}" for i, row in enumerate(lines())]),
        warnings=(Said("row_index", 1),),
    ),
    Case(
        "row-names-of-text",
        TRAILING,
        "row names that are texts: nothing tells that it is the first cell that has no name",
        table([f"r{i * 7 % 120},{row}" for i, row in enumerate(lines())]),
        (Said("too_many_rejected"),),
        on_lines(range(2, 122), "ragged_row"),
    ),
    Case(
        "json-in-cells",
        JSON,
        "quoted as RFC 4180 says",
        table([row.replace("Oslo", '"{""city"": ""Oslo"", ""zip"": [150, 151]}"') for row in lines()]),
        kinds={_CITY: "text"},
    ),
    Case(
        "json-without-quotes",
        JSON,
        "its commas cut the row",
        with_cells({(57, _CITY): '{"city": "Oslo", "zip": [150, 151]}'}),
        rejected_rows=((57, "stray_quote", _NOTE),),
    ),
    Case(
        "html-in-cells",
        JSON,
        "a paragraph with a script, over several lines",
        table([row.replace("Oslo", '"<p>Oslo<br/>\n<script>alert(1)</script>\n</p>"') for row in lines()]),
        kinds={_CITY: "text"},
    ),
    Case(
        "comment",
        COMMENT,
        "a comment line",
        b"# exported on 2024-03-01\n" + table(),
        warnings=(Said("title_lines", 1),),
        header_line=2,
    ),
    Case(
        "comment-with-comma",
        COMMENT,
        "a comment with a comma looks like a header of two columns",
        b"# exported on 2024-03-01, by hand\n" + table(),
        warnings=(Said("title_lines", 1),),
        header_line=2,
    ),
    Case(
        "comment-as-wide-as-the-table",
        COMMENT,
        "a comment with as many commas as the header",
        b"# one, two, three, four, five\n" + table(),
        warnings=(Said("title_lines", 1),),
        header_line=2,
    ),
    Case(
        "header-in-a-comment",
        COMMENT,
        "the header begins with the comment's mark: it is the header",
        table(header="#id,age,city,note,label"),
        config={"target": "#id"},
        header_line=1,
    ),
    Case(
        "title",
        COMMENT,
        "a title and a blank line, as reports have them",
        b"Customers of March\n\n" + table(),
        warnings=(Said("title_lines", 1),),
        header_line=3,
    ),
    Case(
        "title-with-commas",
        COMMENT,
        "a title in the first cell of a spreadsheet",
        b"Customers of March,,,,\n" + table(),
        warnings=(Said("title_lines", 1),),
        header_line=2,
    ),
    Case(
        "title-of-several-lines",
        COMMENT,
        "a report's head: title, blank lines, who made it, a comment",
        b'Customers of March\n\n"Report generated on 2024-03-01, 10:15"\nMade by:,the warehouse\n# 120 rows\n,,,,\n'
        + with_cells({(90, _AGE): "old"}),
        rejected_rows=((96, "not_a_number", _AGE),),
        warnings=(Said("title_lines", 1),),
        header_line=7,
    ),
    Case(
        "title-in-a-semicolon-file",
        COMMENT,
        "a title with a comma above semicolons, decimal commas and CRLF",
        b"\xef\xbb\xbfCustomers, March\r\n" + others(";", "\r\n").replace(".", ",").encode(),
        warnings=(Said("title_lines", 1),),
        delimiter="semicolon",
        header_line=2,
        extremes={_SCORE: (0, 44.03)},
    ),
    Case(
        "title-above-years",
        COMMENT,
        "a title, and years among the names",
        b"Customers of March\n" + table(header="label,2021,city,note,2022"),
        warnings=(Said("title_lines", 1),),
        header_line=2,
        kinds={"2021": "number", "2022": "number"},
    ),
    Case(
        "title-without-names",
        COMMENT,
        "a title right above the rows: there are no names",
        b"Customers of March\n" + table().split(b"\n", 1)[1],
        (Said("header_below_title", 1),),
    ),
    Case(
        "title-of-many-lines",
        COMMENT,
        "more lines above the header than are passed over",
        b"".join(b"line %d of the terms\n" % i for i in range(30)) + table(),
        (Said("header_below_title", 1),),
    ),
    Case(
        "units",
        COMMENT,
        "a row of units below the names",
        table(_units()),
        rejected_rows=(
            (2, "target_missing", _LABEL),
            (2, "not_a_number", _AGE),
            (2, "not_a_number", _SCORE),
        ),
        rows=121,
    ),
    Case(
        "two-header-rows",
        COMMENT,
        "names for machines, then names for people",
        table(["Outcome,Age in years,City,A note,Score", *lines()]),
        rejected_rows=((2, "not_a_number", _AGE), (2, "not_a_number", _SCORE)),
        rows=121,
    ),
    Case(
        "header-over-two-lines",
        COMMENT,
        "a line end inside a quoted name is no second row",
        table(header='label,"age\n(years)",city,note,score'),
        kinds={"age\n(years)": "number"},
    ),
    Case(
        "joined-exports",
        REPEATED_HEADER,
        "two exports joined (`cat a.csv b.csv`)",
        table([*lines()[:60], HEADER, *lines()[60:]]),
        warnings=(Said("header_repeated", 62),),
        look_at=(62, "label"),
    ),
    Case(
        "many-joined-exports",
        REPEATED_HEADER,
        "an export for each of twelve months, joined",
        table([row for i, line in enumerate(lines()) for row in ([HEADER, line] if i and i % 10 == 0 else [line])]),
        warnings=(Said("header_repeated", 12),),
    ),
    Case(
        "joined-reports",
        REPEATED_HEADER,
        "reports with a title and quoted names, joined; CRLF, and a mark before each",
        "".join(
            '\ufeffCustomers,,,,\r\n"label","age","city","note","score"\r\n'
            + "".join(f"{row}\r\n" for row in lines()[n::3])
            for n in range(3)
        ).encode(),
        warnings=(Said("title_lines", 1), Said("header_repeated", 43)),
        header_line=2,
    ),
    Case(
        "joined-exports-of-texts",
        REPEATED_HEADER,
        "where every column is text, nothing but the repetition tells a header from a row",
        "".join(
            "label,city,note\n"
            + "".join(f"{'yes' if row[0] == '1' else 'no'},{row[2]},{row[3]}{i % 4}\n" for row in cells()[:40])
            for i in range(12)
        ).encode(),
        warnings=(Said("header_repeated", 42), Said("duplicate_rows")),
        rows=480,
    ),
    Case(
        "total-with-blank-label",
        TOTALS,
        "a row of totals without a label",
        table([*lines(), ",5290,,,2641.80"]),
        rejected_rows=((122, "target_missing", _LABEL),),
        rows=121,
    ),
    Case(
        "total-in-the-label",
        TOTALS,
        "`Total` stands in the label's column: it is no class",
        table([*lines(), "Total,5290,,,2641.80"]),
        warnings=(Said("footer_lines", 122),),
    ),
    Case(
        "footer",
        TOTALS,
        "a line on who exported it",
        table([*lines(), "Exported by the warehouse"]),
        warnings=(Said("footer_lines", 122),),
    ),
    Case(
        "row-count",
        TOTALS,
        "psql's `(120 rows)`",
        table([*lines(), "(120 rows)"]),
        warnings=(Said("footer_lines", 122),),
    ),
    Case(
        "total-and-footers",
        TOTALS,
        "a total, a blank line, two remarks and blank lines",
        table([*lines(), ",,Total,,2641.80", "", "Exported by the warehouse,,,,", '"Page 1, the last"', "", ""]),
        warnings=(Said("footer_lines", 122),),
    ),
    Case(
        "total-among-the-rows",
        TOTALS,
        "`Total` as a value of a category is a value",
        table([row.replace("Oslo", "Total") for row in lines()]),
        kinds={_CITY: "text"},
    ),
    Case(
        "row-too-long",
        LONG_ROW,
        "one byte more than 1 MiB",
        lambda: with_lines({57: _long((1 << 20) + 1)}),
        rejected_rows=((57, "record_too_long", ""),),
    ),
    Case(
        "line-of-megabytes",
        LONG_ROW,
        "a line of 5 MB: more than is held at once",
        lambda: with_lines({57: "1,30," + "x" * 5_000_000}),
        rejected_rows=((57, "record_too_long", ""),),
    ),
    Case(
        "cell-too-long",
        LONG_ROW,
        "one byte more than 64 KiB",
        lambda: with_cells({(57, _CITY): "x" * 65_537}),
        rejected_rows=((57, "cell_too_long", _CITY),),
    ),
    Case(
        "cell-of-two-byte-characters",
        LONG_ROW,
        "fewer characters than the cap, but more bytes",
        lambda: with_cells({(57, _CITY): "ü" * 40_000}),
        rejected_rows=((57, "cell_too_long", _CITY),),
    ),
    Case(
        "row-of-1-mib",
        LONG_ROW,
        "a row of exactly 1 MiB is a row, but this cell is too long",
        lambda: with_lines({57: _long(1 << 20)}),
        rejected_rows=((57, "cell_too_long", _CITY),),
    ),
    Case(
        "cell-as-long-as-may-be",
        LONG_ROW,
        "exactly 64 KiB",
        lambda: with_cells({(57, _CITY): "x" * 65_536}),
    ),
)
