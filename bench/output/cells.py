"""What all tables of a result have in common: a title, a row for each case, a caption that says what stands there."""

from collections.abc import Callable, Sequence

from bench.compare.stored_run import printable
from bench.output.figures import interval, multiple
from bench.output.grid import Grid
from bench.results.schema import Benchmark, Document, Estimate


def of_cases(
    document: Document, headings: Sequence[str], row: Callable[[Benchmark], Sequence[str]], caption: str
) -> Grid:
    """A table of the measured cases of one experiment: the name, then the cells that `row` gives, below `headings`."""
    section = document.autoencoder_bench
    machine = f"{printable(section.device.name)}, TensorFlow {section.software.tensorflow}"
    return Grid(
        title=f"{document.experiment.name}: {machine}, {section.plan.preset}",
        headings=("case", *headings),
        rows=tuple((benchmark.name, *row(benchmark)) for benchmark in document.benchmarks),
        caption=caption,
    )


def ratio(estimate: Estimate) -> str:
    """A ratio with its interval, or a dash."""
    return "-" if estimate.value is None else f"{multiple(estimate.value)} {interval(estimate)}".rstrip()


def rate(benchmark: Benchmark) -> str:
    """Steps per second, or a dash."""
    value = benchmark.extra_info.steps_per_second.value
    return "-" if value is None else f"{value:,.0f}"
