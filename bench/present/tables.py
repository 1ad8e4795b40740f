"""What all tables of a result have in common: a title, a row for each case, a caption that says what stands there."""

from collections.abc import Callable, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from bench.present.figures import interval, multiple
from bench.results.schema import Benchmark, Document, Estimate


def of_cases(
    document: Document, headings: Sequence[str], row: Callable[[Benchmark], Sequence[str]], caption: str
) -> Table:
    """A table of the measured cases of one experiment: the name, then the cells that `row` gives, below `headings`."""
    section = document.autoencoder_bench
    machine = f"{section.device.name}, TensorFlow {section.software.tensorflow}"
    title = f"{document.experiment.name}: {machine}, {section.plan.preset}"
    table = Table(title=escape(title), title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.caption = escape(caption)
    table.add_column("case", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for benchmark in document.benchmarks:
        table.add_row(*(escape(cell) for cell in (benchmark.name, *row(benchmark))))
    return table


def ratio(estimate: Estimate) -> str:
    """A ratio with its interval, or a dash."""
    return "-" if estimate.value is None else f"{multiple(estimate.value)} {interval(estimate)}".rstrip()


def rate(benchmark: Benchmark) -> str:
    """Steps per second, or a dash."""
    value = benchmark.extra_info.steps_per_second.value
    return "-" if value is None else f"{value:,.0f}"
