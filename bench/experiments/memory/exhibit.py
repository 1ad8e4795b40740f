"""What a result says of memory: figures per case, a table, and sentences on what each policy costs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.output import cells
from bench.output.grid import Grid
from bench.results.record import DeviceMemory, ReplicateInfo
from bench.results.schema import Benchmark, Document

_DEVICE_CAPTION = (
    "Memory of the card, of one process alone on it, median of the cohorts. start: seconds until the first allocation. "
    "tensors: in use at most after the warm-up, by the allocator. reserved: lost less the context of a process that "
    "did one step, its tensors taken off (derived; TensorFlow has no figure). lost: what the card had less. private: "
    "the host's memory that only this process has."
)
_HOST_CAPTION = (
    "time: paired ratio to {reference}. start: seconds until the first computation. Memory of the host, median of the "
    "cohorts. private: pages that only this process has. resident: with those it shares with its server. peak: the "
    "most it ever had resident."
)


_SAID = ("reserved", "lost", "tensors")  # of a policy


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


def figures(benchmark: Benchmark, of: Callable[[Iterable[float]], float] = median) -> Figures:
    """The figures of a case: the median of its processes, or what else `of` makes of theirs."""
    replicates = benchmark.extra_info.replicates

    def of_card(get: Callable[[DeviceMemory], int | None]) -> float | None:
        return _of_known(of, [get(replicate.device_memory) for replicate in replicates if replicate.device_memory])

    def of_process(get: Callable[[ReplicateInfo], int | None]) -> float | None:
        return _of_known(of, [get(replicate) for replicate in replicates])

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
        start_seconds=of([replicate.device_init_seconds for replicate in replicates]),
    )


def table(document: Document) -> Grid:
    """A row for each case: speed, and memory of the card or else of the host."""
    if document.autoencoder_bench.device.kind == "gpu":
        kinds = ("tensors", "reserved", "lost", "private")
        return cells.of_cases(document, ("steps/s", "start", *kinds), lambda case: _row(case, kinds), _DEVICE_CAPTION)
    of_host = ("private", "resident", "peak")
    caption = _HOST_CAPTION.format(reference=document.experiment.reference)
    headings = ("steps/s", "time", "start", *of_host)
    return cells.of_cases(document, headings, lambda case: _row(case, of_host, with_ratio=True), caption)


def _row(benchmark: Benchmark, kinds: Sequence[str], with_ratio: bool = False) -> list[str]:
    found = figures(benchmark)
    return [
        cells.rate(benchmark),
        *([cells.ratio(benchmark.extra_info.ratio_to_reference)] if with_ratio else []),
        f"{found.start_seconds:.2f}",
        *(size(getattr(found, kind)) for kind in kinds),
    ]


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
    reserved, lost, tensors = (f"{size(getattr(found, kind))} ({_range(benchmark, kind)})" for kind in _SAID)
    return (
        f"{benchmark.name} reserves {reserved}{need}, and with its context takes {lost} of the card's "
        f"{size(found.total)}; its tensors need {tensors} at most."
    )


def _of_host(measured: Sequence[tuple[Benchmark, Figures]]) -> str | None:
    parts = [
        f"{size(found.private)} ({_range(benchmark, 'private')}) in {benchmark.extra_info.case.mode}"
        for benchmark, found in measured
        if found.private
    ]
    if not parts:
        return None
    model = next((found.model for _, found in measured if found.model), None)
    return f"Memory of the host that only the process has: {', '.join(parts)}, for a model of {size(model)}."


def _range(benchmark: Benchmark, kind: str) -> str:
    """Of one kind of memory, from process to process."""
    return f"{size(getattr(figures(benchmark, min), kind))}-{size(getattr(figures(benchmark, max), kind))}"


def _memories(document: Document) -> list[tuple[str, DeviceMemory]]:
    return [
        (benchmark.name, replicate.device_memory)
        for benchmark in document.benchmarks
        for replicate in benchmark.extra_info.replicates
        if replicate.device_memory
    ]


def _of_known(of: Callable[[Iterable[float]], float], values: Sequence[int | None]) -> float | None:
    some = [float(value) for value in values if value is not None]
    return of(some) if some else None
