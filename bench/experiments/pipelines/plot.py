"""The plot of the experiment `pipelines`: the time of a step, and in it what is lost to the input."""

from matplotlib.figure import Figure

from bench.output import style
from bench.output.figures import percent
from bench.results.schema import INPUT_OVERHEAD, Document

_LOST = "#d9b3b3"


@style.styled
def draw(document: Document) -> Figure | None:
    """Bars of milliseconds per step, the lost part apart, with the share it makes; nothing without any case."""
    measured = [b for b in reversed(document.benchmarks) if b.extra_info.steps_per_second.value]
    rows = [benchmark for benchmark in measured if not benchmark.extra_info.case.control]
    if not rows:
        return None
    figure, axes = style.begin(len(rows), row_height=0.4)
    for position, benchmark in enumerate(rows):
        info = benchmark.extra_info
        milliseconds = 1e3 / (info.steps_per_second.value or 1.0)
        overhead = info.figures.get(INPUT_OVERHEAD)
        lost = max(0.0, (overhead.value if overhead else None) or 0.0) * milliseconds
        colour = style.colour_of(info.case.mode)
        axes.barh(position, milliseconds - lost, color=colour, height=0.65)
        axes.barh(position, lost, left=milliseconds - lost, color=_LOST, height=0.65)
        share = f", {percent(overhead)} lost" if overhead and overhead.value is not None else ""
        style.annotate_end(axes, f"{milliseconds:.2f} ms{share}", milliseconds, position)
    modes = dict.fromkeys(benchmark.extra_info.case.mode for benchmark in reversed(rows))
    style.legend(figure, [(f"{mode} step", style.colour_of(mode)) for mode in modes] + [("lost to the input", _LOST)])
    label = "milliseconds per step (median of repetitions); lost: against the same mode with a resident batch"
    style.finish(axes, [benchmark.name for benchmark in rows], label, document)
    return figure
