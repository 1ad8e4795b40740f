"""The plot of the experiment `frameworks`: every case's steps/s over those of tf.function, framework by framework."""

from matplotlib.figure import Figure

from bench.experiments.frameworks import figures
from bench.output import cells, style
from bench.plan import frameworks
from bench.plan.case import is_same_model
from bench.results.schema import Document

_COLOURS = {frameworks.TENSORFLOW: "#d95f02", frameworks.JAX: "#1b6ca8", frameworks.TORCH: "#2a7f4f"}


@style.styled
def draw(document: Document) -> Figure | None:
    """A dot with its interval for each case, from above as in the table; None without any."""
    cases = [case for case in reversed(cells.without_control(document)) if case.extra_info.figures.get(figures.SPEED)]
    if not cases:
        return None
    figure = Figure(figsize=(9, 1.4 + 0.34 * len(cases)), layout="constrained")
    axes = figure.subplots()
    for position, case in enumerate(cases):
        speed, colour = case.extra_info.figures[figures.SPEED], _COLOURS.get(case.extra_info.case.framework, style.INK)
        if speed.value is None:
            continue
        filled = colour if is_same_model(case.extra_info.case) else "none"
        axes.plot(speed.value, position, "o", color=colour, markerfacecolor=filled)
        if speed.low is not None and speed.high is not None:
            style.range_of(axes, speed.value, speed.low, speed.high, position)
    style.name_rows(axes, [case.name for case in cases])
    axes.axvline(1, color=style.INK, linestyle=":", linewidth=0.8)
    axes.set_xlim(left=0)
    axes.set_ylim(-0.6, len(cases) - 0.4)
    axes.set_xlabel("steps/s over those of tensorflow/function [95% CI]")
    style.caption(figure, style.origin(document))
    return figure
