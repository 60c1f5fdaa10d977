"""The table of ``make demo``: the breast cancer table that scikit-learn ships, 569 rows, as a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TARGET: Final = "diagnosis"
FIRST_CONFIG: Final = "champion: {policy: ignore}\n"
"""What the dataset is configured with if nobody did before: a model is deployed, though it predicts what the live one
of the demo before predicts."""


def write_breast_cancer(folder: Path) -> Path:
    """Writes ``breast-cancer.csv`` unless it is there: the 30 measurements, and ``diagnosis``, malignant or benign."""
    path = folder / "breast-cancer.csv"
    if path.exists():
        return path
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415  (two seconds that only the demo needs)

    folder.mkdir(parents=True, exist_ok=True)
    bunch = load_breast_cancer(as_frame=True)
    table = bunch.data.assign(**{TARGET: bunch.target.map(dict(enumerate(bunch.target_names)))})
    unfinished = path.with_suffix(".new")
    table.to_csv(unfinished, index=False)
    unfinished.replace(path)
    return path
