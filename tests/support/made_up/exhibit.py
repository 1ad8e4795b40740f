"""What a reader sees of it."""

from bench.experiments.base import Exhibit, Section
from bench.output import cells
from bench.output.figures import percent
from support.made_up.experiment import SHARE


def _findings(document):
    return [
        f"{benchmark.name}: reading the weights takes {percent(benchmark.extra_info.figures[SHARE])} of a step."
        for benchmark in document.benchmarks
        if not benchmark.extra_info.case.control
    ]


def _row(benchmark):
    return [cells.rate(benchmark), percent(benchmark.extra_info.figures[SHARE])]


def _table(document):
    return cells.of_cases(document, ("steps/s", "reading"), _row, "reading: share of a step.")


def _draw(document):
    from matplotlib.figure import Figure

    figure = Figure()
    shares = {b.name: b.extra_info.figures[SHARE].value for b in document.benchmarks}
    figure.add_subplot().barh(list(shares), list(shares.values()))
    return figure


EXHIBIT = Exhibit(
    findings=_findings,
    table=_table,
    section=Section(title="Reading weights", caption="Share of a step.", draw=_draw, grids=(_table,)),
)
