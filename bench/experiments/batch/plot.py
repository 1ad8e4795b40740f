"""The plot of the experiment `batch`: time of a step over its batch, with the fitted lines."""

import numpy as np
from matplotlib.figure import Figure

from bench.experiments.batch.regimes import is_a_line, regimes
from bench.output import style
from bench.results.schema import Document


@style.styled
def draw(document: Document) -> Figure | None:
    """Points with the range of the repetitions, both axes logarithmic; dotted where launching and arithmetic meet."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for mode, fitted in regimes(document).items():
        colour = style.colour_of(mode)
        axes.plot([], [], "o", color=colour, label=mode)
        of_mode = [b.extra_info for b in document.benchmarks if b.extra_info.case.mode == mode]
        rows = [(i.case.batch_size, i.steps_per_second) for i in of_mode if not i.case.control]
        for size, rate in sorted(rows, key=lambda row: row[0]):
            if rate.value and rate.low and rate.high:
                middle, least, most = (1e3 / per_second for per_second in (rate.value, rate.high, rate.low))
                axes.errorbar(size, middle, [[middle - least], [most - middle]], fmt="o", color=colour, capsize=3)
        if (
            fitted
            and is_a_line(fitted)
            and fitted.launch_seconds.value
            and fitted.per_example_seconds.value
            and fitted.crossover.value
        ):
            sizes = np.geomspace(min(size for size, _ in rows), max(size for size, _ in rows), 100)
            times = 1e3 * (fitted.launch_seconds.value + fitted.per_example_seconds.value * sizes)
            axes.plot(sizes, times, color=colour, linewidth=1, label=f"{mode}, fitted")
            axes.axvline(fitted.crossover.value, color=colour, linestyle=":", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    style.plain_log(axes.yaxis)
    every = sorted({benchmark.extra_info.case.batch_size for benchmark in document.benchmarks})
    axes.set_xticks(every, [f"{size:,}" for size in every])
    axes.minorticks_off()
    axes.set_xlabel("examples in a batch (dotted: where the fixed part is half of the time)")
    axes.set_ylabel("milliseconds per step (median, lowest to highest)")
    axes.legend(frameon=False)
    style.caption(figure, style.origin(document))
    return figure
