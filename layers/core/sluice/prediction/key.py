"""The caller's own key of a record, as text: files and forms write it as text, programs as a number. Pure."""

from __future__ import annotations

from sluice.dataset.recipe import WHITESPACE, Cell, Recipe


def key_text(recipe: Recipe, cell: Cell) -> str | None:
    """The key that a cell holds; None if it is missing."""
    return as_key(recipe.present(cell))


def as_key(cell: Cell) -> str | None:
    """A cell as the text of a key; None if it is empty.

    Whole numbers are written without a point, so that ``17``, ``17.0`` (as pandas writes a column with gaps) and
    ``"17"`` are one key. A text is trimmed, and otherwise taken as it is: ``"017"`` is another key.
    """
    if cell is None:
        return None
    if isinstance(cell, str):
        return cell.strip(WHITESPACE) or None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
