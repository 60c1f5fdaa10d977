"""What `sam build` made, held to Lambda's limits and to what a layer must contain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.stack import Project
from tests.local.conftest import LocalAws
from tests.template import RESOURCES, TEMPLATE, resources

#: Lambda's limit for function and layers together, unzipped.
MAX_BYTES = 250 * 1024 * 1024


@pytest.fixture(scope="module")
def build(local_aws: LocalAws) -> Path:
    """The folder of the build that was deployed."""
    return Project().build


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
