"""The plot of speed: steps per second, and how many times eager's they are."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.output import style
from bench.output.figures import interval, multiple
from bench.results.schema import Benchmark, Document

RATES = "optimisation steps per second (bar: median of repetitions; line: lowest to highest repetition)"


@style.styled
def draw_steps_per_second(document: Document) -> Figure:
    """Bars of steps/s, one for each case, with the range of the repetitions."""
    benchmarks = [benchmark for benchmark in reversed(document.benchmarks) if _rate(benchmark) is not None]
    figure, axes = style.begin(len(benchmarks), row_height=0.45, around=1.4)
    draw_rates(axes, benchmarks)
    style.finish(axes, [benchmark.name for benchmark in benchmarks], RATES, document)
    return figure


def draw_rates(axes: Axes, benchmarks: Sequence[Benchmark]) -> None:
    """A bar of steps/s for each, with the range of the repetitions as a line."""
    for position, benchmark in enumerate(benchmarks):
        value, low, high = _rate(benchmark) or (0.0, 0.0, 0.0)
        axes.barh(position, value, color=style.colour_of(benchmark.extra_info.case.mode), height=0.65)
        style.range_of(axes, value, low, high, position)
        style.annotate_end(axes, f"{value:,.0f}{_speedup(benchmark)}", high, position)


def _speedup(benchmark: Benchmark) -> str:
    """How many times eager's steps these are, with the interval, where eager was measured beside this case."""
    speedup = benchmark.extra_info.speedup_over_eager
    if speedup.value is None:
        return ""
    return f" ({' '.join(filter(None, (multiple(speedup.value), 'eager', interval(speedup))))})"


def _rate(benchmark: Benchmark) -> tuple[float, float, float] | None:
    rate = benchmark.extra_info.steps_per_second
    if rate.value is None or rate.low is None or rate.high is None:
        return None
    return rate.value, rate.low, rate.high
