"""Matplotlib figures as inline SVG: text stays text, colours come from the page, nothing points outside."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from html import escape

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

INK, MUTED, GRID, TRAIN, VALIDATION, BEST, ONE_SE, COMMON = (
    "#010101",
    "#020202",
    "#030303",
    "#040404",
    "#050505",
    "#060606",
    "#070707",
    "#080808",
)
"""Stand-ins: to_svg replaces each with a colour of the page, which has a light and a dark set."""
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    TRAIN: "--train",
    VALIDATION: "--validation",
    BEST: "--best",
    ONE_SE: "--one-se",
    COMMON: "--common",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def to_svg(figure: Figure, label: str, scales: bool) -> Markup:
    """A figure as an <svg> element.

    Args:
        figure: Drawn in the colours above.
        label: What the figure shows, for those who do not see it.
        scales: Fill the width of the place, or keep the figure's own size.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}), warnings.catch_warnings():
        # the browser draws the text and has the glyphs that matplotlib's own font lacks
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    _, _, body = buffer.getvalue().partition("<svg")
    _, _, body = body.partition(">")
    # the style would hold for the whole page; report.css has it for figures
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    for color, variable in _VARIABLES.items():
        body = body.replace(color, f"var({variable})")
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", body)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    width, height = (72 * size for size in figure.get_size_inches())
    size = 'class="scales"' if scales else f'width="{width * 4 / 3:.0f}" height="{height * 4 / 3:.0f}"'
    return Markup(  # matplotlib escapes all text, the label is escaped here
        f'<svg viewBox="0 0 {width:g} {height:g}" {size} role="img" aria-label="{escape(label)}">{body.strip()}'
    )


def text_width(text: str, size_pt: float) -> float:
    """About how wide a text is, in inches; matplotlib cannot measure glyphs that it lacks."""
    ems = sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.62 for letter in text)
    return ems * size_pt / 72


def shorten(text: str, letters: int) -> str:
    """A text of at most so many letters, with an ellipsis if something is left out."""
    return text if len(text) <= letters else text[: letters - 1] + "\N{HORIZONTAL ELLIPSIS}"


def fit(text: str, size_pt: float, inches: float) -> str:
    """A text shortened until it is about so wide at most."""
    for letters in range(len(text), 1, -1):
        if text_width(shorten(text, letters), size_pt) <= inches:
            return shorten(text, letters)
    return shorten(text, 1)
