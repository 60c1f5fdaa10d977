from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoring.held_out import read_held_out


def write(folder: Path, text: str) -> Path:
    path = folder / "test.csv"
    path.write_text(text)
    return path


def test_labels_come_first_and_blanks_are_missing(tmp_path: Path) -> None:
    labels, rows = read_held_out(write(tmp_path, "1,0.5,\n0,,2\n"), features=2)
    assert labels.tolist() == [1, 0]
    np.testing.assert_array_equal(rows, np.array([[0.5, np.nan], [np.nan, 2]], np.float32))
    assert rows.dtype == np.float32


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    labels, rows = read_held_out(write(tmp_path, ""), features=2)
    assert labels.size == 0
    assert rows.shape == (0, 2)


@pytest.mark.parametrize("text", ["1,2\n", "1,2,3,4\n", "1,a,b\n", "1,NA,2\n", ",1,2\n"])
def test_what_validation_never_writes_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"columns|convert|without a label"):
        read_held_out(write(tmp_path, text), features=2)
