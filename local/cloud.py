"""Starts and stops the process group of a local AWS: MiniStack with IAM enforced, and the SageMaker server.

Both keep what they have in the state folder, and the next start takes it up.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local import ministack as local_ministack
from local import processes
from local.aws import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY
from local.home import REPOSITORY, Home, LocalError, Process, State

HOST: Final = "127.0.0.1"
USUAL_PORT: Final = 4566
"""Where AWS stand-ins are looked for by habit; taken if it is free."""

_START_SECONDS: Final = 60.0
_SAVE_SECONDS: Final = 20.0
"""Longer than it takes to write what is kept."""
_END_SECONDS: Final = 1.0
_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class Options:
    """How a local AWS is started.

    Attributes:
        port: MiniStack's; None takes the one that it had before, or 4566, or any if that is not free; 0 any free one.
        wait_scale: what Wait states and retry pauses are multiplied by. A training takes seconds here, so its checks
            need not be 30 s apart; 1 waits as on AWS.
        pace: seconds between the statuses of a training job or an endpoint; None: the SageMaker server's own.
        wire: the addresses that functions are told, of AWS and of SageMaker, if something listens between them and
            these; None: these themselves.
        keep: whether what is there outlives the processes.
    """

    port: int | None = None
    wait_scale: float = 0.03
    pace: float | None = None
    wire: tuple[str, str] | None = None
    keep: bool = True


Say = Callable[[str], None]


def is_up(state: State) -> bool:
    """Whether all processes of a finished start still run."""
    return len(state.processes) == 2 and all(processes.is_running(process) for process in state.processes)


def start(home: Home, options: Options, say: Say = lambda _: None) -> State:
    """Starts what is not up, and waits until it answers, with all that was kept. Call with the home locked.

    Args:
        say: told in a line if it listens on other ports than the usual ones or those that it had before.

    Raises:
        LocalError: a process ended or did not answer in time; what had been started is stopped again.
    """
    state = home.read()
    if is_up(state):
        return state
    stop(home)  # the rest of a start or of a machine that crashed
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            started = _start(home, options)
        except _PortTakenError as error:
            # Between choosing a free port and listening on it another program was faster.
            stop(home)
            if options.port or attempt == _ATTEMPTS:
                raise LocalError(str(error)) from error
        except BaseException:
            stop(home)
            raise
        else:
            _say_moved(home, state, started, options, say)
            return started
    raise AssertionError("unreachable")


def _say_moved(home: Home, before: State, now: State, options: Options, say: Say) -> None:
    moved = before.endpoint_url and (before.endpoint_url, before.sagemaker_url) != (now.endpoint_url, now.sagemaker_url)
    if moved and options.port is None:
        say(
            f"another program has a port that this local AWS had: it now listens at {now.endpoint_url} and "
            f"{now.sagemaker_url}; a shell that sourced {home.root / 'env.sh'} sources it again"
        )
    elif not before.endpoint_url and options.port is None and now.endpoint_url != f"http://{HOST}:{USUAL_PORT}":
        say(f"another program has port {USUAL_PORT}: the local AWS listens at {now.endpoint_url}, and keeps that port")


def forget(home: Home) -> None:
    """Removes all that was kept, of a local AWS that is down. Call with the home locked."""
    shutil.rmtree(home.data, ignore_errors=True)
    home.state_file.unlink(missing_ok=True)


def stop(home: Home) -> list[str]:
    """Stops what this state folder says was started; what it keeps remains. Call with the home locked.

    Returns:
        Names of the processes that were still running.
    """
    state = home.read()
    # MiniStack goes first: its functions call the SageMaker server.
    patience = _SAVE_SECONDS if state.keeps else _END_SECONDS
    stopped = [process.name for process in reversed(state.processes) if processes.stop(process, patience)]
    shutil.rmtree(home.scratch, ignore_errors=True)
    if state.endpoint_url:
        home.write(state.model_copy(update={"processes": ()}))
    return stopped


class _PortTakenError(Exception):
    pass


def _start(home: Home, options: Options) -> State:
    home.scratch.mkdir(parents=True, exist_ok=True)
    before = home.read()
    port = _choose_port(options.port, _port_of(before.endpoint_url))
    had = _port_of(before.sagemaker_url)
    sagemaker_port = had if had and _is_free(had) else _free_port()
    state = State(
        endpoint_url=f"http://{HOST}:{port}", sagemaker_url=f"http://{HOST}:{sagemaker_port}", keeps=options.keep
    )

    def begin(name: str, command: list[str], environment: dict[str, str], folder: Path) -> Process:
        nonlocal state
        process = processes.start(name, command, environment, home.log(name), folder)
        state = state.model_copy(update={"processes": (*state.processes, process)})
        home.write(state)
        return process

    kept = ["--state", str(home.data / "sagemaker.json")] if options.keep else []
    pace = [] if options.pace is None else ["--pace", str(options.pace)]
    sagemaker = begin(
        "sagemaker",
        [
            *(sys.executable, "-m", "local.sagemaker"),
            *("--port", str(sagemaker_port)),
            *("--aws-endpoint", state.endpoint_url, "--auth"),
            *("--wait-scale", str(options.wait_scale)),
            *pace,
            *kept,
        ],
        _environment(home),
        REPOSITORY,
    )
    ministack = begin(
        "ministack",
        # -P: nothing of this folder is importable in it.
        [sys.executable, "-P", str(Path(local_ministack.__file__))],
        _environment(home) | _ministack_settings(home, port, options, state),
        home.root,
    )
    _await(ministack, home, f"{state.endpoint_url}/_ministack/health", _says_auth_enabled)
    _await(sagemaker, home, f"{state.sagemaker_url}/_health", _has_taken_up)
    return state


def _environment(home: Home) -> dict[str, str]:
    """Little is inherited: functions run in MiniStack's environment, and should know no more than on Lambda."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE") if name in os.environ
    }
    return kept | {
        "TMPDIR": str(home.scratch),
        "PYTHONUNBUFFERED": "1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        # XGBoost's threads that wait in a busy loop slow everything down on few cores.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _ministack_settings(home: Home, port: int, options: Options, state: State) -> dict[str, str]:
    aws_url, sagemaker_url = options.wire or (state.endpoint_url, state.sagemaker_url)
    return {
        "AUTH": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(home.data / "ministack"),
        "PERSIST_STATE": str(int(options.keep)),
        "S3_DATA_DIR": str(home.data / "s3"),
        "S3_PERSIST": str(int(options.keep)),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "SFN_WAIT_SCALE": str(options.wait_scale),
        "LAMBDA_WARM_TTL_SECONDS": "86400",
        # Functions inherit these, so only their clients of SageMaker and its autoscaling leave MiniStack.
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker_url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": sagemaker_url,
        "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": sagemaker_url,
    }


def _says_auth_enabled(answer: bytes) -> bool:
    return bool(json.loads(answer).get("auth") == "enabled")


def _has_taken_up(answer: bytes) -> bool:
    return bool(json.loads(answer)["taken_up"])


def _await(process: Process, home: Home, url: str, healthy: Callable[[bytes], bool]) -> None:
    log = home.log(process.name)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if not processes.is_running(process):
            said = processes.tail(log)
            if "already in use" in said.lower():
                raise _PortTakenError(f"{process.name} found its port taken:\n{said}")
            raise LocalError(f"{process.name} ended while it started:\n{said}")
        try:
            with opener.open(url, timeout=2) as answer:
                if healthy(answer.read()):
                    return
        except (OSError, urllib.error.URLError, ValueError, KeyError):
            pass  # not listening yet
        time.sleep(0.05)
    raise LocalError(f"{process.name} did not answer at {url} within {_START_SECONDS:.0f} s:\n{processes.tail(log)}")


def _choose_port(wanted: int | None, had: int | None) -> int:
    if wanted:
        return wanted
    usual = [] if wanted == 0 else [had or USUAL_PORT]
    return next((port for port in usual if _is_free(port)), None) or _free_port()


def _port_of(url: str) -> int | None:
    return urlsplit(url).port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
