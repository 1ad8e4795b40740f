"""The plot of the experiment `roofline`: every variant against the roofline, and below it an eager step in parts."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.experiments.roofline.over_repetitions import Figures, figures
from bench.output import bars, style
from bench.results.schema import Document

_PARTS = (("forward", "#1b6ca8"), ("gradients", "#7fb3d5"), ("optimizer", "#d95f02"))


@style.styled
def draw(document: Document) -> Figure | None:
    """Bars of steps/s with the range of the repetitions, the roofline as a line, and an eager step's parts below."""
    found = figures(document)
    benchmarks = [b for b in reversed(document.benchmarks) if b.extra_info.steps_per_second.value]
    heights = [0.38 * len(benchmarks) + 1.0, 1.6] if found else [0.38 * len(benchmarks) + 1.0]
    figure = Figure(figsize=(9, sum(heights) + 0.4), layout="constrained")
    grid = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)
    axes: Axes = grid[0][0]
    bars.draw_rates(axes, benchmarks)
    if found:
        most = 1 / (found.fewest.value or 1.0)
        axes.axvline(most, color=style.INK, linestyle="--", linewidth=1)
        axes.annotate(f"roofline {most:,.0f} ", (most, len(benchmarks) - 0.4), fontsize=9, ha="right", va="bottom")
        _draw_parts(grid[1][0], found)
    style.name_rows(axes, [benchmark.name for benchmark in benchmarks])
    axes.set_ylim(-0.6, len(benchmarks) + 0.2)
    axes.set_xlabel(bars.RATES)
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    style.caption(figure, style.origin(document))
    return figure


def _draw_parts(axes: Axes, found: Figures) -> None:
    start = 0.0
    for name, colour in _PARTS:
        milliseconds = 1e3 * found.eager_seconds[name]
        label = f"{name} {milliseconds:.1f} ms"
        axes.barh(0, milliseconds, left=start, color=colour, height=0.5, label=label)
        start += milliseconds
    axes.set_yticks([0], ["eager step"])
    axes.set_ylim(-0.4, 0.9)
    axes.legend(loc="upper left", ncols=len(_PARTS), frameon=False, fontsize=9)
    axes.set_xlabel("milliseconds, by taking parts away")
