"""XGBoost's models: loaded as files that someone else may have written, scored and explained.

Code outside this folder uses what is named here and none of its modules. ``load`` gives a ``scoring.model.Model``. The
container's stand-in (``local.sagemaker``) reads archives by rules of its own, and takes the parts of ``load``.
"""

from scoring.xgboost.artifact import MAX_MODEL_BYTES, Inflated, load_booster
from scoring.xgboost.model import XGBoostModel, load

__all__ = ["MAX_MODEL_BYTES", "Inflated", "XGBoostModel", "load", "load_booster"]
