"""What ``make clean`` removes, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_clean_leaves_the_local_data_and_the_demos_reports(tmp_path: Path) -> None:
    shutil.copy(MAKEFILE, tmp_path)
    state = tmp_path / ".sluice"
    for name in ("data/s3", "demo/churn", "build", "layers", "logs", "sam-cache"):
        (state / name).mkdir(parents=True)
        (state / name / "file").touch()
    for name in ("state.json", "env.sh", "lock"):
        (state / name).touch()
    (tmp_path / ".mypy_cache").mkdir()

    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)

    assert {path.name for path in state.iterdir()} == {"data", "demo", "state.json", "env.sh"}
    assert (state / "data/s3/file").exists()
    assert (state / "demo/churn/file").exists()
    assert {path.name for path in tmp_path.iterdir()} == {".sluice", "Makefile"}
