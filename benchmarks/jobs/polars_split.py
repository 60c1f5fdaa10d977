"""A split by someone who knows the table and trusts it: Polars streams one scan into three files, and checks nothing.

Types, levels and ranks are given, not learned. A row with a cell too few is padded, a text in a number column becomes
an empty cell, and both go into the training files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from benchmarks import mixed_table as mixed
from benchmarks.measure import Counts, part_file
from sluice.layout import Part

_RANKED: Final = 1000
"""As many as a recipe ranks; all other cities share the next rank."""

_SCHEMA: Final = pl.Schema(
    {
        **dict.fromkeys(mixed.COLUMNS, pl.String()),
        **dict.fromkeys(mixed.DECIMALS, pl.Float64()),
        **dict.fromkeys(mixed.WHOLES, pl.Int64()),
        mixed.SIGNED_UP: pl.Date(),
        mixed.LAST_SEEN: pl.Datetime("us"),
    }
)
_PARTS: Final[dict[Part, pl.Expr]] = {
    "test": pl.col("u") < 15,
    "validation": (pl.col("u") >= 15) & (pl.col("u") < 30),
    "train": pl.col("u") >= 30,
}


def run(file: Path, out: Path) -> Counts:
    table = pl.scan_csv(file, schema=_SCHEMA, ignore_errors=True, truncate_ragged_lines=True)
    u = (pl.col(mixed.IDENTIFIER).hash(seed=0) % 100).alias("u")
    features = table.select(*_features(), u)
    sinks = [_sink(features, name, part, out) for name, part in _PARTS.items()]
    pl.collect_all(sinks, engine="streaming")
    return Counts()


def _sink(features: pl.LazyFrame, name: Part, part: pl.Expr, out: Path) -> pl.LazyFrame:
    file = part_file(out, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    return features.filter(part).drop("u").sink_csv(file, include_header=False, lazy=True)


def _features() -> list[pl.Expr]:
    """The label, then what the recipe makes of each column."""
    flag = pl.Int8()
    city = pl.col(mixed.CITY)
    rank = (
        city.cast(pl.Enum(mixed.CITIES[:_RANKED]), strict=False).to_physical().cast(pl.Int32()).fill_null(_RANKED) + 1
    )
    return [
        pl.col(mixed.TARGET).eq_missing(pl.lit(mixed.NO_YES[1])).cast(flag),
        *(pl.col(name) for name in (*mixed.DECIMALS, *mixed.WHOLES)),
        *(
            (pl.col(name) == level).cast(flag).alias(f"{name}={level}")
            for name, levels in mixed.CATEGORIES.items()
            for level in levels
        ),
        pl.when(city.is_not_null()).then(rank),
        (pl.col(mixed.ACTIVE) == mixed.NO_YES[1]).cast(flag),
        *_date_parts(mixed.SIGNED_UP),
        *_date_parts(mixed.LAST_SEEN),
        pl.col(mixed.LAST_SEEN).dt.hour().alias(f"{mixed.LAST_SEEN}.hour"),
    ]


def _date_parts(name: str) -> list[pl.Expr]:
    date = pl.col(name).dt
    parts = {
        "year": date.year(),
        "month": date.month(),
        "day": date.day(),
        "weekday": date.weekday(),
        "days": date.epoch("d"),
    }
    return [expression.alias(f"{name}.{part}") for part, expression in parts.items()]
