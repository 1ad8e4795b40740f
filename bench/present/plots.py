"""Pictures of a result."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from bench.present import picture
from bench.results.schema import Benchmark, Document

RATES = "optimisation steps per second (bar: median of cohorts; line: lowest to highest cohort)"


def save_steps_per_second(document: Document, path: Path) -> None:
    """Bars of steps/s, one for each case, with the range of the cohorts."""
    benchmarks = [benchmark for benchmark in reversed(document.benchmarks) if _rate(benchmark) is not None]
    figure, axes = picture.begin(len(benchmarks), row_height=0.45, around=1.4)
    draw_rates(axes, benchmarks)
    picture.finish(figure, axes, [benchmark.name for benchmark in benchmarks], RATES, document, path)


def draw_rates(axes: Axes, benchmarks: Sequence[Benchmark]) -> None:
    """A bar of steps/s for each, with the range of the cohorts as a line."""
    for position, benchmark in enumerate(benchmarks):
        value, low, high = _rate(benchmark) or (0.0, 0.0, 0.0)
        axes.barh(position, value, color=picture.colour_of(benchmark.extra_info.case.mode), height=0.65)
        axes.errorbar(value, position, xerr=[[value - low], [high - value]], color="black", capsize=3, linewidth=1)
        picture.annotate_end(axes, f"{value:,.0f}", high, position)


def _rate(benchmark: Benchmark) -> tuple[float, float, float] | None:
    rate = benchmark.extra_info.steps_per_second
    if rate.value is None or rate.low is None or rate.high is None:
        return None
    return rate.value, rate.low, rate.high
