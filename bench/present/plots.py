"""Pictures of a result."""

from pathlib import Path

from matplotlib.figure import Figure

from bench.results.schema import Benchmark, Document

_COLOURS = {"eager": "#8a8a8a", "function": "#1b6ca8", "xla": "#d95f02"}
_OTHER = "#4d4d4d"


def save_steps_per_second(document: Document, path: Path) -> None:
    """Bars of steps/s, one for each case, with the range of the cohorts."""
    section = document.autoencoder_bench
    benchmarks = [benchmark for benchmark in reversed(document.benchmarks) if _rate(benchmark) is not None]
    figure = Figure(figsize=(9, 1.4 + 0.45 * len(benchmarks)), layout="constrained")
    axes = figure.add_subplot()
    for position, benchmark in enumerate(benchmarks):
        value, low, high = _rate(benchmark) or (0.0, 0.0, 0.0)
        mode = benchmark.extra_info.case.mode
        axes.barh(position, value, color=_COLOURS.get(mode, _OTHER), height=0.65)
        axes.errorbar(value, position, xerr=[[value - low], [high - value]], color="black", capsize=3, linewidth=1)
        axes.annotate(
            f"{value:,.0f}", (high, position), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10
        )
    axes.set_yticks(range(len(benchmarks)), [benchmark.name for benchmark in benchmarks])
    axes.set_xlabel("optimisation steps per second (bar: median of cohorts; line: lowest to highest cohort)")
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    # Names come from the machine or from files: a dollar sign in them must not start a formula.
    title = f"{section.device.name[:60]}, TensorFlow {section.software.tensorflow}"
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    figure.savefig(path, dpi=110)


def _rate(benchmark: Benchmark) -> tuple[float, float, float] | None:
    rate = benchmark.extra_info.steps_per_second
    if rate.value is None or rate.low is None or rate.high is None:
        return None
    return rate.value, rate.low, rate.high
