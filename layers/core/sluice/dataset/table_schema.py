"""A contract as a Frictionless Table Schema (https://specs.frictionlessdata.io/table-schema/), for other tools.

``python -m sluice.dataset.table_schema contract.json`` prints it. The schema is stricter than the contract: a level or
a number that the contract would warn of, or let pass, breaks an ``enum`` or a ``maximum``. Distributions have no place
in it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sluice.dataset.contract import ColumnTerms, Contract, ContractError, parse_contract
from sluice.dataset.recipe import BOOLEAN_PAIRS


def table_schema(contract: Contract) -> dict[str, Any]:
    """The descriptor, to be dumped as JSON; fields in the contract's order."""
    target = contract.target
    columns = list(contract.columns or ())
    if target and target.name not in {terms.name for terms in columns}:
        columns.append(ColumnTerms(name=target.name))
    fields = [
        _target_field(target.name, list(target.classes or ()))
        if target and terms.name == target.name and terms.kind is None
        else _field(terms)
        for terms in columns
    ]
    schema: dict[str, Any] = {"fields": fields}
    if contract.missing is not None:
        schema["missingValues"] = ["", *(token for token in contract.missing if token)]
    return schema


def _target_field(name: str, classes: list[str]) -> dict[str, Any]:
    return {"name": name, "type": "string", "constraints": {"required": True, **({"enum": classes} if classes else {})}}


def _field(terms: ColumnTerms) -> dict[str, Any]:
    field: dict[str, Any] = {"name": terms.name, **_type(terms)}
    constraints: dict[str, Any] = {}
    if terms.nullable is False:
        constraints["required"] = True
    goes_on = terms.moves in ("calendar", "counter")  # past any bound
    for bound in ("minimum", "maximum"):
        if not goes_on and (value := getattr(terms, bound)) is not None:
            constraints[bound] = value if isinstance(value, float) else str(value)
    if terms.levels and terms.kind == "text":
        constraints["enum"] = list(terms.levels)
    return {**field, "constraints": constraints} if constraints else field


def _type(terms: ColumnTerms) -> dict[str, Any]:
    match terms.kind:
        case "number":
            return {"type": "number"}
        case "date":
            return {"type": "date", "format": "any"}
        case "text":
            return {"type": "string"}
        case "boolean":
            pairs = [pair for pair in BOOLEAN_PAIRS if not terms.levels or set(terms.levels) & set(pair)]
            return {
                "type": "boolean",
                "trueValues": [text for _, true in pairs for text in _spellings(true)],
                "falseValues": [text for false, _ in pairs for text in _spellings(false)],
            }
        case None:
            return {"type": "any"}


def _spellings(word: str) -> list[str]:
    return list(dict.fromkeys((word, word.capitalize(), word.upper())))


def main(arguments: list[str]) -> int:
    """Exit status 0, 1 if the contract cannot be used, 2 if the call is wrong."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        print("usage: python -m sluice.dataset.table_schema contract.json", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        contract = parse_contract(path.read_text(encoding="utf-8"), path.name)
    except ContractError as error:
        print(*error.reasons, sep="\n", file=sys.stderr)
        return 1
    print(json.dumps(table_schema(contract), indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
