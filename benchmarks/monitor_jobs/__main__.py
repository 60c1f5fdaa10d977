"""``python -m benchmarks.monitor_jobs make|own FOLDER [ROWS]``, in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.monitor_jobs.log import make_log
from benchmarks.monitor_jobs.own import run

if sys.argv[1] == "make":
    make_log(Path(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps({}))
else:
    start = time.perf_counter()
    found = run(Path(sys.argv[2]))
    print(json.dumps({"seconds": time.perf_counter() - start, "psi": found}))
