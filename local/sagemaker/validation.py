"""Requests against the service's own model: the constraints that botocore carries but does not check itself.

Wording: ``1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must
satisfy regular expression pattern: ...`` (for instance aws/amazon-sagemaker-examples issue 2236).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import Shape

from local.sagemaker.errors import ApiError, validation_exception


@functools.cache
def service_model(service: str) -> Any:
    """botocore's model of ``sagemaker`` or ``sagemaker-runtime``."""
    return botocore.session.get_session().get_service_model(service)


@functools.cache
def operations() -> frozenset[str]:
    return frozenset(service_model("sagemaker").operation_names)


def validate(operation: str, parameters: dict[str, Any], service: str = "sagemaker") -> None:
    """
    Raises:
        ApiError: ValidationException, or SerializationException for a value of the wrong type.
    """
    shape = service_model(service).operation_model(operation).input_shape
    violations = list(_violations(shape, parameters, "")) if shape is not None else []
    if violations:
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected"
        raise validation_exception(f"{count}: " + "; ".join(violations))


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    check = _CHECKS.get(shape.type_name)
    if check is not None:
        yield from check(shape, value, path)


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    _expect(value, dict, path)
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _violations(member, value[name], _join(path, name))


def _list(shape: Any, value: Any, path: str) -> Iterator[str]:
    _expect(value, list, path)
    yield from _length(shape, value, path)
    for position, item in enumerate(value, start=1):
        yield from _violations(shape.member, item, f"{path}.{position}.member")


def _map(shape: Any, value: Any, path: str) -> Iterator[str]:
    _expect(value, dict, path)
    yield from _length(shape, value, path)
    for key, item in value.items():
        yield from _violations(shape.key, key, path)
        yield from _violations(shape.value, item, f"{path}.{key}.member")


def _string(shape: Any, value: Any, path: str) -> Iterator[str]:
    _expect(value, str, path)
    yield from _length(shape, value, path)
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _violation(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _number(shape: Any, value: Any, path: str) -> Iterator[str]:
    _expect(value, (int, float), path)
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield _violation(value, path, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _violation(value, path, f"Member must have value less than or equal to {high}")


def _length(shape: Shape, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield _violation(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _violation(value, path, f"Member must have length less than or equal to {high}")


_CHECKS: dict[str, Any] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
}


def _violation(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # The models write Java's regular expressions; of what they use, only these POSIX classes are foreign to Python.
    for java, python in ((r"\p{Alnum}", "a-zA-Z0-9"), (r"\p{L}\p{Z}\p{N}", r"\w\s"), (r"\p{L}", "a-zA-Z")):
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _expect(value: Any, kind: type | tuple[type, ...], path: str) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ApiError("SerializationException", f"Unexpected type {type(value).__name__} at '{path}'")
