"""What a result says of batch sizes: a table, and where launching ends and arithmetic begins."""

from collections.abc import Set
from statistics import median
from typing import TYPE_CHECKING

from bench.experiments.base import Exhibit, Section
from bench.experiments.batch.regimes import LEAST_SIZES, Regimes, is_a_line, regimes
from bench.output import cells
from bench.output.figures import milliseconds, scaled, size, with_interval
from bench.output.grid import Grid
from bench.results import claims
from bench.results.claims import Answer
from bench.results.estimates import first_call_seconds
from bench.results.memory_figures import figures
from bench.results.schema import Benchmark, Document, Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CAPTION = (
    "examples/s: steps/s times the batch. time: of a step over that of {reference}, paired. memory: the most that "
    "tensors took of the GPU, or without one private host memory (USS)."
)
# Of the report: with the range or interval of every figure.
_WHOLE_CAPTION = (
    "ms: of a step; examples/s: steps/s times the batch. time: paired ratio to {reference}. first call: seconds. "
    "memory: tensors on the GPU at most, or without one the host's that only this process has."
)


def table(document: Document) -> Grid:
    """A row for each case."""
    caption = _CAPTION.format(reference=document.experiment.reference)
    return cells.of_cases(
        document, ("steps/s", "examples/s", "time [95% CI]", "first call [s]", "memory"), _row, caption
    )


def _row(benchmark: Benchmark) -> list[str]:
    info, held = benchmark.extra_info, figures(benchmark)
    rate = info.steps_per_second.value
    return [
        cells.rate(benchmark),
        "-" if rate is None else f"{rate * info.case.batch_size:,.0f}",
        cells.ratio(info.ratio_to_reference),
        f"{median(first_call_seconds(process) for process in info.processes):.2f}",
        size(held.uss if held.tensors is None else held.tensors),
    ]


def findings(document: Document) -> list[str]:
    """For each mode: what a step costs before its first example, what each example costs, and which is more where."""
    sizes: dict[str, set[int]] = {}
    for benchmark in document.benchmarks:
        sizes.setdefault(benchmark.extra_info.case.mode, set()).add(benchmark.extra_info.case.batch_size)
    return [
        _sentence(mode, fitted, sizes[mode])
        for mode, fitted in regimes(document).items()
        if fitted or len(sizes[mode]) >= LEAST_SIZES
    ]


def _sentence(mode: str, fitted: Regimes | None, sizes: Set[int]) -> str:
    if fitted is None:
        return f"{mode}: no line could be fitted to step time over batch size, so no fixed cost is given."
    launch, example = fitted.launch_seconds, fitted.per_example_seconds
    off = f"{100 * fitted.worst_misfit:.0f}%"
    if not is_a_line(fitted):
        return f"{mode}: poor fit of step time over batch size, residual up to {off}; no fixed cost is given."
    return (
        f"{mode}: fixed cost {scaled(launch, 1e3)} ms + {scaled(example, 1e6)} µs/example (residual up to {off}). "
        f"{_regimes(fitted.crossover, sizes)}"
    )


def _regimes(crossover: Estimate, sizes: Set[int]) -> str:
    """At which batch sizes the fixed part is surely more than half of a step, surely less, and where that is open."""
    at = {size: claims.above(crossover, size) for size in sorted(sizes)}
    more = [size for size, answer in at.items() if answer is Answer.YES]
    less = [size for size, answer in at.items() if answer is Answer.NO]
    parts = []
    if more:
        parts.append(f"more than half of a step up to {more[-1]:,} examples")
    if less:
        parts.append(f"less than half from {less[0]:,} on")
    if not parts:
        return f"Which dominates is inconclusive at every size measured (crossover at {_whole(crossover)})."
    return f"The fixed cost is {', and '.join(parts)} (of the sizes measured; crossover at {_whole(crossover)})."


def _whole(crossover: Estimate) -> str:
    return with_interval(crossover, lambda value: f"{float(f'{value:.3g}'):,.0f}")


def _whole_table(document: Document) -> Grid:
    """A row for each case, of a document of one experiment."""
    kind = "tensors" if document.autoencoder_bench.device.kind == "gpu" else "uss"
    return Grid(
        title="Batch sizes",
        headings=("case", "ms", "steps/s", "examples/s", "time", "first call", "memory"),
        rows=tuple(
            (
                benchmark.name,
                milliseconds(benchmark.extra_info.steps_per_second),
                cells.rate_with_range(benchmark),
                cells.rate_with_range(benchmark, benchmark.extra_info.case.batch_size),
                cells.ratio(benchmark.extra_info.ratio_to_reference),
                cells.first_call(benchmark),
                cells.memory_with_range(benchmark, kind),
            )
            for benchmark in document.benchmarks
        ),
        caption=_WHOLE_CAPTION.format(reference=document.experiment.reference),
    )


def _lines(document: Document) -> Grid:
    """The fitted lines of the batch sizes: the fixed part, what an example costs, and where both are equal."""
    found = regimes(document)
    return Grid(
        title="Fitted lines",
        headings=("mode", "fixed cost [ms]", "per example [µs]", "crossover [examples]"),
        rows=tuple(
            (
                mode,
                scaled(fitted.launch_seconds, 1e3),
                scaled(fitted.per_example_seconds, 1e6),
                scaled(fitted.crossover),
            )
            for mode, fitted in found.items()
            if fitted and is_a_line(fitted)
        ),
        caption="by the times of a step over its batch; a line is fitted in each repetition.",
    )


def _draw(document: Document) -> "Figure | None":
    from bench.experiments.batch import plot

    return plot.draw(document)


EXHIBIT = Exhibit(
    findings=findings,
    table=table,
    section=Section(
        title="Batch size",
        caption="Milliseconds of a step over its batch.",
        draw=_draw,
        grids=(_whole_table, _lines),
    ),
)
