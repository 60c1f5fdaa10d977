"""Patterns over the cells of a column."""

from __future__ import annotations

import polars as pl


def matches(cell: pl.Expr, pattern: str) -> pl.Expr:
    """Whether the whole cell has the form."""
    return cell.str.contains(f"^(?:{pattern})$")


def of_groups(cell: pl.Expr, pattern: str, value: pl.Expr) -> pl.Expr:
    """What is made of the groups of a pattern that the whole cell has; of null for each of them if it has not.

    An expression that names the groups of a search one by one makes that search for each of them. This makes one.

    Args:
        cell: the text.
        pattern: its groups have names.
        value: over these groups, each of them a ``pl.field``.
    """
    groups = cell.str.extract_groups(f"^(?:{pattern})$")
    return groups.struct.with_fields(value.alias("value")).struct.field("value")
