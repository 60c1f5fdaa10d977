"""Builds and deploys the shipped template with the real SAM CLI, to the local AWS.

Neither is done again while all that they read is what it was. The stack itself says which sources it was deployed from,
so that it is never taken for newer than it is, whatever became of the local AWS since.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from botocore.exceptions import ClientError

from local import layers, template
from local.aws import REGION, Aws
from local.home import DEFAULT_STATE_DIR, REPOSITORY, Home, LocalError, exclusive
from sluice.aws.errors import is_not_found

STACK_NAME: Final = "sluice"
_UPLOADS: Final = "sluice-sam-uploads"
_SOURCES_OUTPUT: Final = "SourceFingerprint"
_SOURCES: Final = ("template.yaml", "statemachine", "layers", "functions")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Project:
    """A SAM project and where its build lies. Builds are shared by all local AWS of a machine."""

    root: Path = REPOSITORY
    work: Path = DEFAULT_STATE_DIR

    @property
    def build(self) -> Path:
        return self.work / "build"

    @property
    def built_template(self) -> Path:
        return self.build / "template.yaml"

    @property
    def layers(self) -> Path:
        """Built layers by content, see :mod:`local.layers`."""
        return self.work / "layers"

    @property
    def mounted(self) -> Path:
        """Which of them the build has."""
        return self.build / "layers.json"

    def fingerprint(self) -> str:
        """Covers all that a deployed stack depends on: the sources, what builds them, and where the build lies."""
        digest = hashlib.sha256(f"{architecture()} {sys.version} {self.work}".encode())
        for module in (template.__file__, layers.__file__, __file__):
            digest.update(Path(module).read_bytes())
        for source in _SOURCES:
            path = self.root / source
            files = [path] if path.is_file() else sorted(path.rglob("*"))
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(f"{file.relative_to(self.root)}\0".encode())
                    digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()


SHIPPED: Final = Project()


def architecture() -> str:
    """This machine's, in Lambda's words: what is built here also runs here."""
    machine = platform.machine().lower()
    return "arm64" if machine in ("arm64", "aarch64") else "x86_64"


def deploy(home: Home, say: Say, project: Project = SHIPPED, *, tell_left_out: bool = False) -> dict[str, str]:
    """Builds and deploys what has changed. Call with the home locked and the local AWS up.

    Args:
        tell_left_out: whether to say what of the template the local AWS goes without.

    Returns:
        The stack's outputs.

    Raises:
        LocalError: SAM CLI refused or failed; the message ends with what it said.
    """
    aws = Aws.of(home.read())
    fingerprint = project.fingerprint()
    found = _outputs(aws)
    current = found is not None and found.get(_SOURCES_OUTPUT) == fingerprint
    if not current or not layers.there(home, project.layers):
        with exclusive(project.work / "build.lock"):
            _build(project, fingerprint, say)
            _deploy(home, aws, project, fingerprint, say, tell_left_out)
    outputs = stack_outputs(aws)
    if outputs is None:
        raise LocalError(f"sam deploy succeeded, but there is no stack {STACK_NAME}; see {home.log('sam-deploy')}")
    return outputs


def stack_outputs(aws: Aws) -> dict[str, str] | None:
    """Outputs of the deployed stack by name; None if there is no stack, or one that is not complete."""
    outputs = _outputs(aws)
    return outputs and {name: value for name, value in outputs.items() if name != _SOURCES_OUTPUT}


def _outputs(aws: Aws) -> dict[str, str] | None:
    try:
        stack = aws.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except ClientError as error:
        if is_not_found(error):
            return None
        raise
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _build(project: Project, fingerprint: str, say: Say) -> None:
    stamp = project.work / "build.stamp"
    if project.built_template.exists() and stamp.exists() and stamp.read_text() == fingerprint:
        return
    stamp.unlink(missing_ok=True)
    say(f"sam build ({architecture()}) ...")
    started = time.monotonic()
    _sam(
        [
            "build",
            *("--template-file", str(project.root / "template.yaml")),
            *("--build-dir", str(project.build)),
            *("--cached", "--cache-dir", str(project.work / "sam-cache"), "--parallel"),
            *("--parameter-overrides", f"Architecture={architecture()}"),
        ],
        environment={"SLUICE_ARCHITECTURE": architecture()},
        work=project.work,
        folder=project.root,
        log=project.work / "logs" / "sam-build.log",
    )
    mounted = []
    for folder in sorted(path for path in project.build.iterdir() if path.is_dir()):
        if folder.name.endswith("Layer"):
            mounted.append(layers.mount(folder, project.layers))
        else:
            _pack(folder)
    project.mounted.write_text(json.dumps(mounted))
    stamp.write_text(fingerprint)
    say(f"sam build: {time.monotonic() - started:.0f} s")


def _pack(folder: Path) -> None:
    """Zips a built function, once for all deploys and without times, so that equal code makes equal zips."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.writestr(zipfile.ZipInfo(str(file.relative_to(folder))), file.read_bytes())


def _deploy(home: Home, aws: Aws, project: Project, fingerprint: str, say: Say, tell_left_out: bool) -> None:
    local, left_out = template.for_ministack(yaml.safe_load(project.built_template.read_text()))
    local = template.with_note(local, _SOURCES_OUTPUT, fingerprint)
    for remark in left_out if tell_left_out else ():
        say(f"left out on the local AWS: {remark}")
    # Beside the built one, because paths in it are relative. JSON is YAML, too.
    local_template = project.build / "template.local.json"
    local_template.write_text(json.dumps(template.with_packed_code(local, project.build), indent=1))
    aws.s3.create_bucket(Bucket=_UPLOADS)
    say("sam deploy ...")
    started = time.monotonic()
    _sam(
        [
            "deploy",
            *("--template-file", str(local_template)),
            *("--stack-name", STACK_NAME, "--s3-bucket", _UPLOADS),
            *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"),
            *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
            *("--parameter-overrides", f"Architecture={architecture()}"),
        ],
        environment={**aws.environment(), "SAM_CLI_POLL_DELAY": "0.2"},
        work=project.work,
        folder=project.root,
        log=home.log("sam-deploy"),
    )
    layers.use(home, project.layers, json.loads(project.mounted.read_text()))
    say(f"sam deploy: {time.monotonic() - started:.0f} s")


def _sam(arguments: list[str], *, environment: Mapping[str, str], work: Path, folder: Path, log: Path) -> None:
    """Runs the SAM CLI, its output in ``log``.

    It is told all by flags, so that no samconfig.toml says otherwise, and nothing of a real account reaches
    it, nor does it phone home: neither telemetry nor its question for newer versions.
    """
    empty_config = work / "sam" / "samconfig.toml"
    empty_config.parent.mkdir(parents=True, exist_ok=True)
    empty_config.write_text("version = 0.1\n")
    (work / "sam" / "metadata.json").write_text(
        json.dumps({"lastVersionCheck": time.time(), "telemetryEnabled": False})
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "MAKE"))}
    scripts = Path(sys.executable).parent
    sam = shutil.which("sam", path=str(scripts))
    if sam is None:
        raise LocalError(f"sam is not installed beside {sys.executable}; run make setup")
    command = [sam, *arguments, "--region", REGION, "--config-file", str(empty_config)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        output.write(f"$ {shlex.join(command)}\n")
        output.flush()
        finished = subprocess.run(
            command,
            cwd=folder,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **inherited,
                "PATH": os.pathsep.join([str(scripts), inherited.get("PATH", os.defpath)]),
                "NO_PROXY": ",".join(filter(None, [inherited.get("NO_PROXY"), "127.0.0.1", "localhost"])),
                "SAM_CLI_TELEMETRY": "0",
                "__SAM_CLI_APP_DIR": str(empty_config.parent),
                **environment,
            },
        )
    if finished.returncode != 0:
        said = "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-25:])
        raise LocalError(f"sam {arguments[0]} failed:\n{said}\n  whole log: {log}")
