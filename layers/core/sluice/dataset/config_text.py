"""Reads the text of a configuration: YAML, with labels and column names taken as they are written."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml

from sluice.dataset.config import ConfigError, DatasetConfig

_TEXT_KEYS: Final = frozenset(
    name for name, field in DatasetConfig.model_fields.items() if field.annotation in (str | None, tuple[str, ...])
)
"""Keys at the top whose values, or whose list's items, are texts."""

_SPLIT_COLUMNS: Final = frozenset({"group_by", "by_time"})
_FACET_TEXTS: Final = frozenset({"column", "group", "favoured_label", "condition_on"})

_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_SCALAR_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "timestamp"))
_NULL_TAG: Final = "tag:yaml.org,2002:null"


class _Loader(yaml.SafeLoader):
    """YAML without the two surprises that cost people most: a key that stands twice, of which the last one would win,
    and labels such as 007, 2024-01-31, 1.10 or No, which would become something else than what is written."""

    def get_single_node(self) -> yaml.Node | None:
        root = super().get_single_node()
        for key, value in _pairs(root):
            if key in _TEXT_KEYS:
                _take_as_written(value)
            elif key == "split":
                for name, column in _pairs(value):
                    if name in _SPLIT_COLUMNS:
                        _take_as_written(column)
            elif key == "leaks":
                for name, columns in _pairs(value):
                    if name == "allow":
                        _take_as_written(columns)
            elif key == "classes":
                _take_labels_as_written(value)
            elif key == "facets" and isinstance(value, yaml.SequenceNode):
                for name, text in itertools.chain.from_iterable(map(_pairs, value.value)):
                    if name in _FACET_TEXTS:
                        _take_as_written(text)
        return root

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in lines:
                raise _RepeatedKeyError(key.value, lines[key.value], key.start_mark.line + 1)
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


class _RepeatedKeyError(Exception):
    def __init__(self, key: str, first: int, second: int) -> None:
        super().__init__(f"line {second}: the key `{key}` is already in line {first}; remove one of them")


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode):
            yield key.value, value


def _take_labels_as_written(classes: yaml.Node) -> None:
    for key, value in _pairs(classes):
        if key == "drop":
            _take_as_written(value)
        elif key == "merge" and isinstance(value, yaml.MappingNode):
            for name, labels in value.value:
                _take_as_written(name)
                _take_as_written(labels)


def _take_as_written(node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.ScalarNode) and item.tag in _SCALAR_TAGS | {_NULL_TAG}:
                item.tag = _TEXT_TAG
    elif isinstance(node, yaml.ScalarNode) and node.tag in _SCALAR_TAGS:
        node.tag = _TEXT_TAG


def loaded_yaml(text: str, name: str) -> Any:
    """What a configuration's text holds, before it is checked.

    Args:
        name: how to call the file in error messages.

    Raises:
        ConfigError: it is no YAML, or a key stands in it twice.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except _RepeatedKeyError as error:
        raise ConfigError([f"{name}, {error}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError([f"{name}{where}: this is not YAML; see docs/configuration.md for an example"]) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        # PyYAML says so of a number, date or truth value that has the look of one and is none.
        what = "a number, a date or a true/false value cannot be read; put it in quotes if it is a text"
        raise ConfigError([f"{name}: {what}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{name}: it is nested too deeply; see docs/configuration.md for an example"]) from error
