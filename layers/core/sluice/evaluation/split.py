"""Which part of a run's split a row falls into, from its cells: so that a later run can leave out of a comparison what
the live model has seen. ``tabular.split`` says how the cuts are found."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from pydantic import Field

from sluice.messages import Message

HASH_BITS: Final = 52
"""Of XXH64, the leading ones: the number u of a row."""

CELL_SEPARATOR: Final = "\x1f"
"""Stands between the seed and the cells that are hashed."""


class PartCuts(Message):
    """Rows with u below ``test`` are the test part, then those below ``validation``; the rest train, and so do those
    with u in one of the intervals ``trained`` (the end is not part of it)."""

    label: str | None = Field(None, description="Of the class; none if the cuts are those of all other classes.")
    test: int = Field(ge=0, description="Rows below it are the test part.")
    validation: int = Field(ge=0, description="Other rows below it are the validation part.")
    trained: tuple[tuple[int, int], ...] = Field(
        (), description="Intervals of repeated rows that train, whatever part they would be in."
    )


class HashedSplit(Message):
    """u of a row is the leading 52 bits of the XXH64 of the seed and the cells of ``columns``, trimmed, joined by unit
    separators (U+001F)."""

    seed: int
    columns: tuple[str, ...] = Field(description="Whose cells are hashed, in this order.")
    cuts: tuple[PartCuts, ...] = Field(description="Of the range of u, by class.")

    @cached_property
    def _by_label(self) -> dict[str | None, PartCuts]:
        return {cuts.label: cuts for cuts in self.cuts}

    def of(self, label: str | None) -> PartCuts:
        """The cuts of a class. Raises KeyError if it has none."""
        return self._by_label.get(label) or self._by_label[None]

    def covers(self, other: HashedSplit) -> bool:
        """Whether this split has all rows in its test part that the other has in its own."""
        if (self.seed, self.columns) != (other.seed, other.columns):
            return False
        pairs = [(self.of(label), other.of(label)) for label in {*self._by_label, *other._by_label}]
        return all(theirs.test <= own.test and {*own.trained} <= {*theirs.trained} for own, theirs in pairs)

    def tests(self, label: str | None, u: int) -> bool:
        """Whether a row is in the test part.

        Args:
            label: of its class; None if there are no classes.
            u: of the row.

        Raises:
            KeyError: the class has no cuts.
        """
        cuts = self.of(label)
        return u < cuts.test and not any(start <= u < end for start, end in cuts.trained)
