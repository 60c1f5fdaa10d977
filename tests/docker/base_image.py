"""The image in which ``sam local invoke`` runs a function.

A Docker that the machine has already pulls AWS's own image for python3.13. If that is not available, one is made here
and laid out like it: CPython 3.13 from this machine in /var/lang, the runtime interface client and boto3 in
/var/runtime, the C and C++ runtime, and no library that only a layer's package could want: what a layer forgot is
missing here too.
"""

from __future__ import annotations

import io
import json
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from docker import DockerClient  # type: ignore[import-untyped]  # docker-py ships no types
from docker.errors import DockerException  # type: ignore[import-untyped]

AWS_IMAGE: Final = "public.ecr.aws/lambda/python:3.13-{architecture}"
OWN_IMAGE: Final = "sluice-lambda-python313:base"
RUNTIME_REQUIREMENTS: Final = Path(__file__).with_name("runtime.txt")

PYTHON: Final = "/var/lang/bin/python3.13"
BOOTSTRAP: Final = f"""#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python3.13
export PYTHONPATH="/opt/python/lib/python3.13/site-packages:/opt/python:/var/runtime"
exec {PYTHON} -m awslambdaric "$_HANDLER"
"""
ENTRYPOINT: Final = """#!/bin/sh
export _HANDLER="$1"
exec /var/runtime/bootstrap
"""
# Of the AWS image's Dockerfile, what a function can notice.
SETTINGS: Final = [
    "ENV LANG=en_US.UTF-8 TZ=:/etc/localtime PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
    "ENV LD_LIBRARY_PATH=/var/lang/lib:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime",
    "WORKDIR /var/task",
    'ENTRYPOINT ["/lambda-entrypoint.sh"]',
]
# What SAM's own build step runs inside the image, and what the two scripts above need.
PROGRAMS: Final = ("/bin/sh", "/bin/mv", "/bin/chmod", "/bin/cp")
# glibc and the C++ runtime: what compiled wheels take for granted, so that no package names them.
C_RUNTIME: Final = (
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
)
NOT_IN_LAMBDA: Final = frozenset({"test", "idlelib", "turtledemo", "tkinter", "ensurepip", "site-packages"})


def base_image(client: DockerClient, architecture: str, *, pull: bool) -> str:
    """Name of an image that is like Lambda's python3.13, pulled or made.

    Args:
        architecture: ``x86_64`` or ``arm64``, this machine's.
        pull: whether to ask AWS's registry first.
    """
    aws_image = AWS_IMAGE.format(architecture=architecture)
    if pull and _has_or_pulls(client, aws_image):
        return aws_image
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            _lay_out(archive)
        file.flush()
        repository, tag = OWN_IMAGE.split(":")
        client.api.import_image_from_file(file.name, repository=repository, tag=tag, changes=SETTINGS)
    return OWN_IMAGE


def image_with_environment(client: DockerClient, base: str, name: str, environment: Mapping[str, str]) -> None:
    """Makes ``name``: the image ``base`` with variables set.

    ``sam local invoke --env-vars`` cannot do it: it changes only variables that the template declares.
    """
    lines = [f"FROM {base}", *(f"ENV {variable}={json.dumps(value)}" for variable, value in environment.items())]
    client.images.build(fileobj=io.BytesIO("\n".join(lines).encode()), tag=name, rm=True)


def _has_or_pulls(client: DockerClient, name: str) -> bool:
    try:
        if not client.images.list(name):
            client.images.pull(name)
    except DockerException:
        return False
    return True


def _lay_out(archive: tarfile.TarFile) -> None:
    for folder in ("tmp", "var/task", "opt", "dev", "proc", "sys"):
        _add_folder(archive, folder)
    _add_text(archive, "var/runtime/bootstrap", BOOTSTRAP, 0o755)
    _add_text(archive, "lambda-entrypoint.sh", ENTRYPOINT, 0o755)
    _add_text(archive, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644)
    _add_text(archive, "etc/group", "root:x:0:\n", 0o644)

    standard_library = Path(sys.base_prefix, "lib", "python3.13")
    archive.add(Path(sys.base_prefix, "bin", "python3.13").resolve(), PYTHON.lstrip("/"))
    archive.add(standard_library, "var/lang/lib/python3.13", filter=_as_in_lambda)
    for program in PROGRAMS:
        archive.add(Path(program).resolve(), program.lstrip("/"))
    extension_modules = map(str, (standard_library / "lib-dynload").glob("*.so"))
    c_runtime = _c_runtime()
    binaries = [sys.executable, *PROGRAMS, *extension_modules, *map(str, c_runtime)]
    for library in sorted({*c_runtime, *_shared_libraries(binaries)}):
        archive.add(library.resolve(), _place_of(library).lstrip("/"))
    _add_runtime(archive)


def _as_in_lambda(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    below = PurePosixPath(member.name).parts[len(PurePosixPath("var/lang/lib/python3.13").parts) :]
    left_out = bool(below) and (below[0] in NOT_IN_LAMBDA or below[0].startswith("config-"))
    return None if left_out else member


def _shared_libraries(binaries: list[str]) -> Iterator[Path]:
    """The libraries that the binaries load, with those that these load in turn, and the dynamic loader."""
    listing = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=True).stdout
    for found in re.finditer(r"^\s+(?:\S+ => )?(/\S+) \(0x", listing, re.MULTILINE):
        yield Path(found[1])


def _c_runtime() -> list[Path]:
    """Where this machine has ``C_RUNTIME``."""
    listing = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    places = dict(reversed(re.findall(r"^\s+(\S+) \(.*\) => (/\S+)$", listing, re.MULTILINE)))
    return [Path(places[library]) for library in C_RUNTIME]


def _place_of(library: Path) -> str:
    """Libraries of the interpreter move with it; those of the system stay where its loader looks for them."""
    prefix = Path(sys.base_prefix, "lib")
    return f"/var/lang/lib/{library.name}" if library.is_relative_to(prefix) else str(library)


def _add_runtime(archive: tarfile.TarFile) -> None:
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
        subprocess.run([*install, "--target", folder, "--requirement", str(RUNTIME_REQUIREMENTS)], check=True)
        archive.add(folder, "var/runtime")


def _add_folder(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    member.mode = stat.S_ISVTX | 0o777 if name == "tmp" else 0o755
    archive.addfile(member)


def _add_text(archive: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(text.encode())
    member.mode = mode
    archive.addfile(member, io.BytesIO(text.encode()))
