"""How the labels of a file fall on the groups of ``facets`` (``facets.json``, which the bias report begins with), and
who is of a group."""

from collections.abc import Sequence

from pydantic import Field

from sluice.dataset.config import Facet
from sluice.dataset.numbers import Notation, NumberForm
from sluice.dataset.recipe import WHITESPACE, NumberColumn
from sluice.documents import Document, Part


class FacetCount(Part):
    """Rows that are alike in these three."""

    member: bool = Field(description="Of the group; otherwise of the others.")
    favoured: bool = Field(description="They have the favoured label.")
    stratum: str | None = Field(description="Their value in `condition_on`, blank where missing; None without one.")
    rows: int = Field(ge=1)


class CountedFacet(Part):
    """One facet over all accepted rows."""

    column: str
    group: str = Field(description="In a few words, as `Facet.described` has it.")
    favoured_label: str
    condition_on: str | None = Field(description="None, too, where the column has too many different values.")
    notation: Notation | None = Field(description="How a group of numbers was read; None for a group of values.")
    form: NumberForm | None = Field(None, description="Of a group of numbers: what stands around their figures.")
    counts: tuple[FacetCount, ...]
    unread: int = Field(0, ge=0, description="Rows in neither group, as their cell is missing or no number.")


class FacetCounts(Document):
    """``facets.json``: the facets in the order of the configuration."""

    facets: tuple[CountedFacet, ...]


def group_values(facet: Facet) -> tuple[str, ...]:
    """The values of the group as cells have them: trimmed."""
    return tuple(dict.fromkeys(value.strip(WHITESPACE) for value in facet.group))


def is_member(
    facet: Facet, cell: str, notation: Notation | None, missing: Sequence[str], form: NumberForm | None = None
) -> bool | None:
    """Whether the row with that trimmed cell is of the group; None if it is in neither.

    Args:
        facet: with the group.
        cell: of its column.
        notation: of a group of numbers, as :class:`CountedFacet` has it.
        missing: cells that mean: no value. One of them may be among the values of the group all the same.
        form: of a group of numbers, as :class:`CountedFacet` has it.
    """
    if facet.group:
        return cell in group_values(facet)
    if not cell or cell in missing:
        return None
    try:
        (number,) = NumberColumn(name=facet.column, notation=notation or "plain", form=form).numbers(cell)
    except ValueError:
        return None
    return (facet.at_least is None or number >= facet.at_least) and (facet.below is None or number < facet.below)
