"""Matplotlib's figures as SVG that lives inside a page.

Colours are drawn as sentinels and come out as the page's custom properties, so that a figure follows the page into the
dark. Matplotlib writes style attributes, which a content security policy without 'unsafe-inline' refuses; they come out
as presentation attributes. Ids get the figure's name before them, because a page has one space for all.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.figure import Figure

from plotting.words import clean

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

COLOURS: Final = {
    name: f"#fe00{number:02x}"
    for number, name in enumerate(
        ("ink", "muted", "line", "surface", "accent", "second", "third", "bad", "low", "lowish", "middling", "highish",
         "high"), start=16
    )
}  # fmt: skip
"""Colour by the name of its custom property. No colour that matplotlib uses of its own accord is among them."""
_NAMES: Final = {sentinel: f"var(--{name})" for name, sentinel in COLOURS.items()}
_SENTINEL: Final = re.compile(r"#fe00[0-9a-f]{2}")
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_DEFAULTS: Final = {"font-family", "font-weight", "font-style", "font-stretch", "font-variant", "stroke-linejoin"}
"""Said once in the page's style sheet, or nothing at all."""

_RC: Final[dict[RcKeyType, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sluice",
    "text.parse_math": False,  # names of columns may hold dollar signs
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.6,
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "lines.linewidth": 1.6,
    "path.simplify": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Figures are made and saved in here."""
    with mpl.rc_context(_RC), warnings.catch_warnings():
        # The browser has the font, not matplotlib: it only measures here.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def embed(figure: Figure, name: str, title: str, description: str) -> str:
    """The figure as an ``svg`` element for an HTML page. ``name`` is unique on it and safe for an id."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(stream.getvalue())  # noqa: S314  (written two lines above)
    _, _, width, height = root.attrib["viewBox"].split()
    body = "".join(_written(child, name) for child in root if _local(child.tag) not in {"metadata", "defs"})
    defs = "".join(_written(child, name) for child in root if _is_used(child))
    return (
        f'<svg viewBox="0 0 {_short(width)} {_short(height)}" role="img" '
        f'aria-labelledby="{name}-title" aria-describedby="{name}-desc">'
        f'<title id="{name}-title">{escape(clean(title))}</title>'
        f'<desc id="{name}-desc">{escape(clean(description))}</desc>'
        f"{defs}{body}</svg>"
    )


def _is_used(element: ET.Element) -> bool:
    """Of the definitions matplotlib's style sheet is not wanted: the page has its own."""
    return _local(element.tag) == "defs" and any(_local(child.tag) != "style" for child in element)


def _written(element: ET.Element, name: str) -> str:
    tag = _local(element.tag)
    attributes = dict(_attributes(element, name))
    inner = escape(element.text or "", quote=False) if tag in {"text", "tspan"} else ""
    inner += "".join(_written(child, name) for child in element)
    if tag == "g" and not attributes:
        return inner
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{tag}{written}>{inner}</{tag}>"


def _attributes(element: ET.Element, name: str) -> Iterator[tuple[str, str]]:
    for raw, value in element.attrib.items():
        key = _local(raw)
        if key == "style":
            yield from _declarations(value, name)
        elif key == "id":
            if _local(element.tag) != "g":  # nothing refers to groups
                yield "id", f"{name}-{value}"
        elif key == "href":
            yield "href", f"#{name}-{value.removeprefix('#')}"
        else:
            yield key, _value(value, name)


def _declarations(style_text: str, name: str) -> Iterator[tuple[str, str]]:
    for declaration in style_text.split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font":
            size = re.search(r"([\d.]+)px", value)
            if size:
                yield "font-size", _short(size.group(1))
        elif key == "font-size":
            yield key, _short(value.removesuffix("px"))
        elif key and key not in _DEFAULTS:
            yield key, _value(value, name)


def _value(value: str, name: str) -> str:
    value = _SENTINEL.sub(lambda found: _NAMES[found.group()], value)
    value = _REFERENCE.sub(lambda found: f"url(#{name}-{found.group(1)})", value)
    return " ".join(_LONG_NUMBER.sub(lambda found: _short(found.group()), value).split())


def _short(number: str) -> str:
    """Hundredths of a point are finer than any screen."""
    text = f"{float(number):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
