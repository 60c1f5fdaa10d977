"""What the functions need round them when they run in containers: a Docker, an image, a build, and an AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker import DockerClient  # type: ignore[import-untyped]  # docker-py ships no types

from local import cloud
from local.aws import ACCESS_KEY, REGION, SECRET_KEY, Aws
from local.home import REPOSITORY, Home
from local.stack import architecture
from tests.docker.base_image import base_image, image_with_environment
from tests.docker.docker_daemon import Daemon, DockerUnavailableError, bridge_address, docker_daemon
from tests.docker.relay import relay
from tests.docker.sam_local import SamLocal

REQUIRED = "SLUICE_DOCKER_REQUIRED"
IMAGE = "sluice-lambda-python313:local"


@dataclass(frozen=True)
class Docker:
    """A daemon with a client of it, and this machine's address for its containers."""

    daemon: Daemon
    client: DockerClient
    bridge_address: str


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    with ExitStack() as stack:
        try:
            daemon = stack.enter_context(docker_daemon())
            client = stack.enter_context(closing(daemon.client()))
            docker = Docker(daemon, client, bridge_address(client))
        except DockerUnavailableError as error:
            if os.environ.get(REQUIRED):
                pytest.fail(f"{REQUIRED} is set, but: {error}")
            pytest.skip(str(error))
        yield docker


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A local AWS, empty and on this machine's 127.0.0.1."""
    home = Home.at(tmp_path_factory.mktemp("aws"))
    with home.locked():
        state = cloud.start(home, cloud.Options(port=0, pace=0.1, keep=False))
    try:
        yield Aws.of(state)
    finally:
        with home.locked():
            cloud.stop(home)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped template as ``sam build`` makes it for this machine's processor."""
    folder = tmp_path_factory.mktemp("build")
    scripts = Path(sys.executable).parent
    finished = subprocess.run(
        ["sam", "build", "--build-dir", str(folder), "--parameter-overrides", f"Architecture={architecture()}"],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "SLUICE_ARCHITECTURE": architecture(),
            "SAM_CLI_TELEMETRY": "0",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    return folder / "template.yaml"


@pytest.fixture(scope="session")
def base(docker: Docker) -> str:
    """Name of an image that is like Lambda's."""
    return base_image(docker.client, architecture(), pull=not docker.daemon.own)


@pytest.fixture(scope="session")
def sam_local(
    docker: Docker, base: str, aws: Aws, build: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SamLocal]:
    """``sam local invoke``, with clients in the containers that find the local AWS."""
    address = docker.bridge_address
    with (
        relay(address, _port(aws.endpoint_url)) as ministack,
        relay(address, _port(aws.sagemaker_url)) as sagemaker,
    ):
        environment = {
            "AWS_ENDPOINT_URL": f"http://{address}:{ministack}",
            "AWS_ENDPOINT_URL_SAGEMAKER": f"http://{address}:{sagemaker}",
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": f"http://{address}:{sagemaker}",
        }
        image_with_environment(docker.client, base, IMAGE, environment)
        yield SamLocal(
            template=build,
            image=IMAGE,
            parameters=f"Architecture={architecture()}",
            environment=sam_environment(docker),
            scratch=tmp_path_factory.mktemp("sam-local"),
            aws_url=environment["AWS_ENDPOINT_URL"],
        )


def sam_environment(docker: Docker) -> dict[str, str]:
    """What the SAM CLI must be told to run containers there, as the local AWS's root."""
    return {
        "DOCKER_HOST": docker.daemon.host,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
