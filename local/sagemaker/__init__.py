"""A SageMaker for the laptop: the real wire protocol, real XGBoost training, endpoints that really answer.

moto gives the control plane's breadth, the modules here what moto lacks: jobs and endpoints that take time and can
fail, updates that move requests from fleet to fleet under the eyes of alarms, metrics, data capture and shadows, the
built-in algorithm's rules, the execution role's permissions, and faults on request.
"""

import os

# Before libgomp is loaded: its threads otherwise spin while they wait, and a training thread per job starves the rest.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from local.sagemaker.server import LocalSageMaker

__all__ = ["LocalSageMaker"]
