"""The validation's job as a person at home in pandas writes it, with pandas alone, knowing the target and no more.

Left out, to its advantage: blanks round cells, other notations of numbers, rows with a cell too many (pandas stops at
them or drops them unsaid) and the exact place of a fault where a cell spans lines. Kinds are read off the first rows.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import mixed_table as mixed
from benchmarks.measure import Counts, part_file
from sluice import layout
from sluice.layout import PARTS

type Kind = Literal["number", "boolean", "date", "text"]

_SAMPLE: Final = 10_000
_KIND_SHARE: Final = 0.9
_IDENTIFIER_SHARE: Final = 0.95
_MAX_ONE_HOT: Final = 20
_MAX_RANKED: Final = 1000
_MAX_REJECTED: Final = 0.01
_TEST, _VALIDATION = 0.15, 0.15
_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)
_NO_VALUE: Final = ["?", "-"]
"""Beside those that pandas takes for no value by itself."""
_BOOLEANS: Final = {"no": "yes", "false": "true", "f": "t", "n": "y", "off": "on"}
_IDENTIFIER_NAME: Final = re.compile(r"(^|[^a-z])(id|uuid|guid|key|index|idx|no|nr|number|row|rownum|rowid)$", re.I)

type Flags = NDArray[np.bool_]


@dataclass
class _Recipe:
    """What happens to each column; ``features`` are made from all good rows, levels learned from the training rows."""

    features: list[pd.DataFrame | pd.Series[Any]] = field(default_factory=list)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    identifiers: list[str] = field(default_factory=list)


def run(file: Path, out: Path) -> Counts:
    # Without low_memory pandas decides on a column's type once, not block by block.
    table = pd.read_csv(file, low_memory=False, na_values=_NO_VALUE, on_bad_lines="skip")
    received = len(table)
    kinds = {name: _kind(table[name]) for name in table.columns if name != mixed.TARGET}
    table, rejected = _set_aside(table, kinds)
    if len(rejected) > _MAX_REJECTED * received:
        raise ValueError(f"{len(rejected)} of {received} rows cannot be used")
    label, classes = _label(table[mixed.TARGET])
    whole_rows = pd.util.hash_pandas_object(table, index=False)
    part = _parts(whole_rows)
    train = part == "train"
    if pd.crosstab(part, label).lt(3).any(axis=None):
        raise ValueError("a class is too small to be split")
    recipe = _fit(table, kinds, label, train)
    facts = {
        "received": received,
        "rejected": len(rejected),
        "classes": classes,
        "missing": {name: int(count) for name, count in table.isna().sum().items()},
        "duplicates": int(whole_rows.duplicated().sum()),
        "repeated_in_test": _repeated_in_test(table.drop(columns=recipe.identifiers), part),
    }
    _write(out, label, recipe, part, rejected, facts)
    return Counts(set_aside=len(rejected))


def _kind(column: pd.Series[Any]) -> Kind:
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    sample = column.head(_SAMPLE).dropna()
    if pd.to_numeric(sample, errors="coerce").count() >= _KIND_SHARE * len(sample):
        return "number"
    if _dates(sample).count() >= _KIND_SHARE * len(sample):
        return "date"
    # A row with a cell too few may have put a stray word among them.
    words = sample.str.lower().value_counts(normalize=True)
    no, yes = sorted(words.index[:2])[:2] if len(words) >= 2 else ("", "")
    return "boolean" if _BOOLEANS.get(no) == yes and words.head(2).sum() >= _KIND_SHARE else "text"


def _dates(column: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(column, format="ISO8601", errors="coerce")


def _set_aside(table: pd.DataFrame, kinds: dict[str, Kind]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The good rows with their numbers and dates read, and one line for each fault of the others."""
    bad = table[mixed.TARGET].isna().to_numpy(copy=True)
    faults = [_faults(table[mixed.TARGET], bad, "target_missing")]
    for name, kind in kinds.items():
        if kind in ("number", "date"):
            raw = table[name]
            read = pd.to_numeric(raw, errors="coerce") if kind == "number" else _dates(raw)
            misfits = (raw.notna() & read.isna()).to_numpy()
            if kind == "number":
                misfits = misfits | read.abs().gt(_FLOAT32_MAX).to_numpy()
            faults.append(_faults(raw, misfits, f"not_a_{kind}"))
            bad |= misfits
            table[name] = read
    rejected = pd.concat(faults).sort_values("line", kind="stable")
    return table[~bad].reset_index(drop=True), rejected.drop_duplicates("line")


def _faults(column: pd.Series[Any], bad: Flags, rule: str) -> pd.DataFrame:
    rows = np.flatnonzero(bad)
    # The first row of the table stands in the second line of the file.
    return pd.DataFrame(
        {"line": rows + 2, "column": column.name, "rule": rule, "cell": column.iloc[rows].astype(str).to_numpy()}
    )


def _label(target: pd.Series[Any]) -> tuple[NDArray[np.int8], list[str]]:
    """Class numbers, and the classes by number: the rarest is the last."""
    classes = target.value_counts().index.tolist()
    if len(classes) != 2:
        raise ValueError(f"the target has {len(classes)} classes")
    return (target == classes[1]).to_numpy().astype(np.int8), classes


def _parts(hashes: pd.Series[Any]) -> NDArray[np.str_]:
    """By the hash of the whole row, so that the same row is always in the same part, and each class has its share."""
    u = hashes.to_numpy() / 2.0**64
    return np.where(u < _TEST, "test", np.where(u < _TEST + _VALIDATION, "validation", "train"))


def _fit(table: pd.DataFrame, kinds: dict[str, Kind], label: NDArray[np.int8], train: Flags) -> _Recipe:
    recipe = _Recipe()
    for name, kind in kinds.items():
        column = table[name]
        match kind:
            case "number":
                said = _fit_number(recipe, column, label, train)
            case "boolean":
                words = column.str.lower()
                said = _why_useless(words, label, train) or {"kind": "boolean"}
                if "reason" not in said:
                    yes = words.isin(_BOOLEANS.values()).astype(np.int8)
                    recipe.features.append(yes.where(words.notna()))
            case "date":
                said = _why_useless(column, label, train) or {"kind": "date"}
                if "reason" not in said:
                    recipe.features.append(_date_parts(column))
            case "text":
                said = _fit_text(recipe, column, label, train)
        recipe.columns[name] = said
    if not recipe.features:
        raise ValueError("no column is left to predict from")
    return recipe


def _fit_number(recipe: _Recipe, column: pd.Series[Any], label: NDArray[np.int8], train: Flags) -> dict[str, Any]:
    useless = _why_useless(column, label, train)
    if useless:
        return useless
    whole = bool((column.dropna() % 1 == 0).all())
    if whole and column[train].is_unique and _IDENTIFIER_NAME.search(str(column.name)):
        recipe.identifiers.append(str(column.name))
        return {"kind": "dropped", "reason": "is an identifier"}
    recipe.features.append(column)
    return {"kind": "number", "integer": whole}


def _fit_text(recipe: _Recipe, column: pd.Series[Any], label: NDArray[np.int8], train: Flags) -> dict[str, Any]:
    # Codes are made once; counts, levels and ranks come from them, and the text is not touched again.
    codes, texts = pd.factorize(column)
    counts = np.bincount(codes[train & (codes >= 0)], minlength=len(texts))
    distinct = int(np.count_nonzero(counts))
    if distinct > _MAX_ONE_HOT and distinct >= _IDENTIFIER_SHARE * counts.sum():
        recipe.identifiers.append(str(column.name))
        return {"kind": "dropped", "reason": "is an identifier or free text"}
    useless = _why_useless(pd.Series(codes).where(codes >= 0), label, train)
    if useless:
        return useless
    if distinct <= _MAX_ONE_HOT:
        levels = sorted(map(str, texts[np.flatnonzero(counts)]))
        dummies = pd.get_dummies(pd.Categorical(column, categories=levels), dtype=np.int8)
        recipe.features.append(dummies.where(column.notna()) if column.hasnans else dummies)
        return {"kind": "one_hot", "levels": levels}
    commonest = np.argsort(-counts, kind="stable")[: min(distinct, _MAX_RANKED)]
    ranks = np.full(len(texts), len(commonest) + 1)
    ranks[commonest] = np.arange(1, len(commonest) + 1)
    recipe.features.append(pd.Series(ranks[codes]).where(codes >= 0) if column.hasnans else pd.Series(ranks[codes]))
    return {"kind": "frequency_rank", "levels": [*map(str, texts[commonest])]}


def _why_useless(column: pd.Series[Any], label: NDArray[np.int8], train: Flags) -> dict[str, Any] | None:
    """Why a column is left out: it has no or one value, or it says the same as the target."""
    used = column[train]
    if not used.count():
        return {"kind": "dropped", "reason": "has no values"}
    if not used.hasnans and used.min() == used.max():
        return {"kind": "dropped", "reason": "has the same value in every row"}
    by_class = column.groupby(label)
    least, most = by_class.min(), by_class.max()
    if (least == most).all() and least.is_unique:
        return {"kind": "dropped", "reason": "says the same as the target"}
    return None


def _date_parts(column: pd.Series[Any]) -> pd.DataFrame:
    date, day = column.dt, column.dt.normalize()
    parts = {
        "year": date.year,
        "month": date.month,
        "day": date.day,
        "weekday": date.day_of_week + 1,
        "days": (day - pd.Timestamp(0)).dt.days,
    }
    if (day != column).any():
        parts["hour"] = date.hour
    return pd.DataFrame(parts)


def _repeated_in_test(table: pd.DataFrame, part: NDArray[np.str_]) -> int:
    """Test rows that equal a training row in all that is used."""
    rows = pd.util.hash_pandas_object(table, index=False)
    return int(rows[part == "test"].isin(rows[part == "train"]).sum())


def _write(
    out: Path,
    label: NDArray[np.int8],
    recipe: _Recipe,
    part: NDArray[np.str_],
    rejected: pd.DataFrame,
    facts: dict[str, Any],
) -> None:
    made = pd.concat([pd.Series(label), *recipe.features], axis=1)
    for name in PARTS:
        file = part_file(out, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        made[part == name].to_csv(file, header=False, index=False)
    rejected.to_csv(out / layout.REJECTED_ROWS, index=False)
    (out / layout.RECIPE).write_text(json.dumps(recipe.columns, indent=2), encoding="utf-8")
    (out / layout.VALIDATION_REPORT).write_text(json.dumps(facts, indent=2), encoding="utf-8")
