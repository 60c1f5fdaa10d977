"""What ``make clean`` removes, in a folder of its own, and what ``make longer`` runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = ROOT / "Makefile"


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


def test_every_test_that_make_test_leaves_out_as_longer_is_one_of_make_longer() -> None:
    made = subprocess.run(["make", "-n", "-o", "setup", "longer"], cwd=ROOT, check=True, capture_output=True, text=True)
    places = [word for word in made.stdout.split() if word.startswith("tests/")]
    assert {"tests/faults", "tests/unit"} <= {*places}
    marked = [
        path.relative_to(ROOT)
        for path in (ROOT / "tests").rglob("test_*.py")
        if "mark.longer" in path.read_text(encoding="utf-8") and path != Path(__file__)
    ]
    assert [path for path in marked if not any(path.is_relative_to(place) for place in places)] == []
