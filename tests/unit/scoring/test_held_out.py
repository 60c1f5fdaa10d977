from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoring import held_out
from scoring.held_out import read_held_out


@pytest.fixture(params=["small", "large"], autouse=True)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in two ways, by their size, and both give the same."""
    if request.param == "large":
        monkeypatch.setattr(held_out, "_MAX_PLAIN_BYTES", 0)


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


def test_numbers_are_read_as_float32(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    numbers = (rng.normal(size=(300, 4)) * 10.0 ** rng.integers(-30, 30, (300, 4))).astype(np.float32)
    text = "".join(f"1,{','.join(str(float(number)) for number in row)}\n" for row in numbers)
    np.testing.assert_array_equal(read_held_out(write(tmp_path, text), features=4)[1], numbers)
