"""The table as DuckDB holds it: every cell as trimmed text, in a database on disk, within a fixed memory.

DuckDB's own typing is not used: it rounds 3.5 into an integer column and takes ``1_000``, ``nan`` and ``inf`` for
numbers.
Columns are called c0, c1, ... so that no header text ever becomes a name in a statement. Where rows are kept:

- ``cells``: every well-formed record, ``rowid`` numbering them from 0; ``u`` is the hash for the split (see ``split``).
- ``bad``: the cells that break a rule.
- ``good``: a view of the rows that have none, with ``ordinal``, their rowid.
- ``parts``: a view of those with ``label``, the class number, and ``part`` (made in ``split``).
"""

# ruff: noqa: S608 - statements are built from column numbers, escaped literals and this package's constants

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from sluice.recipe import WHITESPACE
from tabular.dialect import Dialect
from tabular.records import MAX_RECORD_BYTES

_COLUMNS_PER_QUERY: Final = 64


class TableError(RuntimeError):
    """The engine and the survey of the file disagree: a fault of this program, never of the file."""


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def tuple_of(texts: Sequence[str]) -> str:
    return "(" + ", ".join(literal(text) for text in texts) + ")"


class Table:
    """One DuckDB database in a working folder."""

    def __init__(self, work: Path, *, memory_limit: str, threads: int) -> None:
        self._connection = duckdb.connect(
            work / "table.duckdb",
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(work / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        # It makes a join of every `cell IN (missing tokens)`: minutes and gigabytes at a few hundred columns.
        self.execute("SET disabled_optimizers = 'in_clause'")
        self.execute("CREATE TABLE bad (ordinal BIGINT, position INTEGER, rule VARCHAR, cell VARCHAR)")

    def close(self) -> None:
        self._connection.close()

    def execute(self, statement: str) -> None:
        self._connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()

    def row(self, query: str) -> tuple[Any, ...]:
        """The one row of an aggregate."""
        (result,) = self.rows(query)
        return result

    def stream(self, query: str, size: int = 10_000) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor().execute(query)
        while batch := cursor.fetchmany(size):
            yield from batch

    def load(self, path: Path, dialect: Dialect, *, sequential: bool, missing: Sequence[str], u: str) -> int:
        """Reads a file of regular records into ``cells``; returns the number of rows.

        Args:
            path: the file itself, or a copy that holds a header and its well-formed records alone.
            sequential: to read it with one thread, which a file needs whose cells hold line ends: the parallel reader
                guesses where records begin, and a line inside a cell may look like one.
            missing: cells that mean: no value. They become NULL.
            u: SQL over the trimmed cells t0, t1, ... (missing ones as they stand) for the hash of a row.
        """
        width = dialect.width
        whitespace = literal(WHITESPACE)
        trimmed = ", ".join(f"coalesce(trim(c{i}, {whitespace}), '') AS t{i}" for i in range(width))
        tokens = tuple_of(sorted({"", *missing}))
        cells = ", ".join(f"CASE WHEN t{i} IN {tokens} THEN NULL ELSE t{i} END AS c{i}" for i in range(width))
        columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
        self.execute(
            f"CREATE TABLE cells AS SELECT {cells}, {u} AS u FROM (SELECT {trimmed} FROM read_csv("
            f"{literal(str(path))}, auto_detect = false, columns = {{{columns}}}, header = true, "
            f"delim = {literal(dialect.delimiter.decode())}, quote = '\"', escape = '\"', strict_mode = true, "
            f"null_padding = false, max_line_size = {4 * MAX_RECORD_BYTES}, encoding = 'utf-8', "
            f"parallel = {str(not sequential).lower()}))"
        )
        return int(self.row("SELECT count(*) FROM cells")[0])

    def aggregate(self, expressions: Mapping[int, Sequence[str]], source: str = "cells") -> dict[int, tuple[Any, ...]]:
        """Aggregates by column, a few columns a query, so that a table of thousands of columns stays in bounds.

        Args:
            expressions: for each column number, aggregates that read that column alone.
            source: what to read, with a condition if need be.
        """
        results: dict[int, tuple[Any, ...]] = {}
        numbers = list(expressions)
        for start in range(0, len(numbers), _COLUMNS_PER_QUERY):
            group = numbers[start : start + _COLUMNS_PER_QUERY]
            flat = [expression for number in group for expression in expressions[number]]
            values = self.row(f"SELECT {', '.join(flat)} FROM {source}")
            at = 0
            for number in group:
                size = len(expressions[number])
                results[number] = values[at : at + size]
                at += size
        return results

    def mark_bad(self, position: int, rule: str, condition: str) -> None:
        """Notes the cells of one column that break a rule."""
        self.execute(
            f"INSERT INTO bad SELECT rowid, {position}, {literal(rule)}, c{position} FROM cells WHERE {condition}"
        )

    def set_aside_bad(self) -> int:
        """Takes the rows with bad cells out of ``good``, the view that everything after reads; returns how many."""
        self.execute("CREATE TABLE aside AS SELECT DISTINCT ordinal FROM bad")
        self.execute("CREATE VIEW good AS SELECT rowid AS ordinal, * FROM cells")
        count = int(self.row("SELECT count(*) FROM aside")[0])
        if count:
            self.execute(
                "CREATE OR REPLACE VIEW good AS SELECT rowid AS ordinal, * FROM cells "
                "WHERE rowid NOT IN (SELECT ordinal FROM aside)"
            )
        return count
