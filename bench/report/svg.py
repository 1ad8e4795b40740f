"""A figure as SVG that can stand in a page: its own names, the page's colours, words for those who cannot see it."""

import io
import re
from html import escape

from matplotlib.figure import Figure

from bench.output import style
from bench.output.style import INK

_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
_NAMED = re.compile(r'(\bid="|url\(#|href="#)')


@style.styled
def inline(figure: Figure, name: str, alt: str) -> str:
    """The figure as one `<svg>` element; `name` keeps its parts apart from those of other plots of the page."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata=_NO_METADATA)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style type=.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    # Lines and letters take the colour of the text around, so that they can be seen on dark and on light.
    text = re.sub(r"<[^>]*>", lambda tag: _adapted(tag.group(), name), text)
    head, rest = text.split(">", 1)
    view_box = re.search(r'viewBox="[0-9. ]+"', head)
    box = view_box.group() if view_box else ""
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg role="img" aria-label="{escape(alt)}" {box} {names}>{rest}'


def _adapted(tag: str, name: str) -> str:
    """A tag with the page's colour, names of its own, and without digits that no eye can tell apart.

    Only tags: what stands between them are words and figures, which stay as they are.
    """
    tag = _NAMED.sub(rf"\g<1>{name}-", tag.replace(INK, "currentColor"))
    return re.sub(r"(?<=[ \"ML(])(-?\d+\.\d{2})\d+", r"\1", tag)
