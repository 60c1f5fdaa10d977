"""Names of datasets, of runs and of every AWS resource that they make, and the tags that such a resource carries.

The state machine's first state names dataset and run; the functions here compute the same, and a test holds the two
together. A resource that a run makes is named after the run, so that a repeated request finds what the first one made.
A resource that outlives runs is named after the dataset. Names of resources have at most 58 of the 63 characters that
SageMaker allows, so that an ending fits.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sluice.messages import Run

_MAX_NAME_CHARACTERS: Final = 28
_RUN_ID: Final = re.compile(r"[0-9a-f]{12}")
_ENDING: Final = re.compile(r"\.[^.]*\Z")
_NO_FILE: Final = re.compile(r"(^|/)(\.[^/]*)?\Z")


def run_id(bucket: str, key: str, version: str) -> str:
    """The id of the run of an object.

    Args:
        version: its version id; its ETag and sequencer, one after the other, where its event has none.
    """
    return _sha256(f"{bucket}|{key}|{version}")[:12]


def is_run_id(text: str) -> bool:
    return _RUN_ID.fullmatch(text) is not None


def is_file(key: str) -> bool:
    """Whether an object is data: consoles make empty objects as folder markers, desktops leave files with a dot."""
    return _NO_FILE.search(key) is None


def dataset_of(key: str) -> str:
    """The dataset of an object below ``incoming/``. One in no folder is named after its file, and refused later."""
    parts = key.split("/")
    folder = parts[1] if len(parts) > 2 else ""
    return dataset_name(folder or _ENDING.sub("", parts[-1]))


def default_folder(file_name: str) -> str:
    """The folder below ``incoming/`` that a file goes to if none is named: its name without its endings."""
    return _ENDING.sub("", file_name.removesuffix(".gz")).strip()


def dataset_name(folder: str) -> str:
    """The dataset of a folder below ``incoming/``: a name that every service takes. That of a dataset is itself."""
    # Without other letters before lower case: engines differ in what they make of a sharp s.
    slug = re.sub(r"[^A-Za-z0-9]+", "-", folder).lower().strip("-")
    if slug and slug == folder and len(slug) <= _MAX_NAME_CHARACTERS:
        return slug
    return "-".join(filter(None, [slug[:19].strip("-"), _sha256(folder)[:8]]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# -- what one run makes


def training_job_name(prefix: str, run: Run) -> str:
    return _of_run(prefix, run)


def refit_job_name(prefix: str, run: Run) -> str:
    """Of the job on training and validation rows together; with the longest names it has all 63 characters."""
    return f"{_of_run(prefix, run)}-full"


def model_name(prefix: str, run: Run) -> str:
    return _of_run(prefix, run)


def endpoint_config_name(prefix: str, run: Run) -> str:
    return _of_run(prefix, run)


def model_of_config(config_name: str) -> str:
    """The model that a run's endpoint configuration serves as its champion: the run gives both the same name."""
    return config_name


def model_package_token(prefix: str, run: Run) -> str:
    """The client token that makes a repeated CreateModelPackage answer with the first one's version."""
    return f"{prefix}-{run.run_id}"


def names_of_runs(prefix: str, dataset: str) -> tuple[str, re.Pattern[str]]:
    """How models and configurations of a dataset's runs are named: what each name contains, and what it is in full."""
    start = f"{endpoint_name(prefix, dataset)}-"
    return start, re.compile(re.escape(start) + _RUN_ID.pattern)


def reconciled_execution_name(run_id: str) -> str:
    """Of an execution that was started because an event was lost.

    Step Functions takes a name once in 90 days, so that two rounds cannot start the same twice.
    """
    return f"reconcile-{run_id}"


def _of_run(prefix: str, run: Run) -> str:
    return f"{endpoint_name(prefix, run.dataset)}-{run.run_id}"


# -- what a dataset has, and what outlives its runs


def endpoint_name(prefix: str, dataset: str) -> str:
    return f"{prefix}-{dataset}"


def dataset_of_endpoint(prefix: str, name: str) -> str | None:
    """The dataset of an endpoint of that name; None if no stack with this prefix made it."""
    start = endpoint_name(prefix, "")
    return name.removeprefix(start) if name.startswith(start) else None


def model_package_group_name(prefix: str, dataset: str) -> str:
    return endpoint_name(prefix, dataset)


def model_card_name(prefix: str, dataset: str) -> str:
    return endpoint_name(prefix, dataset)


def alarm_names(endpoint: str) -> tuple[str, ...]:
    """Those of an endpoint, whether they exist or not."""
    return tuple(f"{endpoint}/{what}" for what in ("server-errors", "latency", "outside-training-range"))


def scaled_resource(endpoint: str, variant: str) -> str:
    """What Application Auto Scaling calls a variant of an endpoint."""
    return f"endpoint/{endpoint}/variant/{variant}"


def scaling_policy_name(endpoint: str) -> str:
    return f"{endpoint}-invocations"


# -- where SageMaker logs

TRAINING_LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"


def training_log_streams(job_name: str) -> str:
    """What the names of a job's log streams begin with; one stream an instance."""
    return f"{job_name}/"


# -- tags

PREFIX_TAG: Final = "sluice:name_prefix"
DATASET_TAG: Final = "sluice:dataset"
RUN_TAG: Final = "sluice:run_id"


def dataset_tags(prefix: str, dataset: str) -> list[dict[str, str]]:
    """Tags of what outlives a run. The prefix tells a stack's resources from those of one with a longer prefix."""
    return [{"Key": PREFIX_TAG, "Value": prefix}, {"Key": DATASET_TAG, "Value": dataset}]


def run_tags(prefix: str, run: Run) -> list[dict[str, str]]:
    """Tags of what one run makes, for cost allocation and clean-up."""
    return [*dataset_tags(prefix, run.dataset), {"Key": RUN_TAG, "Value": run.run_id}]
