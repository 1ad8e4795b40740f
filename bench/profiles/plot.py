"""The plot of the traces: the parts of a step, as shares, with the traced milliseconds."""

from matplotlib.figure import Figure

from bench.output import style
from bench.profiles.tables import traced
from bench.results.schema import Document

_COLOURS = {"compute": "#1b6ca8", "launch": "#d95f02", "input": "#b5495b", "transfer": "#7d6b91", "idle": "#b0b0b0"}
_COLOURS |= {"kernels": _COLOURS["compute"], "copies": _COLOURS["transfer"]}  # of a GPU


@style.styled
def draw(document: Document) -> Figure | None:
    """A bar for each case, whole being its traced step; None without any trace."""
    rows = list(reversed(traced(document)))
    if not rows:
        return None
    figure, axes = style.begin(len(rows), row_height=0.36, around=1.7)
    for position, one in enumerate(rows):
        whole, left = one.step_seconds, 0.0
        for part, seconds in one.parts.items():
            share = 100 * seconds / whole
            axes.barh(position, share, left=left, color=_COLOURS[part], height=0.65)
            left += share
        style.annotate_end(axes, f"{1e3 * whole:.2f} ms", left, position)
    style.legend(figure, [(part, _COLOURS[part]) for part in rows[0].parts])
    label = "percent of the mean traced step"
    style.finish(axes, [one.name for one in rows], label, document)
    return figure
