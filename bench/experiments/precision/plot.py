"""The plot of the experiment `precision`: what each precision brings, and beside it what it costs."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.experiments.precision import figures
from bench.output import cells, style
from bench.plan import precisions
from bench.results.schema import Benchmark, Document, Estimate


@style.styled
def draw(document: Document) -> Figure | None:
    """Left steps/s over those of float32, right the change of the loss after training; None without any."""
    cases = [case for case in cells.without_control(document) if case.extra_info.case.precision != precisions.FLOAT32]
    # From above: as the table, which is read from its first row.
    cases = [case for case in reversed(cases) if case.extra_info.figures]
    if not cases:
        return None
    figure = Figure(figsize=(9, 1.4 + 0.38 * len(cases)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_dots(left, cases, figures.SPEED, lambda ratio: ratio)
    _draw_dots(right, cases, figures.LOSS, lambda ratio: 100 * (ratio - 1))
    style.name_rows(left, [case.name for case in cases])
    left.axvline(1, color=style.INK, linestyle=":", linewidth=0.8)
    right.axvline(0, color=style.INK, linestyle=":", linewidth=0.8)
    left.set_xlim(left=0)
    left.set_xlabel("steps/s over float32's [95% CI]")
    right.set_xlabel(f"loss after {figures.TRAINED_STEPS:,} steps over float32's, % [95% CI]")
    style.caption(figure, style.origin(document))
    return figure


def _draw_dots(axes: Axes, cases: Sequence[Benchmark], name: str, scale: Callable[[float], float]) -> None:
    """A dot with its interval for each case that has this figure."""
    for position, case in enumerate(cases):
        found: Estimate | None = case.extra_info.figures.get(name)
        if found is None or found.value is None:
            continue
        value = scale(found.value)
        axes.plot(value, position, "o", color=style.colour_of(case.extra_info.case.mode))
        if found.low is not None and found.high is not None:
            style.range_of(axes, value, scale(found.low), scale(found.high), position)
    axes.set_ylim(-0.6, len(cases) - 0.4)
