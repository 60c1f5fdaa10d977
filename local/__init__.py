"""The laptop's AWS: MiniStack for everything but SageMaker, a SageMaker server beside it, and the command line."""

import sys
from pathlib import Path

# The domain package is not installed anywhere: Lambda gets it as a layer, and from here it is used where it lies, so
# that what the command line reads and writes are the functions' own messages.
_LAYER = str(Path(__file__).resolve().parents[1] / "layers" / "core")
if _LAYER not in sys.path:
    sys.path.append(_LAYER)
