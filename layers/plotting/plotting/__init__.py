"""Draws a run's ``report.html``: one page that needs nothing beside itself, no script and no network."""

import os
import tempfile

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Matplotlib keeps its list of fonts in the home folder, which cannot be written to in Lambda.
    os.environ.setdefault("MPLCONFIGDIR", os.path.join(tempfile.gettempdir(), "matplotlib"))  # noqa: PTH118

from plotting.cells import read_cells
from plotting.page import ReportInput, render
from plotting.profile import TableProfile

__all__ = ["ReportInput", "TableProfile", "read_cells", "render"]
