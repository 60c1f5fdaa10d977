from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measure import JobError
from benchmarks.monitor import MOVED, Run, held_to_moved, judge
from benchmarks.monitor_jobs.files import log_files
from benchmarks.monitor_jobs.log import make_log
from benchmarks.monitor_jobs.own import run


def test_the_report_on_the_benchmarks_log_finds_what_moved_in_it(tmp_path: Path) -> None:
    make_log(tmp_path, 10_500)
    assert len(log_files(tmp_path)) == 2
    found = run(tmp_path)
    assert len(found) == 20
    held_to_moved("Sluice", found)
    json.dumps(found)


def test_a_report_that_finds_other_columns_has_no_time() -> None:
    with pytest.raises(JobError, match=r"finds that \['number_3'\] moved"):
        held_to_moved("Evidently", {**dict.fromkeys(MOVED, 0.05), "number_3": 0.4})


def test_ratios_are_those_of_turns_and_of_the_larger_peak() -> None:
    faster, memory = judge([Run(1, 200, {}), Run(2, 210, {})], [Run(6, 900, {}), Run(12, 1000, {})], 200_000)
    assert (faster.value, faster.met) == ("6.0x as fast", True)
    assert (memory.value, memory.met) == ("23% of it", True)
    faster, memory = judge([Run(1, 200, {})], [Run(4, 400, {})], 200_000)
    assert (faster.met, memory.met) == (False, False)
