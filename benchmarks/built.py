"""Imports as Lambda makes them: from layers that were built, byte code and all, beside nothing but the runtime's boto3.

In the development environment other packages lie beside the layers, and some libraries import what they find: urllib3
takes pyOpenSSL, XGBoost takes scikit-learn. Figures from there say little about a cold start.
"""

from __future__ import annotations

import compileall
import importlib
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

from benchmarks.measure import ROOT, JobError

_RUNTIME: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What Lambda's runtime for Python has by itself."""
_ARCHITECTURES: Final = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def build_layers(names: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """Builds layers as ``sam build`` does, for this machine's processor.

    Args:
        names: of the layers' resources, such as ``CoreLayer``.
        folder: where to build them.

    Returns:
        the folders that Lambda would put on the module path, in the order of the names.

    Raises:
        JobError: a layer was not built; make has said why on standard error.
    """
    architecture = _ARCHITECTURES[platform.machine()]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for name in names:
        made = subprocess.run(  # noqa: S603 - this repository's own Makefile
            ["make", "--no-print-directory", "-C", "layers", f"build-{name}", f"ARTIFACTS_DIR={folder / name}"],  # noqa: S607
            cwd=ROOT,
            env={**os.environ, "PATH": path, "SLUICE_ARCHITECTURE": architecture},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if made.returncode != 0:
            raise JobError(f"{name} was not built")
    return tuple(folder / name / "python" for name in names)


def runtime_packages(folder: Path) -> Path:
    """A folder that holds nothing but the packages of Lambda's runtime, copied from the installed ones, with byte code:
    an environment that was just made has none, and the first process would compile them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _RUNTIME:
        origin = Path(str(importlib.import_module(name).__file__))
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, folder / origin.parent.name, dirs_exist_ok=True)
        else:
            shutil.copy(origin, folder)
    compileall.compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return folder


def import_seconds(statement: str, path: Sequence[Path], environment: Mapping[str, str]) -> float:
    """CPU seconds of a process that runs a statement and ends; other work on the machine hardly changes them.

    Args:
        path: the module path, beside the standard library.
        environment: variables that the statement reads.

    Raises:
        JobError: the process ended with another code than 0.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-S", "-c", statement],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    if ended.returncode != 0:
        raise JobError(f"`{statement}` ended with code {ended.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
