"""What `sam build` made, held to Lambda's limits and to what a layer must contain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.home import REPOSITORY
from local.stack import Project, architecture
from tests.local.conftest import LocalAws
from tests.template import RESOURCES, TEMPLATE, resources

MAX_BYTES = 250 * 1024 * 1024
"""Lambda's limit for function and layers together, unzipped."""


@pytest.fixture(scope="module")
def build(local_aws: LocalAws) -> Path:
    """The folder of the build that was deployed."""
    return Project().build


@pytest.fixture(scope="module")
def other_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layers, built as `sam build` builds them, for the processor that this machine does not have."""
    other = next(iter({"arm64", "x86_64"} - {architecture()}))
    folder = tmp_path_factory.mktemp(other)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for layer in resources("AWS::Serverless::LayerVersion"):
        (folder / layer).mkdir()
        built = subprocess.run(
            ["make", "--silent", f"build-{layer}", f"ARTIFACTS_DIR={folder / layer}", f"SLUICE_ARCHITECTURE={other}"],
            cwd=REPOSITORY / "layers",
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
    return folder


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def layers_of(function: str) -> list[str]:
    own: list[dict[str, str]] = RESOURCES[function]["Properties"].get("Layers", [])
    shared: list[dict[str, str]] = TEMPLATE["Globals"]["Function"]["Layers"]
    return [layer["Ref"] for layer in [*shared, *own]]


@pytest.mark.parametrize("function", resources("AWS::Serverless::Function"))
def test_function_and_layers_fit_lambda(build: Path, function: str) -> None:
    assert size(build / function) > 0
    total = size(build / function) + sum(size(build / layer) for layer in layers_of(function))
    assert total < MAX_BYTES, f"{total / 1024**2:.0f} MiB"


@pytest.mark.parametrize("function", resources("AWS::Serverless::Function"))
def test_function_and_layers_fit_lambda_for_the_other_processor_too(other_layers: Path, function: str) -> None:
    """One of the two is what ships by default, whatever this machine is."""
    code = REPOSITORY / RESOURCES[function]["Properties"]["CodeUri"]
    total = size(code) + sum(size(other_layers / layer) for layer in layers_of(function))
    assert total < MAX_BYTES, f"{total / 1024**2:.0f} MiB"


def test_the_layers_for_the_other_processor_hold_its_code_and_not_this_machines(
    other_layers: Path, build: Path
) -> None:
    other = {shared.name for shared in other_layers.glob("*/python/**/*.so")}
    here = {shared.name for shared in build.glob("*Layer/python/**/*.so")}
    wanted = {"arm64": "aarch64", "x86_64": "x86_64"}
    assert any(wanted[architecture()] in name for name in here)
    assert other
    assert not [name for name in other if f"{wanted[architecture()]}-linux" in name]


def packages(build: Path, layer: str) -> Iterator[str]:
    return (path.name for path in (build / layer / "python").iterdir() if path.suffix != ".dist-info")


@pytest.mark.parametrize("function", resources("AWS::Serverless::Function"))
def test_the_layers_of_a_function_share_no_package(build: Path, function: str) -> None:
    seen: dict[str, str] = {}
    for layer in layers_of(function):
        for package in packages(build, layer):
            if package != "__pycache__":
                assert seen.setdefault(package, layer) == layer, f"{package} is in {seen[package]} and in {layer}"


@pytest.mark.parametrize(
    ("layer", "module"),
    [
        ("CoreLayer", "sluice"),
        ("TabularLayer", "tabular"),
        ("ScoringLayer", "scoring"),
        ("PlottingLayer", "plotting"),
    ],
)
def test_layers_hold_our_package_with_its_byte_code(build: Path, layer: str, module: str) -> None:
    sources = list((build / layer / "python" / module).glob("*.py"))
    assert sources
    for source in sources:
        assert (source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc").exists(), source


def test_functions_that_only_talk_to_aws_carry_nothing_heavy(build: Path) -> None:
    for function in (
        "StartTrainingFunction",
        "CheckTrainingFunction",
        "DeployEndpointFunction",
        "CheckEndpointFunction",
    ):
        assert layers_of(function) == ["CoreLayer"]
    heavy = {"numpy", "pandas", "xgboost", "polars", "scipy"}
    assert not heavy & set(packages(build, "CoreLayer"))


def test_the_built_template_has_no_yaml_aliases_since_cloudformation_takes_none(build: Path) -> None:
    tokens: list[Any] = list(yaml.scan((build / "template.yaml").read_text()))
    assert not [token for token in tokens if isinstance(token, yaml.AliasToken)]
