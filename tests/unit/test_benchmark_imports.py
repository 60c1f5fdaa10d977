"""The benchmark of imports judges each function by its own pairs, and covers every function that has no other layer."""

from __future__ import annotations

from benchmarks.imports import CONTROL_FUNCTIONS, judge
from tests.template import resources


def test_the_median_of_the_pairs_decides() -> None:
    met, missed = judge({"fast": [(1.4, 1.0), (9.0, 1.0), (2.8, 2.0)], "slow": [(1.51, 1.0)]})
    assert (met.met, met.value) == (True, "1.40x")
    assert (missed.met, missed.value) == (False, "1.51x")


def test_each_function_with_the_core_layer_alone_is_measured() -> None:
    alone = {
        body["Properties"]["CodeUri"].removeprefix("functions/").strip("/")
        for body in resources("AWS::Serverless::Function").values()
        if not body["Properties"].get("Layers")
    }
    assert set(CONTROL_FUNCTIONS) == alone
