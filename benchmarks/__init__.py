"""What is fast here is measured, against what a person would use instead.

``python -m benchmarks.validate`` makes its table, measures and prints its ratios last.
"""

import sys
from pathlib import Path

# The core is installed nowhere: Lambda gets it as a layer. What a benchmark measures gets its own path (``measure``).
sys.path.append(str(Path(__file__).resolve().parents[1] / "layers" / "core"))
