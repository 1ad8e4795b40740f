"""What a result says of batch sizes: a table, and where launching ends and arithmetic begins."""

from collections.abc import Mapping
from statistics import median

from bench.comparing.runs import first_call_seconds
from bench.present import tables
from bench.present.figures import scaled
from bench.present.grid import Grid
from bench.present.memory import figures, size
from bench.results import estimates
from bench.results.regimes import Regimes, fit
from bench.results.schema import Benchmark, Document

_CAPTION = (
    "steps/s: median of the cohorts, in these minutes; examples/s: that times the batch. time: paired ratio to "
    "{reference} [95 % interval]. first: first call in seconds. memory: tensors on the card at most, or without one "
    "the host's that only this process has."
)
_MISFIT = 0.25  # beyond, one line does not describe the times


def table(document: Document) -> Grid:
    """A row for each case."""
    caption = _CAPTION.format(reference=document.experiment.reference)
    return tables.of_cases(document, ("steps/s", "examples/s", "time", "first", "memory"), _row, caption)


def _row(benchmark: Benchmark) -> list[str]:
    info, held = benchmark.extra_info, figures(benchmark)
    rate = info.steps_per_second.value
    return [
        tables.rate(benchmark),
        "-" if rate is None else f"{rate * info.case.batch_size:,.0f}",
        tables.ratio(info.ratio_to_reference),
        f"{median(first_call_seconds(replicate) for replicate in info.replicates):.2f}",
        size(held.private if held.tensors is None else held.tensors),
    ]


def findings(document: Document) -> list[str]:
    """For each mode: what a step costs before its first example, what each example costs, and where they are equal."""
    found = regimes(document)
    return [_sentence(mode, fitted) for mode, fitted in found.items() if fitted]


def regimes(document: Document) -> dict[str, Regimes | None]:
    """The fitted line of every mode."""
    times: dict[str, dict[int, estimates.Replicates]] = {}
    for benchmark in document.benchmarks:
        case = benchmark.extra_info.case
        if not case.twin:
            times.setdefault(case.mode, {})[case.batch_size] = estimates.replicates_of(benchmark)
    return {mode: fit(of_mode) for mode, of_mode in _sorted(times).items()}


def _sorted(times: Mapping[str, dict[int, estimates.Replicates]]) -> dict[str, dict[int, estimates.Replicates]]:
    return {mode: dict(sorted(of_mode.items())) for mode, of_mode in times.items()}


def _sentence(mode: str, fitted: Regimes) -> str:
    launch, example = fitted.launch_seconds, fitted.per_example_seconds
    text = (
        f"{mode}: a step takes {scaled(launch, 1e3)} ms, and {scaled(example, 1e6)} microseconds for every example: "
        f"up to about {_digits(fitted.crossover.value)} examples launching is most of it, beyond that arithmetic."
    )
    if fitted.worst_misfit > _MISFIT:
        text += f" The line is a rough one: it misses a size by {100 * fitted.worst_misfit:.0f} %."
    return text


def _digits(value: float | None) -> str:
    assert value is not None
    return f"{float(f'{value:.2g}'):,.0f}"
