"""The local AWS of this checkout. Only this module of the command knows it, and imports it if a call needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cli.failure import CommandError

if TYPE_CHECKING:
    import boto3

    from local.home import Home, State

_OF_SERVICE: Final = "AWS_ENDPOINT_URL_"


@dataclass(frozen=True)
class Laptop:
    """Where the local AWS is. ``urls``: addresses of the services that MiniStack lacks, by boto3's name of each without
    its hyphens."""

    session: boto3.Session
    endpoint_url: str
    urls: Mapping[str, str]


def find_laptop(environ: Mapping[str, str]) -> Laptop:
    """The local AWS of the state folder.

    Raises:
        CommandError: it is down, or its state cannot be read.
    """
    import boto3

    from local.aws import ACCESS_KEY, REGION, SECRET_KEY
    from local.cloud import is_up
    from local.home import Home

    state = _read(Home.at(None, environ))
    if not is_up(state):
        raise CommandError("The local AWS is down; start it with: sluice local up")
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    return Laptop(session, state.endpoint_url, _urls(state))


def call_local(arguments: Sequence[str], prog: str) -> int:
    """Hands a call on to the command line of the local AWS.

    Args:
        prog: the command that the person typed.

    Returns: exit status.
    """
    from local.__main__ import main

    return main(arguments, prog)


def sagemaker_beside(endpoint_url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """SageMaker's addresses if the endpoint is the local AWS of the state folder; otherwise none."""
    from local.home import Home

    state = _read(Home.at(None, environ))
    return _urls(state) if _is_at(state, endpoint_url) else {}


@contextmanager
def counted(endpoint_url: str, environ: Mapping[str, str], purpose: str) -> Iterator[None]:
    """Counts this command as a user of the local AWS of the state folder, so that ``local down`` does not stop it while
    the context lasts. Does nothing if the endpoint is another one."""
    from local.cloud import is_up
    from local.home import Home
    from local.users import using

    home = Home.at(None, environ)
    state = _read(home)
    if not (_is_at(state, endpoint_url) and is_up(state)):
        yield
        return
    with using(home, purpose):
        yield


def _read(home: Home) -> State:
    from local.home import LocalError

    try:
        return home.read()
    except LocalError as error:
        raise CommandError(str(error)) from error


def _is_at(state: State, endpoint_url: str) -> bool:
    return urlsplit(state.endpoint_url).port == urlsplit(endpoint_url).port


def _urls(state: State) -> dict[str, str]:
    from local.aws import Aws

    named = Aws.of(state).environment().items()
    return {
        name.removeprefix(_OF_SERVICE).lower().replace("_", ""): url
        for name, url in named
        if name.startswith(_OF_SERVICE)
    }
