"""What goes wrong, as a sentence that says what to do, and the exit status of the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

NO: Final = 1
"""The answer is no: not deployed, rejected, nothing live."""
WRONG: Final = 2
"""The call is wrong, or the stack cannot be reached."""
INTERRUPTED: Final = 130
"""The exit status that shells give Ctrl-C."""


class CommandError(Exception):
    """Ends the command with a sentence on standard error."""

    def __init__(self, sentence: str, status: int = WRONG) -> None:
        super().__init__(sentence)
        self.status = status


class InterruptedRunError(CommandError):
    """The person stops watching a run, which continues."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run {run_id} continues. To follow it again: sluice show {run_id} --follow", INTERRUPTED)


@contextmanager
def interruptible(sentence: str) -> Iterator[None]:
    """
    Raises:
        CommandError: with this sentence, if the person presses Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise CommandError(sentence, INTERRUPTED) from None


class AnswerIsNoError(CommandError):
    """Nothing failed; the answer is no, or the operation was refused."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, NO)


def as_sentence(message: str) -> str:
    """With a capital letter and a full stop, which the messages of functions and services lack."""
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."


def sentence_for(error: Exception) -> CommandError | None:
    """What a failed call of AWS means to a person; None if it is a fault of this program instead."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    from following.dropping import WrongCallError

    if isinstance(error, CommandError):
        return error
    if isinstance(error, WrongCallError):
        return CommandError(str(error))
    if isinstance(error, Boto3Error) and isinstance(error.__context__, BotoCoreError | ClientError):
        return sentence_for(error.__context__)
    if isinstance(error, ClientError):
        return CommandError(_refused(error))
    if isinstance(error, BotoCoreError):
        return CommandError(_unreached(error))
    return None


def _refused(error: ClientError) -> str:
    from sluice.aws.errors import code_of, is_denied, is_expired, is_throttled, is_unknown_caller, message_of

    operation, message = error.operation_name, message_of(error)
    if is_expired(error):
        return "Your AWS credentials have expired; log in again (for SSO: aws sso login)."
    if is_unknown_caller(error):
        return "AWS does not recognize your credentials; check AWS_PROFILE, --profile and AWS_ACCESS_KEY_ID."
    if is_denied(error):
        return (
            f"Access denied: your credentials may not call {operation}. Ask for that permission, or use another "
            f"--profile. ({message})"
        )
    if is_throttled(error):
        return f"AWS is throttling {operation}; try again in a minute."
    return f"{operation} was refused: {message or code_of(error)}"


def _unreached(error: BotoCoreError) -> str:
    from botocore import exceptions

    if isinstance(error, exceptions.NoRegionError):
        return "No AWS region is set; pass --region, or set AWS_DEFAULT_REGION."
    if isinstance(error, exceptions.ProfileNotFound):
        return f"{error}; `aws configure list-profiles` lists your profiles.".replace("The config", "The AWS config")
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return (
            "There are no AWS credentials; pass --profile, set AWS_PROFILE, or log in. For the local AWS, pass --local."
        )
    if isinstance(error, exceptions.SSOError | exceptions.TokenRetrievalError | exceptions.CredentialRetrievalError):
        return f"Your AWS credentials cannot be loaded; log in again (for SSO: aws sso login). ({error})"
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return _unanswered(str(error), str(error.kwargs.get("endpoint_url", "")))
    return f"{error}"


def _unanswered(said: str, called: str) -> str:
    from cli.connection import is_on_this_machine

    address = os.environ.get("AWS_ENDPOINT_URL", "")
    if address and address in said:
        return (
            f"Nothing answers at {address}, to which AWS_ENDPOINT_URL sends this call: start the local AWS (sluice "
            "local up), or unset the AWS_ variables of this shell to reach AWS itself."
        )
    if is_on_this_machine(called):
        where = urlsplit(called)
        return (
            f"The local AWS does not answer at {where.scheme}://{where.netloc}: it was stopped, or its processes have "
            "ended. Start it with `sluice local up`, and it has the runs, models and endpoints again."
        )
    return f"AWS cannot be reached: {said}. Check the network, --region and AWS_ENDPOINT_URL."
