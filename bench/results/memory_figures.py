"""What a case's processes held of memory: of the host, and of a GPU."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results.record import DeviceMemory, ReplicateInfo
from bench.results.schema import Benchmark


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


def _of_known(of: Callable[[Iterable[float]], float], values: Sequence[int | None]) -> float | None:
    some = [float(value) for value in values if value is not None]
    return of(some) if some else None
