from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.prediction.seal import (
    MAX_REQUEST_BYTES,
    BrokenSealError,
    NonsenseError,
    Seal,
    make_seal,
    open_sealed,
    sealed_bodies,
)

SEAL = Seal(("1,2", "3,4"), ((0.25,), (0.75,)))


def test_a_seal_is_the_first_golden_row_and_the_one_that_differs_most() -> None:
    golden = {"rows": ["1,", "2,", "3,", "4,"], "scores": [0.4, 0.5, 0.9, 0.1]}
    assert make_seal(golden) == Seal(("1,", "3,"), ((0.4,), (0.9,)))


def test_a_seal_of_many_classes_has_a_score_for_each() -> None:
    golden = {"rows": ["1", "2", "3"], "scores": [[0.1, 0.9, 0.0], [0.1, 0.9, 0.0], [0.5, 0.2, 0.3]]}
    seal = make_seal(golden)
    assert seal == Seal(("1", "3"), ((0.1, 0.9, 0.0), (0.5, 0.2, 0.3)))
    assert seal.width == 3


def test_an_empty_golden_row_seals_nothing() -> None:
    assert make_seal({"rows": ["", "2"], "scores": [0.1, 0.2]}).lines[0] == "2"
    with pytest.raises(ValueError, match="no golden rows"):
        make_seal({"rows": [""], "scores": [0.1]})


@given(st.lists(st.text("0123456789.,", min_size=1, max_size=12), max_size=60), st.integers(10, 80))
def test_bodies_hold_every_line_once_in_order_each_behind_the_seal(lines: list[str], max_bytes: int) -> None:
    bodies = list(sealed_bodies(SEAL, lines, max_bytes))
    found: list[str] = []
    for body in bodies:
        first, second, *rest = body.decode().split("\n")
        assert (first, second) == SEAL.lines
        assert len(body) <= max_bytes or len(rest) == 1
        found += rest
    assert found == lines


def test_the_limit_is_that_of_serverless_endpoints() -> None:
    assert MAX_REQUEST_BYTES < 4_000_000
    bodies = list(sealed_bodies(SEAL, ["9" * 1000] * 9000))
    assert len(bodies) == 3
    assert max(map(len, bodies)) <= MAX_REQUEST_BYTES


def test_the_seal_is_cut_off_the_answer() -> None:
    assert open_sealed(SEAL, [0.250001, 0.749999, 0.1, 0.2], 2) == [(0.1,), (0.2,)]
    many = Seal(("1",), ((0.1, 0.2, 0.7),))
    assert open_sealed(many, [0.1, 0.2, 0.7, 0.3, 0.3, 0.4], 1) == [(0.3, 0.3, 0.4)]


@pytest.mark.parametrize("scores", [[0.25, 0.7501, 0.1], [0.75, 0.25, 0.1], [0.25], []])
def test_other_scores_of_the_golden_rows_are_another_models(scores: list[float]) -> None:
    with pytest.raises(BrokenSealError):
        open_sealed(SEAL, scores, 1)


@pytest.mark.parametrize("scores", [[0.25, 0.75], [0.25, 0.75, 0.1, 0.1]])
def test_another_number_of_scores_is_nonsense(scores: list[float]) -> None:
    with pytest.raises(NonsenseError):
        open_sealed(SEAL, scores, 1)


def test_scores_of_numbers_may_differ_by_a_share_of_the_largest_one() -> None:
    seal = make_seal({"rows": ["1", "2"], "scores": [250_000.0, 750_000.0], "tolerance": 7.5})
    assert open_sealed(seal, [250_000.4, 749_996.0, 3.0], 1) == [(3.0,)]
    with pytest.raises(BrokenSealError):
        open_sealed(seal, [250_000.4, 749_990.0, 3.0], 1)
