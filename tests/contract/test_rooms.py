"""The core's rooms: what decides is pure, and what talks to AWS lies in a folder of that name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

CORE: Final = Path(__file__).parents[2] / "layers" / "core" / "sluice"
ADAPTERS: Final = ("boto3", "botocore", "mypy_boto3_", "aws_lambda_powertools", "http.client")
"""What a pure module must not import at run time or for its types: a client's type in a signature is a call to come.
Lambda's own API, which boto3 does not know, is asked by plain HTTP."""
ROOMS: Final = {"runs", "dataset", "training", "evaluation", "endpoint", "prediction", "monitoring"}


def imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def talks_to_aws(name: str) -> bool:
    return name.startswith(ADAPTERS) or (name.startswith("sluice.") and "aws" in name.split("."))


MODULES: Final = sorted(path for path in CORE.rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_talks_to_aws_exactly_if_it_lies_in_a_folder_aws(module: Path) -> None:
    found = sorted(filter(talks_to_aws, imports(module)))
    if "aws" in module.relative_to(CORE).parts:
        assert found, "it talks to nobody: it belongs into the room itself"
    else:
        assert not found


def test_what_all_rooms_share_stands_at_the_root_and_imports_from_no_room() -> None:
    for module in (path for path in MODULES if path.parent in (CORE, CORE / "aws")):
        inside = {name.split(".")[1] for name in imports(module) if name.startswith("sluice.")}
        assert not inside & ROOMS, module.name


READERS_OF_ERRORS: Final = "layers/core/sluice/aws/errors.py"
"""A stand-in for the service has to know the words of errors, too, and is not the pipeline."""


def test_aws_errors_are_read_in_one_place() -> None:
    root = CORE.parents[2]
    folders = ("layers", "functions", "cli", "local", "scripts", "following")
    sources = [path for folder in folders for path in (root / folder).rglob("*.py")]
    readers = {
        str(path.relative_to(root))
        for path in sources
        if not path.is_relative_to(root / "local" / "sagemaker")
        and re.search(r"\.response(\[|\.get\()\W?Error", path.read_text())
    }
    assert readers <= {READERS_OF_ERRORS}


def test_endpoints_are_changed_in_one_place() -> None:
    root = CORE.parents[2]
    changes = {"create_endpoint", "update_endpoint", "delete_endpoint"}
    found = {
        (str(path.relative_to(root)), node.attr)
        for folder in ("layers", "functions", "cli")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in changes
    }
    assert found == {("layers/core/sluice/endpoint/aws/calls.py", change) for change in changes}


KEYS_OF_ERRORS: Final = {"Error", "Code", "Message", "ResponseMetadata", "HTTPStatusCode", "OriginalStatusCode"}
"""Keys of an answer, which are no codes."""


def names_in(source: str) -> set[str]:
    """Texts of a module that are one word with a capital letter in front, as AWS's codes are."""
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Za-z]+", text)}


def codes_in(source: str, known: set[str]) -> set[str]:
    """Codes of AWS's errors that a module names: those that are known, and what ends as codes do."""
    return {name for name in names_in(source) if name in known or name.endswith(("Exception", "LimitExceeded"))}


def test_codes_of_aws_errors_stand_in_one_place() -> None:
    root = CORE.parents[2]
    known = names_in((root / READERS_OF_ERRORS).read_text()) - KEYS_OF_ERRORS
    assert {"AccessDenied", "ResourceLimitExceeded", "ExpiredToken"} <= known
    found = {
        str(path.relative_to(root)): codes
        for folder in ("layers", "functions", "cli", "local", "scripts", "following")
        for path in (root / folder).rglob("*.py")
        if not path.is_relative_to(root / "local" / "sagemaker") and (codes := codes_in(path.read_text(), known))
    }
    assert found.keys() == {READERS_OF_ERRORS}


def test_a_code_is_seen_by_its_ending_and_a_status_is_none() -> None:
    source = 'code in ("NewException", "VcpuLimitExceeded", "AccessDenied") or status == "MaxRuntimeExceeded"'
    assert codes_in(source, {"AccessDenied"}) == {"NewException", "VcpuLimitExceeded", "AccessDenied"}


def test_the_modules_of_the_local_sagemaker_import_one_another_in_no_circle() -> None:
    folder = Path(__file__).parents[2] / "local" / "sagemaker"
    modules = {f"local.sagemaker.{path.stem}": path for path in folder.glob("*.py") if not path.stem.startswith("__")}
    graph = {
        name: {
            other
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module
            for other in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            if other in modules
        }
        for name, path in modules.items()
    }
    order = tuple(TopologicalSorter(graph).static_order())  # raises CycleError
    assert set(order) == set(modules)
    assert graph["local.sagemaker.control_plane"] >= {"local.sagemaker.backend", "local.sagemaker.registry"}


def test_models_of_the_core_evaluate_their_annotations_where_they_stand() -> None:
    """Pydantic compiles an annotation that is text again at each cold start, which took a tenth of an import."""
    for module in MODULES:
        text = module.read_text()
        if "from pydantic import" in text and "BaseModel" in text:
            assert "from __future__ import annotations" not in text, module.relative_to(CORE)
