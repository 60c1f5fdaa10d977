"""Hostile input against the product, and against the sample code that it harms. All harm stays in tmp_path."""

from __future__ import annotations

from tests.functions.conftest import aws, context, log

__all__ = ["aws", "context", "log"]
