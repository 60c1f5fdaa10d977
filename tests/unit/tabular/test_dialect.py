"""Delimiters, line ends, byte order marks: read as what they are, with the same result."""

from __future__ import annotations

import pytest

from tests.unit.tabular.conftest import Judge, data_rows, table


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_dialect_gives_the_same_training_data(
    judge: Judge, delimiter: str, name: str, ending: str, mark: str
) -> None:
    plain = judge(table()).rows()
    judged = judge(mark + table().replace(",", delimiter).replace("\n", ending))
    assert judged.report.dialect is not None
    assert judged.report.dialect.delimiter == name
    assert judged.report.warnings == ()
    assert judged.rows() == plain


def test_mixed_line_ends_give_the_same_training_data(judge: Judge) -> None:
    lines = table().splitlines()
    mixed = "".join(line + ("\r\n" if i % 3 else "\n") for i, line in enumerate(lines))
    assert judge(mixed).rows() == judge(table()).rows()


def test_a_file_without_a_last_line_end_keeps_its_last_row(judge: Judge) -> None:
    assert judge(table().rstrip("\n")).report.rows.accepted == 120


def test_quoting_every_cell_changes_nothing(judge: Judge) -> None:
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in table().splitlines())
    assert judge(quoted).rows() == judge(table()).rows()


def test_delimiters_inside_quotes_do_not_mislead(judge: Judge) -> None:
    rows = [row.replace("Oslo", '"Oslo; Norway; North"') for row in data_rows()]
    judged = judge(table(rows))
    assert judged.report.dialect is not None
    assert judged.report.dialect.delimiter == "comma"
    assert "city=Oslo; Norway; North" in [feature.name for feature in judged.recipe.features]


def test_a_header_over_several_lines_below_blank_ones_is_read(judge: Judge) -> None:
    judged = judge("\n\n" + table(header='"age\n(years)",city,note,score,label'))
    assert judged.report.verdict == "accepted"
    assert judged.report.columns[0].name == "age\n(years)"
    bad = judge("\n\n" + table(["30,Oslo", *data_rows()], header='"age\n(years)",city,note,score,label'))
    assert bad.rejected_rows[0]["line"] == "5"


def test_names_and_cells_with_quotes_and_sql_in_them_are_only_text(judge: Judge) -> None:
    header = 'age,"it\'s ""; DROP TABLE cells; --",note,score,label'
    rows = [row.replace("Oslo", "O'slo'); --") for row in data_rows()]
    judged = judge(table(rows, header=header), missing=["", "'"])
    names = [feature.name for feature in judged.recipe.features]
    assert "it's \"; DROP TABLE cells; --=O'slo'); --" in names
