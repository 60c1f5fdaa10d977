"""The caller's own key of a record, as text: files and forms write it as text, programs as a number. Pure."""

from __future__ import annotations

from sluice.dataset.recipe import Cell, Recipe


def key_text(recipe: Recipe, cell: Cell) -> str | None:
    """The key that a cell holds; None if it is missing.

    Whole numbers are written without a point, so that ``17``, ``17.0`` (as pandas writes a column with gaps) and
    ``"17"`` are one key. A text is trimmed, and otherwise taken as it is: ``"017"`` is another key.
    """
    present = recipe.present(cell)
    if present is None or isinstance(present, str):
        return present
    if isinstance(present, bool):
        return "true" if present else "false"
    return str(int(present)) if isinstance(present, float) and present.is_integer() else str(present)
