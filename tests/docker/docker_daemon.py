"""A Docker daemon for the lane: the one that answers already, otherwise one of its own.

The daemon that is started here touches nothing of a Docker that the machine may have: its data, its state, its socket
and its log lie in one temporary folder that goes when it stops. It writes no firewall rules and forwards no packets, so
containers reach this machine through the bridge and nothing beyond it.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from docker import DockerClient  # type: ignore[import-untyped]  # docker-py, which the SAM CLI brings, ships no types
from docker.errors import DockerException  # type: ignore[import-untyped]

START_SECONDS = 60.0
STOP_SECONDS = 30.0
BRIDGE = "docker0"


class DockerUnavailableError(Exception):
    """There is no Docker here and none can be started. The message says what to do."""


@dataclass(frozen=True)
class Daemon:
    """A daemon that answers. ``own``: started here, so that it begins without any image."""

    host: str
    own: bool

    def client(self) -> DockerClient:
        return DockerClient(base_url=self.host)


@contextmanager
def docker_daemon() -> Iterator[Daemon]:
    """Lends a daemon, and stops it afterwards if it was started for this.

    Raises:
        DockerUnavailableError: see there.
    """
    if _answers(_usual_host()):
        yield Daemon(_usual_host(), own=False)
        return
    _demand_what_a_daemon_needs()
    # A socket's path may have 107 characters, so the folder must not lie deep.
    with (
        tempfile.TemporaryDirectory(prefix="sluice-docker-", ignore_cleanup_errors=True) as folder,
        _started(Path(folder)) as daemon,
    ):
        yield daemon


def bridge_address(client: DockerClient) -> str:
    """This machine's address on Docker's bridge: where a container finds what listens here.

    Raises:
        DockerUnavailableError: the bridge is not on this machine.
    """
    config = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
    address = str(config.get("Gateway") or next(ip_network(config["Subnet"]).hosts()))
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError as error:
        raise DockerUnavailableError(
            f"the Docker that answers runs elsewhere or in a virtual machine, where {address} is not this machine; "
            "run this on Linux, beside its Docker"
        ) from error
    return address


def _usual_host() -> str:
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _answers(host: str) -> bool:
    # docker-py leaves a socket open behind each attempt that fails, so it is asked only if somebody listens.
    if host.startswith("unix://") and not _somebody_listens(host.removeprefix("unix://")):
        return False
    try:
        client = DockerClient(base_url=host, timeout=5)
        client.ping()
        client.close()
    except DockerException:
        return False
    return True


def _somebody_listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _demand_what_a_daemon_needs() -> None:
    if platform.system() != "Linux":
        raise DockerUnavailableError("no Docker answers; start Docker Desktop, or run this on Linux")
    if shutil.which("dockerd") is None:
        raise DockerUnavailableError("no Docker answers and there is no dockerd; on Debian: apt-get install docker.io")
    if os.geteuid() != 0:
        raise DockerUnavailableError("no Docker answers, and only root can start one; start the machine's own Docker")


@contextmanager
def _started(folder: Path) -> Iterator[Daemon]:
    bridge_was_there = _bridge_exists()
    host = f"unix://{folder}/docker.sock"
    log = folder / "dockerd.log"
    command = [
        "dockerd",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/dockerd.pid",
        f"--host={host}",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
    ]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_answers(host, process, log)
        yield Daemon(host, own=True)
    finally:
        _stop(process)
        if not bridge_was_there:
            _remove_bridge()


def _wait_until_it_answers(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(host):
            return
        time.sleep(0.1)
    state = "is still silent" if process.poll() is None else f"ended with status {process.returncode}"
    last_words = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise DockerUnavailableError(f"dockerd {state}; its last words:\n{last_words}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _bridge_exists() -> bool:
    return Path("/sys/class/net", BRIDGE).exists()


def _remove_bridge() -> None:
    ip = shutil.which("ip")
    if ip is not None and _bridge_exists():
        subprocess.run([ip, "link", "delete", BRIDGE], check=True)
