"""Plots of speed: steps per second, and how many times eager's."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.output import style
from bench.output.figures import interval, multiple
from bench.results.schema import Benchmark, Document

RATES = "optimisation steps per second (bar: median of repetitions; line: lowest to highest repetition)"
_SPEEDUPS = "times the steps of eager with the same input (dot: estimate; line: 95 % interval)"


@style.styled
def draw_steps_per_second(document: Document) -> Figure:
    """Bars of steps/s, one for each case, with the range of the repetitions."""
    benchmarks = [benchmark for benchmark in reversed(document.benchmarks) if _rate(benchmark) is not None]
    figure, axes = style.begin(len(benchmarks), row_height=0.45, around=1.4)
    draw_rates(axes, benchmarks)
    style.finish(axes, [benchmark.name for benchmark in benchmarks], RATES, document)
    return figure


@style.styled
def draw_speedups(document: Document) -> Figure | None:
    """A dot for each case that eager was measured beside, with its interval; None where there is no such case."""
    rows = [(b, b.extra_info.speedup_over_eager) for b in reversed(document.benchmarks)]
    rows = [(benchmark, speedup) for benchmark, speedup in rows if speedup.value is not None]
    if not rows:
        return None
    figure, axes = style.begin(len(rows), row_height=0.4, around=1.3)
    for position, (benchmark, speedup) in enumerate(rows):
        value = speedup.value or 1.0
        low, high = speedup.low or value, speedup.high or value
        style.range_of(axes, value, low, high, position)
        axes.plot(value, position, "o", color=style.colour_of(benchmark.extra_info.case.mode), markersize=8)
        style.annotate_end(axes, f"{multiple(value)} {interval(speedup)}".rstrip(), high, position)
    axes.axvline(1, color=style.INK, linestyle=":", linewidth=1)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    style.finish(axes, [benchmark.fullname for benchmark, _ in rows], _SPEEDUPS, document)
    return figure


def draw_rates(axes: Axes, benchmarks: Sequence[Benchmark]) -> None:
    """A bar of steps/s for each, with the range of the repetitions as a line."""
    for position, benchmark in enumerate(benchmarks):
        value, low, high = _rate(benchmark) or (0.0, 0.0, 0.0)
        axes.barh(position, value, color=style.colour_of(benchmark.extra_info.case.mode), height=0.65)
        style.range_of(axes, value, low, high, position)
        style.annotate_end(axes, f"{value:,.0f}", high, position)


def _rate(benchmark: Benchmark) -> tuple[float, float, float] | None:
    rate = benchmark.extra_info.steps_per_second
    if rate.value is None or rate.low is None or rate.high is None:
        return None
    return rate.value, rate.low, rate.high
