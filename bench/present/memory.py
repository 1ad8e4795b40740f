"""What a result says of memory: figures per case, a table, and sentences on what each policy costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich import box
from rich.markup import escape
from rich.table import Table

from bench.present.figures import interval, multiple
from bench.results.record import DeviceMemory, ReplicateInfo
from bench.results.schema import Benchmark, Document

_DEVICE_CAPTION = (
    "time: paired ratio to {reference}. Memory of the card, of one process alone on it, median of the cohorts. "
    "tensors: in use at most after the warm-up, by the allocator. reserved: lost less context (derived; TensorFlow has "
    "no figure). context: a process with next to no tensors. lost: what the card had less. private: the host's memory "
    "that only this process has."
)
_HOST_CAPTION = (
    "time: paired ratio to {reference}. Memory of the host, median of the cohorts. private: pages that only this "
    "process has. resident: with those it shares with its server. peak: the most it ever had resident. start: until "
    "the first computation."
)


@dataclass(frozen=True)
class Figures:
    """Medians over a case's processes, in bytes and seconds; None where no process has the figure."""

    tensors: float | None
    reserved: float | None
    context: float | None
    lost: float | None
    total: float | None
    model: float | None
    data: float | None
    private: float | None
    resident: float | None
    peak: float | None
    start_seconds: float


def figures(benchmark: Benchmark) -> Figures:
    """The figures of a case."""
    replicates = benchmark.extra_info.replicates

    def of_card(get: Callable[[DeviceMemory], int | None]) -> float | None:
        return _median([get(replicate.device_memory) for replicate in replicates if replicate.device_memory])

    def of_process(get: Callable[[ReplicateInfo], int | None]) -> float | None:
        return _median([get(replicate) for replicate in replicates])

    return Figures(
        tensors=of_card(lambda memory: memory.tensors_peak_bytes),
        reserved=of_card(lambda memory: memory.reserved_bytes),
        context=of_card(lambda memory: memory.context_bytes),
        lost=of_card(lambda memory: memory.lost_bytes),
        total=of_card(lambda memory: memory.total_bytes),
        model=of_process(lambda replicate: replicate.model_bytes),
        data=of_process(lambda replicate: replicate.data_bytes),
        private=of_process(lambda replicate: replicate.private_host_bytes),
        resident=of_process(lambda replicate: replicate.resident_host_bytes),
        peak=of_process(lambda replicate: replicate.peak_host_bytes),
        start_seconds=median(replicate.device_init_seconds for replicate in replicates),
    )


def table(document: Document) -> Table:
    """A row for each case: speed, ratio to the reference, memory."""
    section = document.autoencoder_bench
    on_gpu = section.device.kind == "gpu"
    title = f"{section.device.name}, TensorFlow {section.software.tensorflow}, {section.plan.preset.name}"
    grid = Table(title=escape(title), title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, padding=0)
    grid.caption = escape((_DEVICE_CAPTION if on_gpu else _HOST_CAPTION).format(reference=section.plan.reference))
    grid.add_column("case", no_wrap=True)
    of_device = ("tensors", "reserved", "context", "lost", "private") if on_gpu else ("private", "resident", "peak")
    for heading in ("steps/s", "time", "start", *of_device):
        grid.add_column(heading, justify="right", no_wrap=True)
    for benchmark in document.benchmarks:
        found, info = figures(benchmark), benchmark.extra_info
        rate, ratio = info.steps_per_second.value, info.ratio_to_reference
        grid.add_row(
            escape(benchmark.name),
            "-" if rate is None else f"{rate:,.0f}",
            "-" if ratio.value is None else f"{multiple(ratio.value)} {interval(ratio)}".rstrip(),
            f"{found.start_seconds:.2f} s",
            *(size(getattr(found, name)) for name in of_device),
        )
    return grid


def findings(document: Document) -> list[str]:
    """What each policy costs on this card, or each mode on this host, and what the model itself needs."""
    measured = [(benchmark, figures(benchmark)) for benchmark in document.benchmarks]
    measured = [(benchmark, found) for benchmark, found in measured if not benchmark.extra_info.case.twin]
    if document.autoencoder_bench.device.kind == "cpu":
        return [sentence for sentence in [_of_host(measured)] if sentence]
    sentences = [sentence for benchmark, found in measured if (sentence := _of_policy(benchmark, found))]
    shared = [name for name, memory in _memories(document) if memory.exclusive is False]
    if shared:
        sentences.append(
            f"Somebody else was on the card ({', '.join(sorted(set(shared)))}): their memory may be in it."
        )
    return sentences


def size(number: float | None) -> str:
    """Bytes in a unit that fits, in powers of 1,000; - for none."""
    if number is None:
        return "-"
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= least:
            return f"{number / least:#.3g}".rstrip(".") + f" {unit}"
    return f"{number:.0f} B"


def _of_policy(benchmark: Benchmark, found: Figures) -> str | None:
    if found.reserved is None or found.lost is None or found.total is None:
        return None
    need = "" if found.model is None else f" for a model of {size(found.model)}"
    return (
        f"{benchmark.name} reserves {size(found.reserved)}{need}, and with its context takes {size(found.lost)} of the "
        f"card's {size(found.total)}; its tensors need {size(found.tensors)} at most."
    )


def _of_host(measured: Sequence[tuple[Benchmark, Figures]]) -> str | None:
    parts = [
        f"{size(found.private)} in {benchmark.extra_info.case.mode}" for benchmark, found in measured if found.private
    ]
    if not parts:
        return None
    model = next((found.model for _, found in measured if found.model), None)
    return f"Memory of the host that only the process has: {', '.join(parts)}, for a model of {size(model)}."


def _memories(document: Document) -> list[tuple[str, DeviceMemory]]:
    return [
        (benchmark.name, replicate.device_memory)
        for benchmark in document.benchmarks
        for replicate in benchmark.extra_info.replicates
        if replicate.device_memory
    ]


def _median(values: Sequence[int | None]) -> float | None:
    some = [value for value in values if value is not None]
    return median(some) if some else None
