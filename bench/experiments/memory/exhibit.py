"""What a result says of memory: figures per case, a table, and sentences on what each policy costs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.experiments import headlines as of_summary
from bench.experiments.base import Exhibit, Headline, Section
from bench.output import cells
from bench.output.figures import size, spread
from bench.output.grid import Grid
from bench.results.memory_figures import Figures, figures
from bench.results.record import DeviceMemory
from bench.results.schema import Benchmark, Document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DEVICE_CAPTION = (
    "GPU memory of one process alone on it. start: until the first allocation. tensors: most in use. used: by NVML, "
    "minus idle. reserved: used minus context (derived). USS: private host memory."
)
_HOST_CAPTION = (
    "USS: private host memory. RSS: with pages shared with the server. init: seconds to the first computation."
)
# Of the report: with the least and the most of the processes.
_KINDS = {
    "gpu": (
        ("model", "data", "tensors", "reserved", "context", "used", "uss"),
        "Of the GPU, of one process alone on it: model and data, which are among the tensors in use at most; used, by "
        "NVML, less than when idle; reserved, which is used less the context (derived). USS: the host's memory that "
        "only this process has.",
    ),
    "cpu": (
        ("uss", "rss", "peak_rss"),
        "Of the host: USS, pages that only this process has; RSS, with those it shares with its server; peak, the most "
        "RSS it ever had.",
    ),
}
_HEADINGS = {"uss": "USS", "rss": "RSS", "peak_rss": "peak RSS"}
_SAID = ("reserved", "used", "tensors")  # of a policy
# Of the summary, the first that was measured: what a process takes that nobody has told otherwise, and the reference.
_USUAL = {"gpu": ("default/function", "growth/function"), "cpu": ("host/function",)}


def table(document: Document) -> Grid:
    """A row for each case: speed, and memory of the GPU or else of the host."""
    if document.autoencoder_bench.device.kind == "gpu":
        kinds = ("tensors", "reserved", "used", "uss")
        headings = ("steps/s", "start [s]", *_headings(kinds))
        return cells.of_cases(document, headings, lambda case: _row(case, kinds), _DEVICE_CAPTION)
    of_host = ("uss", "rss", "peak_rss")
    headings = ("steps/s", "init [s]", *_headings(of_host))
    return cells.of_cases(document, headings, lambda case: _row(case, of_host), _HOST_CAPTION)


def _headings(kinds: Sequence[str]) -> list[str]:
    return [_HEADINGS.get(kind, kind) for kind in kinds]


def _row(benchmark: Benchmark, kinds: Sequence[str]) -> list[str]:
    found = figures(benchmark)
    return [
        cells.rate(benchmark),
        f"{found.start_seconds:.2f}",
        *(size(getattr(found, kind)) for kind in kinds),
    ]


def findings(document: Document) -> list[str]:
    """What each policy costs on this GPU, or each mode on this host, and what the model itself needs."""
    measured = [(benchmark, figures(benchmark)) for benchmark in cells.without_control(document)]
    if document.autoencoder_bench.device.kind == "cpu":
        return [sentence for sentence in [_of_host(measured)] if sentence]
    sentences = [sentence for benchmark, found in measured if (sentence := _of_policy(benchmark, found))]
    shared = [name for name, memory in _memories(document) if memory.exclusive is False]
    if shared:
        sentences.append(f"Somebody else was on the GPU ({', '.join(sorted(set(shared)))}): their memory may be in it.")
    return sentences


def _of_policy(benchmark: Benchmark, found: Figures) -> str | None:
    if found.reserved is None or found.used is None or found.total is None:
        return None
    need = "" if found.model is None else f" for a model of {size(found.model)}"
    reserved, used, tensors = (f"{size(getattr(found, kind))} ({_range(benchmark, kind)})" for kind in _SAID)
    return (
        f"{benchmark.name} reserves {reserved}{need}, and with its context takes {used} of the GPU's "
        f"{size(found.total)}; its tensors need {tensors} at most."
    )


def _of_host(measured: Sequence[tuple[Benchmark, Figures]]) -> str | None:
    parts = [
        f"{benchmark.extra_info.case.mode} {size(found.uss)} ({_range(benchmark, 'uss')})"
        for benchmark, found in measured
        if found.uss
    ]
    if not parts:
        return None
    model = next((found.model for _, found in measured if found.model), None)
    return f"Private host memory (USS): {', '.join(parts)}; weights and Adam state {size(model)}."


def headlines(document: Document) -> list[Headline]:
    """What a process takes of the GPU, or else of the host."""
    question, kind = "What does a process cost in memory?", document.autoencoder_bench.device.kind
    cases = {benchmark.name: benchmark for benchmark in document.benchmarks}
    names = _USUAL[kind]
    if (name := next((name for name in names if name in cases), None)) is None:
        return [of_summary.missing(question, of_summary.why_missing(document, names[-1]))]
    benchmark, of = cases[name], "reserved" if kind == "gpu" else "uss"
    found = figures(benchmark)
    if (value := getattr(found, of)) is None:
        return [of_summary.missing(question, f"{name}: the result has no such figure")]
    what = "Memory of the GPU reserved by" if kind == "gpu" else "Private host memory (USS) of"
    model = "" if found.model is None else f"; the model itself is {size(found.model)}"
    interval = f"lowest to highest process ({_range(benchmark, of)})"
    return [Headline(question=question, value=size(value), interval=interval, note=f"{what} {name}{model}.")]


def _range(benchmark: Benchmark, kind: str) -> str:
    """Of one kind of memory, from process to process."""
    return f"{size(getattr(figures(benchmark, min), kind))}-{size(getattr(figures(benchmark, max), kind))}"


def _memories(document: Document) -> list[tuple[str, DeviceMemory]]:
    return [
        (benchmark.name, process.device_memory)
        for benchmark in document.benchmarks
        for process in benchmark.extra_info.processes
        if process.device_memory
    ]


def _whole_table(document: Document) -> Grid:
    """A row for each case, of a document of one experiment."""
    kinds, words = _KINDS[document.autoencoder_bench.device.kind]
    return Grid(
        title="Memory",
        headings=("case", "steps/s", "start", *_headings(kinds)),
        rows=tuple(_memory_row(benchmark, kinds) for benchmark in document.benchmarks),
        caption=f"{words} start: seconds until the first computation.",
    )


def _memory_row(benchmark: Benchmark, kinds: Sequence[str]) -> tuple[str, ...]:
    low, high = figures(benchmark, min), figures(benchmark, max)
    ends = spread(low.start_seconds, high.start_seconds, lambda value: f"{value:.2f}")
    start = f"{figures(benchmark).start_seconds:.2f} ({ends})"
    sizes = (cells.memory_with_range(benchmark, kind) for kind in kinds)
    return (benchmark.name, cells.rate_with_range(benchmark), start, *sizes)


def _draw(document: Document) -> "Figure | None":
    from bench.experiments.memory import plot

    return plot.draw(document)


EXHIBIT = Exhibit(
    findings=findings,
    table=table,
    headlines=headlines,
    section=Section(
        title="Memory",
        caption="Memory of one process, kind by kind.",
        draw=_draw,
        grids=(_whole_table,),
    ),
)
