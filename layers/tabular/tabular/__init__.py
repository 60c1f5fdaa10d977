"""The table engine: reads an uploaded CSV, judges it, learns its recipe and writes the training data.

One door: :func:`validate_table`. The engine behind it (Polars) is seen by no one else.
"""

from tabular.report import TableReport
from tabular.validate import validate_table

__all__ = ["TableReport", "validate_table"]
