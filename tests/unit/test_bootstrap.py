from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bootstrap


def test_the_command_works_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / "a venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap, "VENV", venv)
    # Its own site-packages are those of a real virtual environment.
    monkeypatch.setenv("PYTHONPATH", next(path for path in sys.path if path.endswith("site-packages")))

    bootstrap.write_command()

    link = tmp_path / "sluice"
    link.symlink_to(venv / "bin" / "sluice")
    told = subprocess.run([link, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "Usage: sluice" in told.stdout
