"""What a person, or the daily round, does to a dataset's endpoint outside of a run: roll back, retire.

Each takes the dataset's turn, so that no run changes the endpoint meanwhile, and may be called again after it was
interrupted: it then continues.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError, ReadTimeoutError

from sluice.aws.errors import is_invalid, is_not_ready, message_of
from sluice.dataset.aws.config import read_config
from sluice.documents import NewerDocumentError
from sluice.endpoint.aws.calls import delete_endpoint, describe_endpoint, update_endpoint
from sluice.endpoint.aws.golden import read_golden, replay
from sluice.endpoint.aws.leftovers import remove_alarms, remove_unused
from sluice.endpoint.aws.scaling import put_scaling
from sluice.endpoint.aws.teardown import Patience
from sluice.endpoint.aws.turns import short_turn
from sluice.endpoint.golden import Replay
from sluice.endpoint.requests import VARIANT, is_busy
from sluice.endpoint.verification import not_ready
from sluice.layout import RunLayout, uri
from sluice.names import endpoint_name
from sluice.runs.aws.executions import has_ended
from sluice.runs.aws.ledger import forget_champion, read_champion, restore_champion

MAX_WAIT_SECONDS: Final = 2400
"""For the endpoint to settle, unless the caller has less time. With the time for a variant to be provisioned it is
shorter than the turn, which nobody else may take meanwhile."""

Say = Callable[[str], None]
Wait = Callable[[float], None]
"""Takes seconds."""


class OperationRefusedError(Exception):
    """The operation cannot be done as things are. The message says why, and what to do."""


@dataclass(frozen=True)
class Clients:
    sagemaker: Any
    runtime: Any
    dynamodb: Any
    s3: Any
    cloudwatch: Any
    autoscaling: Any
    stepfunctions: Any

    @classmethod
    def of(cls, client: Callable[[str], Any]) -> Clients:
        """From what makes a client of a service's name, such as ``boto3.Session().client``."""
        return cls(
            sagemaker=client("sagemaker"),
            runtime=client("sagemaker-runtime"),
            dynamodb=client("dynamodb"),
            s3=client("s3"),
            cloudwatch=client("cloudwatch"),
            autoscaling=client("application-autoscaling"),
            stepfunctions=client("stepfunctions"),
        )


@dataclass(frozen=True)
class StackNames:
    runs_table: str
    artifact_bucket: str
    name_prefix: str


@dataclass(frozen=True)
class RolledBack:
    dataset: str
    from_run_id: str
    to_run_id: str
    config_name: str


@dataclass(frozen=True)
class Retired:
    dataset: str
    removed: tuple[str, ...]
    """Kind and name of each."""


def roll_back(
    clients: Clients,
    *,
    stack: StackNames,
    dataset: str,
    by: str,
    say: Say,
    patience: Patience | None = None,
    wait: Wait = time.sleep,
) -> RolledBack:
    """Puts the champion before the live one back, and holds it to its golden rows.

    Args:
        by: who asks; the turn is held in that name.
        patience: how long the endpoint is waited for; by default :data:`MAX_WAIT_SECONDS`.
        wait: waits until a serverless endpoint that is being provisioned is asked again.

    Raises:
        OperationRefusedError: there is no champion before, another has the turn, SageMaker does not go back, or the
            endpoint does not answer as evaluated.
    """
    patience = patience or Patience(MAX_WAIT_SECONDS)
    with _turn(clients, stack, dataset, f"rollback by {by}"):
        champion = read_champion(clients.dynamodb, stack.runs_table, dataset)
        if champion is None:
            raise OperationRefusedError(f"dataset {dataset} has no model that is live")
        if not champion.history:
            raise OperationRefusedError(
                f"{champion.run_id} is the first model of {dataset}: there is none to go back to. To remove the "
                "endpoint, use retire"
            )
        before = champion.history[0]
        golden = _golden(clients, stack, dataset, before.run_id)
        endpoint = endpoint_name(stack.name_prefix, dataset)
        keep_scaling = functools.partial(_scale, clients, stack, dataset, champion.run_id)
        _switch(clients, endpoint, before.config_name, keep_scaling, say, patience)
        _scale(clients, stack, dataset, before.run_id)
        _hold_to_golden_rows(clients, stack, dataset, before.run_id, golden, say, wait)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        restore_champion(clients.dynamodb, stack.runs_table, dataset, champion, now, by)
        return RolledBack(dataset, champion.run_id, before.run_id, before.config_name)


def retire(
    clients: Clients, *, stack: StackNames, dataset: str, by: str, say: Say, patience: Patience | None = None
) -> Retired:
    """Removes a dataset's endpoint, its alarms, and all models and configurations that only it used.

    The runs' files in S3 and the model registry stay.

    Args:
        by: who asks; the turn is held in that name.
        patience: how long the endpoint is waited for; by default :data:`MAX_WAIT_SECONDS`.

    Raises:
        OperationRefusedError: there is nothing to retire, another has the turn, or the patience ended.
    """
    patience = patience or Patience(MAX_WAIT_SECONDS)
    endpoint = endpoint_name(stack.name_prefix, dataset)
    with _turn(clients, stack, dataset, f"retirement by {by}"):
        champion = read_champion(clients.dynamodb, stack.runs_table, dataset)
        removed = [f"endpoint {endpoint}"] if _delete_settled(clients, endpoint, say, patience) else []
        # Before the endpoint is gone: once it is, the daily round sees nothing of a dataset to go on with.
        if champion:
            forget_champion(clients.dynamodb, stack.runs_table, dataset, champion.run_id)
        removed += remove_alarms(clients.cloudwatch, endpoint)
        _settled(clients, endpoint, patience)
        removed += remove_unused(clients.sagemaker, stack.name_prefix, dataset, None, 0)
    if not removed and champion is None:
        raise OperationRefusedError(f"dataset {dataset} has no endpoint, and nothing that belongs to one")
    return Retired(dataset, tuple(removed))


def turn(clients: Clients, stack: StackNames, dataset: str, holder: str) -> AbstractContextManager[bool]:
    """The dataset's turn while the context lasts. False if another has it."""
    return short_turn(
        clients.dynamodb, stack.runs_table, dataset, holder, functools.partial(has_ended, clients.stepfunctions)
    )


@contextmanager
def _turn(clients: Clients, stack: StackNames, dataset: str, holder: str) -> Iterator[None]:
    with turn(clients, stack, dataset, holder) as taken:
        if not taken:
            raise OperationRefusedError(
                f"a run of {dataset} is changing its endpoint now; wait until it has ended and call again. If its "
                "execution was stopped, wait ten minutes"
            )
        yield


def _settled(clients: Clients, endpoint: str, patience: Patience) -> dict[str, Any] | None:
    """The endpoint once nothing changes it any more; None if there is none."""
    while (live := describe_endpoint(clients.sagemaker, endpoint)) and is_busy(live["EndpointStatus"]):
        if not patience.look_again():
            raise OperationRefusedError(f"endpoint {endpoint} is still {live['EndpointStatus']}; call again later")
    return live


def _switch(
    clients: Clients, endpoint: str, config_name: str, keep_scaling: Callable[[], None], say: Say, patience: Patience
) -> None:
    """Moves an endpoint to a configuration that was live before, and waits until it is.

    Args:
        keep_scaling: puts the autoscaling of the live model into force again, if that model stays.
    """
    live = _settled(clients, endpoint, patience)
    if live is None:
        raise OperationRefusedError(f"endpoint {endpoint} does not exist; drop a file to have it created again")
    if live["EndpointConfigName"] == config_name:
        return
    say(f"putting {config_name} back ...")
    try:
        back = {"EndpointName": endpoint, "EndpointConfigName": config_name}
        update_endpoint(clients.sagemaker, clients.autoscaling, back, live)
    except ClientError as error:
        if not is_invalid(error):
            raise
        keep_scaling()
        raise OperationRefusedError(f"SageMaker refused: {message_of(error)}") from error
    live = _settled(clients, endpoint, patience) or {}
    if live.get("EndpointConfigName") != config_name:
        keep_scaling()
        said = live.get("FailureReason", "SageMaker gave no reason")
        raise OperationRefusedError(f"the endpoint did not take {config_name} and rolled back itself: {said}")


def _scale(clients: Clients, stack: StackNames, dataset: str, run_id: str) -> None:
    """Puts the autoscaling that a run's configuration wants into force."""
    wanted = read_config(clients.s3, stack.artifact_bucket, dataset, run_id).endpoint
    put_scaling(clients.autoscaling, endpoint_name(stack.name_prefix, dataset), wanted)


def _golden(clients: Clients, stack: StackNames, dataset: str, run_id: str) -> dict[str, Any]:
    try:
        return read_golden(clients.s3, uri(stack.artifact_bucket, RunLayout(dataset, run_id).golden))
    except NewerDocumentError as error:
        raise OperationRefusedError(f"the model of run {run_id} was {error}") from error


def _hold_to_golden_rows(
    clients: Clients,
    stack: StackNames,
    dataset: str,
    run_id: str,
    golden: dict[str, Any],
    say: Say,
    wait: Wait,
) -> None:
    config = read_config(clients.s3, stack.artifact_bucket, dataset, run_id)
    variant = VARIANT if config.endpoint.previous.role == "variant" else None
    endpoint = endpoint_name(stack.name_prefix, dataset)
    found = _replay_once_ready(lambda: replay(clients.runtime, endpoint, golden, variant), run_id, say, wait)
    if found.wrong is not None:
        raise OperationRefusedError(
            f"{run_id} is live, but {found.wrong}; look at the endpoint before you do anything else"
        )
    say(f"{found.rows} golden rows have the scores of the evaluation")


def _replay_once_ready(ask: Callable[[], Replay], run_id: str, say: Say, wait: Wait) -> Replay:
    """Waits for a serverless variant that is being provisioned as VerifyEndpoint does."""
    looked = None
    while True:
        started = time.monotonic()
        try:
            return ask()
        except ReadTimeoutError:
            pass
        except ClientError as error:
            if not is_not_ready(error):
                raise
        looked = not_ready(looked, time.monotonic() - started)
        if looked.verdict == "failed":
            raise OperationRefusedError(f"{looked.reasons[0]} {run_id} is live: roll back again to continue")
        say("the endpoint is being provisioned; waiting until it answers ...")
        wait(looked.wait_seconds)


def _delete_settled(clients: Clients, endpoint: str, say: Say, patience: Patience) -> bool:
    """Asks for the deletion of an endpoint once nothing changes it any more; False if there is none."""
    if _settled(clients, endpoint, patience) is None:
        return False
    say(f"deleting endpoint {endpoint} ...")
    return delete_endpoint(clients.sagemaker, clients.autoscaling, endpoint)
