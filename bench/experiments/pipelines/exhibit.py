"""What a result says of input pipelines: a table, what they cost, the bottleneck, and what would help."""

import math
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING

from bench.experiments import compiled
from bench.experiments import headlines as of_summary
from bench.experiments.base import Exhibit, Headline, Section
from bench.experiments.pipelines import input_alone
from bench.output import cells
from bench.output.figures import milliseconds, multiple, percent, size, whole_percent, with_interval
from bench.output.grid import Grid
from bench.results import claims, estimates
from bench.results.claims import Answer, Cost
from bench.results.memory_figures import figures
from bench.results.schema import INPUT_OVERHEAD, Benchmark, Document, Estimate
from bench.stats import inference
from bench.stats.inference import CONFIDENCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CAPTION = "USS: private host memory."
_ON_A_GPU = " bus: bytes a step's input moves to the GPU."

# Of the report: with the range or interval of every figure.
_WHOLE_CAPTION = (
    "ms: of a step. overhead: share of the step lost against a resident batch, paired. alone: batches per second "
    "that nobody computes with. first batch: seconds. USS: the host's memory that only this process has. bus: "
    "bytes a step's input moves to the GPU, by the batch's size."
)

# From one word changed to another way of feeding: the first that surely helps is the one to try.
REMEDIES = {
    "prefetch-auto": "prefetch(tf.data.AUTOTUNE)",
    "shuffle-indices": "shuffling row numbers instead of rows, and gathering a batch at once",
    "vectorised": "keeping rows uint8 and converting whole batches in a parallel map",
    "prefetch-to-device": "prefetch_to_device",
    "device-resident": "keeping the whole set on the device",
}
_USUAL = "prefetch-1"
_MODES = ("xla", "function")  # the fastest first
WORTH = 1.02  # what a remedy has to gain at least, surely


def table(document: Document) -> Grid:
    """A row for each case."""
    headings = ("steps/s", "input overhead [95% CI]", "alone [batch/s]", "1st batch [s]", "USS")
    if document.autoencoder_bench.device.kind == "cpu":
        return cells.of_cases(document, headings, _row, _CAPTION)
    return cells.of_cases(
        document, (*headings, "bus"), lambda case: [*_row(case), size(_bus_bytes(case))], _CAPTION + _ON_A_GPU
    )


def _bus_bytes(benchmark: Benchmark) -> int | None:
    return benchmark.extra_info.processes[0].bus_bytes


def _row(benchmark: Benchmark) -> list[str]:
    info, alone = benchmark.extra_info, alone_rate(benchmark)
    return [
        cells.rate(benchmark),
        _overhead(benchmark),
        "-" if alone.value is None else f"{alone.value:,.0f}",
        f"{median(process.input_init_seconds for process in info.processes):.2f}",
        size(figures(benchmark).uss),
    ]


def _overhead(benchmark: Benchmark) -> str:
    if benchmark.extra_info.case.pipeline == "resident":
        return cells.BASELINE
    overhead = benchmark.extra_info.figures.get(INPUT_OVERHEAD)
    return "-" if overhead is None or overhead.value is None else percent(overhead)


def alone_rate(benchmark: Benchmark) -> Estimate:
    """Batches per second of the pipeline where nobody computes, with its interval over the repetitions."""
    return estimates.level([alone.batches_per_second for alone in input_alone.read(benchmark.extra_info.quantities)])


def findings(document: Document) -> list[str]:
    """Where both compiled modes were measured, which is faster; then what the notebook's pipeline costs the fastest."""
    return [*compiled.compared(document), *_of_the_notebooks(document)]


def _of_the_notebooks(document: Document) -> list[str]:
    """For the fastest mode: what the notebook's pipeline costs, what limits it, and what would help."""
    cases = {benchmark.name: benchmark for benchmark in document.benchmarks}
    if (mode := _fastest_mode(cases)) is None:
        return []
    usual = cases[f"{mode}/{_USUAL}"]
    overhead = usual.extra_info.figures.get(INPUT_OVERHEAD)
    if overhead is None or overhead.value is None:
        return []
    cost = _cost(usual.name, overhead)
    if claims.cost(overhead) is not Cost.SOME:
        return [cost]
    return [
        f"{cost} {_bottleneck(usual, cases[f'{mode}/resident'])}",
        _remedy(mode, cases, document.experiment.reference),
    ]


def _fastest_mode(cases: Mapping[str, Benchmark]) -> str | None:
    """The fastest mode that was measured with the notebook's pipeline and without one."""
    both = (f"{{mode}}/{_USUAL}", "{mode}/resident")
    modes = (mode for mode in _MODES if all(name.format(mode=mode) in cases for name in both))
    return next(modes, None)


def headlines(document: Document) -> list[Headline]:
    """What the notebook's pipeline costs the fastest mode."""
    question = "Does the input keep up?"
    cases = {benchmark.name: benchmark for benchmark in document.benchmarks}
    if (mode := _fastest_mode(cases)) is None:
        needed = (f"{_MODES[-1]}/{_USUAL}", f"{_MODES[-1]}/resident")
        missing = next(name for name in needed if name not in cases)
        return [of_summary.missing(question, of_summary.why_missing(document, missing))]
    name = f"{mode}/{_USUAL}"
    overhead = cases[name].extra_info.figures.get(INPUT_OVERHEAD)
    if overhead is None:
        return [of_summary.missing(question, f"{name}: the result has no such figure")]
    share = f"a step's time is lost to the input in {name}."
    note = {
        Cost.SOME: f"No: this share of {share}",
        Cost.LITTLE: f"Yes: less than {whole_percent(claims.NEGLIGIBLE)} of {share}",
        Cost.OPEN: f"Inconclusive. The share of {share.replace('is lost', 'that is lost')}",
    }[claims.cost(overhead)]
    return [of_summary.of_estimate(question, overhead, whole_percent, note)]


def _cost(name: str, overhead: Estimate) -> str:
    match claims.cost(overhead):
        case Cost.SOME:
            return f"{name}: input overhead {percent(overhead)} of a step."
        case Cost.LITTLE:
            return f"{name}: input overhead below {100 * claims.NEGLIGIBLE:g}% of a step, {percent(overhead)}."
    return f"{name}: input overhead inconclusive, {percent(overhead)} of a step."


def _bottleneck(usual: Benchmark, resident: Benchmark) -> str:
    """Whether the pipeline alone delivers more than the step without it could take."""
    supply = supply_ratio(usual, resident)
    needs = estimates.level([1 / median(r.seconds_per_step) for r in estimates.processes_of(resident)])
    if supply.value is None or needs.value is None:
        return "Bottleneck not measured."
    rates = f"{with_interval(alone_rate(usual), _whole)} batches/s alone, {with_interval(needs, _whole)} needed"
    match claims.above(supply, 1.0):
        case Answer.NO:
            return f"The pipeline is the bottleneck ({rates})."
        case Answer.YES:
            copies = ", copies" if usual.extra_info.processes[0].bus_bytes else ""
            return f"The pipeline is not the bottleneck ({rates}); likely hand-over{copies} or CPU contention."
    return f"Whether the pipeline is the bottleneck is inconclusive ({rates})."


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def supply_ratio(usual: Benchmark, resident: Benchmark) -> Estimate:
    """Batches that the pipeline delivers alone, over those that a step without an input could take, by repetition."""
    rates = {alone.repetition: alone.batches_per_second for alone in input_alone.read(usual.extra_info.quantities)}
    logs = [
        math.log(rates[process.repetition] * median(process.seconds_per_step))
        for process in estimates.processes_of(resident)
        if process.repetition in rates
    ]
    return estimates.ratio(inference.mean(logs)) if logs else estimates.missing("the pipeline was not measured alone")


def gains(mode: str, cases: Mapping[str, Benchmark], reference: str) -> dict[str, Estimate]:
    """Steps/s of each remedy over those of the notebook's pipeline.

    Their intervals are those of one family: of all of them together one in twenty is wrong (Bonferroni).
    """
    usual = estimates.processes_of(cases[f"{mode}/{_USUAL}"])
    others = [name for name in REMEDIES if f"{mode}/{name}" in cases]
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(others))
    by = estimates.processes_of(cases[reference]) if reference in cases else ()
    ratios = {
        name: estimates.ratio_of(usual, estimates.processes_of(cases[f"{mode}/{name}"]), by, confidence)
        for name in others
    }
    return {name: ratio for name, ratio in ratios.items() if ratio.value is not None}


def _remedy(mode: str, cases: Mapping[str, Benchmark], reference: str) -> str:
    """The first remedy that surely gains what it has to; or that none does; or that this is open."""
    ratios = gains(mode, cases, reference)
    if not ratios:
        return f"{mode}/{_USUAL}: no other pipeline was measured beside it."
    worth = f"{100 * (WORTH - 1):.0f}%"
    confidence = 100 * (next(iter(ratios.values())).confidence or CONFIDENCE)
    together = f" ({confidence:.4g}% intervals, since {len(ratios)} were tried)" if len(ratios) > 1 else ""
    answers = {name: claims.above(ratio, WORTH) for name, ratio in ratios.items()}
    helping = [name for name in ratios if answers[name] is Answer.YES]
    if helping:
        also = "; also " + ", ".join(_gain(mode, name, ratios) for name in helping[1:]) if helping[1:] else ""
        first = f"{REMEDIES[helping[0]]}, {with_interval(ratios[helping[0]], multiple)}"
        return f"Smallest change that gains at least {worth}: {first}{also}{together}."
    said = ", ".join(_gain(mode, name, ratios) for name in ratios)
    if all(answer is Answer.NO for answer in answers.values()):
        return f"No other pipeline gains {worth}: {said}{together}."
    return f"Whether another pipeline gains {worth} is inconclusive: {said}{together}."


def _gain(mode: str, name: str, ratios: Mapping[str, Estimate]) -> str:
    return f"{mode}/{name} {with_interval(ratios[name], multiple)}"


def _whole_table(document: Document) -> Grid:
    """A row for each case, of a document of one experiment."""
    return Grid(
        title="Input pipelines",
        headings=("case", "steps/s", "ms", "overhead", "alone", "first batch", "USS", "bus"),
        rows=tuple(_whole_row(benchmark) for benchmark in document.benchmarks),
        caption=_WHOLE_CAPTION,
    )


def _whole_row(benchmark: Benchmark) -> tuple[str, ...]:
    info = benchmark.extra_info
    alone = alone_rate(benchmark)
    return (
        benchmark.name,
        cells.rate_with_range(benchmark),
        milliseconds(benchmark.extra_info.steps_per_second),
        _overhead(benchmark),
        with_interval(alone, _whole),
        cells.with_range([process.input_init_seconds for process in info.processes], lambda value: f"{value:.2f}"),
        cells.memory_with_range(benchmark, "uss"),
        size(_bus_bytes(benchmark)),
    )


def _draw(document: Document) -> "Figure | None":
    from bench.experiments.pipelines import plot

    return plot.draw(document)


EXHIBIT = Exhibit(
    findings=findings,
    table=table,
    headlines=headlines,
    section=Section(
        title="Input pipelines",
        caption="Milliseconds of a step, and in it what is lost to the input.",
        draw=_draw,
        grids=(_whole_table,),
    ),
)
