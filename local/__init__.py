"""The laptop's AWS: MiniStack for everything but SageMaker, a SageMaker server beside it, and the command line."""

import sys
from pathlib import Path

# The functions' packages are not installed anywhere: Lambda gets them as layers, and from here they are used where they
# lie. The command line reads and writes the functions' own messages; the SageMaker server reads models as they do.
for _layer in ("core", "scoring"):
    _path = str(Path(__file__).resolve().parents[1] / "layers" / _layer)
    if _path not in sys.path:
        sys.path.append(_path)
