"""Tables that a report has beside those of the summary: with the range or interval of every figure."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.compare.stored_run import first_call_seconds, printable
from bench.experiments.batch import exhibit as batch
from bench.experiments.memory import exhibit as memory
from bench.experiments.pipelines import exhibit as pipelines
from bench.experiments.roofline import exhibit as ceiling
from bench.experiments.roofline import limits
from bench.output.cells import ratio
from bench.output.figures import milliseconds, percent, scaled, spread, with_interval
from bench.output.grid import Grid
from bench.results.record import Fact
from bench.results.schema import Benchmark, Document

_SPEED_CAPTION = (
    "time: paired ratio to {reference}. first call: seconds. p50, p95: milliseconds of single synchronised steps, of "
    "one process."
)
_PIPELINES_CAPTION = (
    "ms: of a step. stall: share of the step lost against a resident batch, paired. alone: batches per second that "
    "nobody computes with. first batch: seconds. private: the host's memory that only this process has. bus: bytes a "
    "step's input moves to the GPU, by the batch's size."
)
_BATCH_CAPTION = (
    "ms: of a step; examples/s: steps/s times the batch. time: paired ratio to {reference}. first call: seconds. "
    "memory: tensors on the card at most, or without one the host's that only this process has."
)
_KINDS = {
    "gpu": (
        ("model", "data", "tensors", "reserved", "context", "lost", "private"),
        "Of the card, of one process alone on it: model and data, which are among the tensors in use at most; "
        "reserved, which is lost less the context; lost, what the card had less. private: the host's memory that only "
        "this process has.",
    ),
    "cpu": (
        ("private", "resident", "peak"),
        "Of the host: private, pages that only this process has; resident, with those it shares with its server; peak, "
        "the most it ever had resident.",
    ),
}
_LONGEST_VALUE = 300


def speeds(document: Document) -> Grid:
    """A row for each case of a document of one experiment."""
    return Grid(
        title=document.experiment.name,
        headings=("case", "steps/s", "time", "first call", "p50", "p95"),
        rows=tuple(_speed_row(benchmark) for benchmark in document.benchmarks),
        caption=_SPEED_CAPTION.format(reference=document.experiment.reference),
    )


def _speed_row(benchmark: Benchmark) -> tuple[str, ...]:
    info = benchmark.extra_info
    latency = info.latency
    return (
        benchmark.name,
        rate_with_range(benchmark),
        ratio(info.ratio_to_reference),
        _first_call(benchmark),
        "-" if latency is None else f"{1e3 * latency.p50_seconds:.2f}",
        "-" if latency is None else f"{1e3 * latency.p95_seconds:.2f}",
    )


def speedups(document: Document) -> Grid:
    """A row for each case that eager was measured beside."""
    found = [(benchmark, benchmark.extra_info.speedup_over_eager) for benchmark in document.benchmarks]
    return Grid(
        title="Speed-up over eager",
        headings=("case", "times eager's steps", "cohorts"),
        rows=tuple((b.fullname, ratio(speedup), str(speedup.cohorts)) for b, speedup in found if speedup.value),
        caption="paired within rounds, with the same input pipeline",
    )


def of_memory(document: Document) -> Grid:
    """A row for each case, of a document of one experiment."""
    kinds, words = _KINDS[document.autoencoder_bench.device.kind]
    return Grid(
        title="Memory",
        headings=("case", "steps/s", "start", *kinds),
        rows=tuple(_memory_row(benchmark, kinds) for benchmark in document.benchmarks),
        caption=f"{words} start: seconds until the first computation.",
    )


def _memory_row(benchmark: Benchmark, kinds: Sequence[str]) -> tuple[str, ...]:
    low, high = memory.figures(benchmark, min), memory.figures(benchmark, max)
    ends = spread(low.start_seconds, high.start_seconds, lambda value: f"{value:.2f}")
    start = f"{memory.figures(benchmark).start_seconds:.2f} ({ends})"
    return (benchmark.name, rate_with_range(benchmark), start, *(_size(benchmark, kind) for kind in kinds))


def _size(benchmark: Benchmark, kind: str) -> str:
    """Bytes of that kind: the median of the processes, the least and the most."""
    middle, low, high = (getattr(memory.figures(benchmark, of), kind) for of in (median, min, max))
    return "-" if middle is None else f"{memory.size(middle)} ({spread(low, high, memory.size)})"


def of_pipelines(document: Document) -> Grid:
    """A row for each case, of a document of one experiment."""
    return Grid(
        title="Input pipelines",
        headings=("case", "steps/s", "ms", "stall", "alone", "first batch", "private", "bus"),
        rows=tuple(_pipeline_row(benchmark) for benchmark in document.benchmarks),
        caption=_PIPELINES_CAPTION,
    )


def _pipeline_row(benchmark: Benchmark) -> tuple[str, ...]:
    info = benchmark.extra_info
    stall, alone = info.stall, pipelines.alone_rate(benchmark)
    return (
        benchmark.name,
        rate_with_range(benchmark),
        milliseconds(benchmark.extra_info.steps_per_second),
        "-" if stall is None or stall.value is None else percent(stall),
        with_interval(alone, lambda value: f"{value:,.0f}"),
        with_range([replicate.input_init_seconds for replicate in info.replicates], lambda value: f"{value:.2f}"),
        _size(benchmark, "private"),
        memory.size(info.replicates[0].bus_bytes),
    )


def of_lines(document: Document) -> Grid:
    """The fitted lines of the batch sizes: the fixed part, what an example costs, and where both are equal."""
    found = batch.regimes(document)
    return Grid(
        title="Fitted lines",
        headings=("mode", "fixed part, ms", "an example, microseconds", "equal at, examples"),
        rows=tuple(
            (
                mode,
                scaled(fitted.launch_seconds, 1e3),
                scaled(fitted.per_example_seconds, 1e6),
                scaled(fitted.crossover),
            )
            for mode, fitted in found.items()
            if fitted and batch.is_a_line(fitted)
        ),
        caption="by the times of a step over its batch; a line is fitted in each cohort.",
    )


def of_limits(document: Document) -> Grid:
    """What bounds a step on this device, and an eager step in parts."""
    found = document.experiment.limits
    parts = [one.eager_parts for one in found]
    rows = {
        "arithmetic of a step": [limits.arithmetic_seconds(one) for one in found],
        "memory of a step": [limits.memory_seconds(one) for one in found],
        "eager step: forward": [part.forward_seconds for part in parts],
        "eager step: gradients": [part.with_gradients_seconds - part.forward_seconds for part in parts],
        "eager step: optimizer": [part.step_seconds - part.with_gradients_seconds for part in parts],
    }
    return Grid(
        title="The limit, and an eager step in parts",
        headings=("part", "milliseconds"),
        rows=tuple((name, with_range(some, lambda value: f"{1e3 * value:.3f}")) for name, some in rows.items() if some),
        caption="the limit is the larger of arithmetic and memory.",
    )


def of_batch(document: Document) -> Grid:
    """A row for each case, of a document of one experiment."""
    kind = "tensors" if document.autoencoder_bench.device.kind == "gpu" else "private"
    return Grid(
        title="Batch sizes",
        headings=("case", "ms", "steps/s", "examples/s", "time", "first call", "memory"),
        rows=tuple(
            (
                benchmark.name,
                milliseconds(benchmark.extra_info.steps_per_second),
                rate_with_range(benchmark),
                rate_with_range(benchmark, benchmark.extra_info.case.batch_size),
                ratio(benchmark.extra_info.ratio_to_reference),
                _first_call(benchmark),
                _size(benchmark, kind),
            )
            for benchmark in document.benchmarks
        ),
        caption=_BATCH_CAPTION.format(reference=document.experiment.reference),
    )


def of_ceiling(document: Document) -> Grid:
    """A row for each case, of a document of one experiment; the summary's table, its rates with their ranges."""
    grid = ceiling.table(document)
    rows = tuple(
        (row[0], rate_with_range(benchmark), *row[2:])
        for row, benchmark in zip(grid.rows, document.benchmarks, strict=True)
    )
    return Grid("Ways to run the same optimisation", grid.headings, rows, grid.caption)


def rate_with_range(benchmark: Benchmark, times: int = 1) -> str:
    """Steps per second, or that times something, with the lowest and highest cohort; or a dash."""
    steps = benchmark.extra_info.steps_per_second
    if steps.value is None:
        return "-"
    if steps.low is None or steps.high is None or steps.cohorts < 2:
        return f"{times * steps.value:,.0f} ({'one cohort' if steps.cohorts == 1 else 'no range'})"
    return f"{times * steps.value:,.0f} ({spread(times * steps.low, times * steps.high, lambda rate: f'{rate:,.0f}')})"


def _first_call(benchmark: Benchmark) -> str:
    return with_range(
        [first_call_seconds(replicate) for replicate in benchmark.extra_info.replicates], lambda value: f"{value:.2f}"
    )


def with_range(values: Iterable[float], text: Callable[[float], str]) -> str:
    """The median, with the lowest and the highest."""
    values = sorted(values)
    return f"{text(median(values))} ({spread(values[0], values[-1], text)})"


def machine(document: Document) -> list[Grid]:
    """What was computed on, with what software, and every fact about the machine, with the reason of a missing one."""
    section = document.autoencoder_bench
    device = {
        "device": section.device.name,
        "kind": section.device.kind,
        "chosen because": section.device.why,
        "driver": section.device.driver,
    }
    fingerprint = {**section.fingerprint.hardware, **section.fingerprint.software}
    grids = [
        _plain("Device", ("", "value"), device.items()),
        _plain("Fingerprint", ("what a speed depends on", "value"), fingerprint.items()),
    ]
    grids += [_facts(group, facts) for group, facts in section.facts.items()]
    return grids


def _facts(group: str, facts: dict[str, Fact]) -> Grid:
    rows = ((name, f"unknown: {fact.reason}" if fact.value is None else fact.value) for name, fact in facts.items())
    return _plain(f"Facts: {printable(group)}", ("fact", "value"), rows)


def _plain(title: str, headings: tuple[str, str], rows: Iterable[tuple[str, object]]) -> Grid:
    return Grid(title, headings, tuple((printable(name), shown(value)) for name, value in rows), "")


def shown(value: object) -> str:
    """A value as words, or a dash."""
    return "-" if value is None or value == "" else printable(str(value), _LONGEST_VALUE)
