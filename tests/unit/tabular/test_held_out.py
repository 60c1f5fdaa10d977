"""The test part's rows with the cells of the file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scoring.raw_rows import apply_recipe, read_raw_rows
from tabular import census
from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table


def held_out(judged: Judged) -> list[list[str]]:
    with (judged.out / "held_out" / "rows.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def numbered(rows: int = 200) -> list[list[str]]:
    """Rows that the recipe leaves their number in: a fraction, so that it is no identifier."""
    return [[f"{i * 37 % 211}.5", *row.split(",")] for i, row in enumerate(data_rows(rows))]


def test_they_are_the_rows_of_the_test_part_in_its_order(judge: Judge) -> None:
    rows = numbered()
    judged = judge(table([",".join(row) for row in rows], header="number," + HEADER))
    header, *written = held_out(judged)
    assert header == ["number", *HEADER.split(",")]
    assert len(written) == judged.report.rows.test > 0
    assert [float(row[0]) for row in written] == [float(row[1]) for row in judged.part("test")]
    assert written == [row for row in rows if row in written], "cells and order are the file's"


def test_cells_stand_as_they_are_in_any_column(judge: Judge) -> None:
    rows = numbered()
    odd = ['say "no"', "a,b", "", "NA", "two\nlines", "é ", "'q", "back\\slash"]
    text = "".join(
        ",".join(['"' + cell.replace('"', '""') + '"' for cell in [*row, f" {odd[i % 8]}"]]) + "\n"
        for i, row in enumerate(rows)
    )
    judged = judge(f'number,{HEADER},"no, ""te"""\n{text}', drop=['no, "te"'])
    header, *written = held_out(judged)
    assert header[-1] == 'no, "te"'
    expected = {row[0]: odd[i % 8].strip() for i, row in enumerate(rows)}
    assert [row[-1] for row in written] == [expected[row[0]] for row in written]
    assert {row[-1] for row in written} >= {'say "no"', "a,b", "", "NA", "two\nlines"}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_commas_in_a_file_of_another_delimiter_are_quoted(judge: Judge, delimiter: str) -> None:
    rows = [[row[0].replace(".", ","), *row[1:]] for row in numbered()]
    lines = [delimiter.join(row) for row in [["number", *HEADER.split(",")], *rows]]
    judged = judge("\n".join(lines))
    _, *written = held_out(judged)
    assert written == [row for row in rows if row in written]
    assert len(written) == judged.report.rows.test


def test_rows_that_are_set_aside_are_not_among_them(judge: Judge) -> None:
    rows = numbered()
    for row in rows[::15]:
        row[1] = "unknown"
    judged = judge(table([",".join(row) for row in rows], header="number," + HEADER), max_rejected_share=0.5)
    assert judged.report.rows.rejected == len(rows[::15]), judged.report.reasons
    _, *written = held_out(judged)
    assert len(written) == judged.report.rows.test
    assert "unknown" not in {row[1] for row in written}
    assert [float(row[0]) for row in written] == [float(row[1]) for row in judged.part("test")]


def test_a_file_that_is_gone_through_again_has_them_once(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    take = census.Census.take

    def counted(self: census.Census, path: Path) -> None:
        passes.append(path)
        take(self, path)

    monkeypatch.setattr(census.Census, "take", counted)
    # After the rows that are looked at first, the numbers have decimal commas.
    rows = [f"{i * 37 % 5003},5;{'1,5' if i > 2500 else 7};{'yes' if i % 3 else 'no'}" for i in range(5000)]
    judged = judge("\n".join(["number;amount;label", *rows]))
    assert len(passes) > 1
    _, *written = held_out(judged)
    assert len(written) == judged.report.rows.test
    made = apply_recipe(judged.recipe, read_raw_rows(judged.out / "held_out" / "rows.csv"))
    assert made.features[:, 0].tolist() == [float(row[1]) for row in judged.part("test")]


def test_a_file_without_a_header_has_its_columns_by_their_made_names(judge: Judge) -> None:
    rows = [",".join([str(i % 2), *row[:1], row[4]]) for i, row in enumerate(numbered())]
    judged = judge("\n".join(rows), header=False)
    assert held_out(judged)[0] == ["label", "x1", "x2"]


def test_a_file_that_is_refused_has_none(judge: Judge, tmp_path: Path) -> None:
    judge(table(data_rows(49)))
    assert not (tmp_path / "out" / "held_out").exists()
