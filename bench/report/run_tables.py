"""Tables that a report has beside those of the summary: with the range or interval of every figure."""

from collections.abc import Iterable, Iterator

from bench.output import cells
from bench.output.figures import printable
from bench.output.grid import Grid
from bench.results.record import Fact
from bench.results.schema import Benchmark, Document

_SPEED_CAPTION = (
    "n: repetitions. time: paired ratio to {reference}. first call: trace, compile and first step. p50, p95: single "
    "synchronised steps of one process."
)
_SPEEDUP_CAPTION = " speedup: over eager mode with the same input pipeline, paired."
_LONGEST_VALUE = 300


def speeds(document: Document) -> Grid:
    """A row for each case of a document of one experiment; without a speedup where eager was not measured beside."""
    headings = ("case", "steps/s", "n", "time", "speedup vs eager", "first call [s]", "p50 [ms]", "p95 [ms]")
    beside_eager = any(benchmark.extra_info.speedup_over_eager.value for benchmark in document.benchmarks)
    shown = [i for i, heading in enumerate(headings) if beside_eager or heading != "speedup vs eager"]
    rows = [_speed_row(benchmark) for benchmark in document.benchmarks]
    return Grid(
        title="Speed, first call and latency",
        headings=tuple(headings[i] for i in shown),
        rows=tuple(tuple(row[i] for i in shown) for row in rows),
        caption=_SPEED_CAPTION.format(reference=printable(document.experiment.reference))
        + (_SPEEDUP_CAPTION if beside_eager else ""),
    )


def _speed_row(benchmark: Benchmark) -> tuple[str, ...]:
    info = benchmark.extra_info
    latency = info.latency
    return (
        benchmark.name,
        cells.rate_with_range(benchmark),
        str(info.steps_per_second.repetitions),
        cells.ratio(info.ratio_to_reference),
        cells.ratio(info.speedup_over_eager),
        cells.first_call(benchmark),
        "-" if latency is None else f"{1e3 * latency.p50_seconds:.2f}",
        "-" if latency is None else f"{1e3 * latency.p95_seconds:.2f}",
    )


def controls(document: Document) -> Iterator[str]:
    """A line for the A/A control of a document of one experiment: it is no case to compare others with."""
    for benchmark in document.benchmarks:
        if benchmark.extra_info.case.control:
            rate, ratio = cells.rate_with_range(benchmark), benchmark.extra_info.ratio_to_reference
            reference = printable(document.experiment.reference)
            its_time = "" if ratio.value is None else f", {cells.ratio(ratio)} its time"
            yield f"A/A control, which is {reference} measured once more: {rate} steps/s{its_time}."


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
        _plain("Device", ("name", "value"), device.items()),
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
