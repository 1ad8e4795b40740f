"""What a case's processes held of memory: of the host, and of a GPU."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results.record import DeviceMemory, ProcessInfo
from bench.results.schema import Benchmark


@dataclass(frozen=True)
class Figures:
    """Medians over a case's processes, in bytes and seconds; None where no process has the figure."""

    tensors: float | None
    reserved: float | None
    context: float | None
    used: float | None
    total: float | None
    model: float | None
    data: float | None
    uss: float | None
    rss: float | None
    peak_rss: float | None
    start_seconds: float


def figures(benchmark: Benchmark, of: Callable[[Iterable[float]], float] = median) -> Figures:
    """The figures of a case: the median of its processes, or what else `of` makes of theirs."""
    processes = benchmark.extra_info.processes

    def of_gpu(get: Callable[[DeviceMemory], int | None]) -> float | None:
        return _of_known(of, [get(process.device_memory) for process in processes if process.device_memory])

    def of_process(get: Callable[[ProcessInfo], int | None]) -> float | None:
        return _of_known(of, [get(process) for process in processes])

    return Figures(
        tensors=of_gpu(lambda memory: memory.tensors_peak_bytes),
        reserved=of_gpu(lambda memory: memory.reserved_bytes),
        context=of_gpu(lambda memory: memory.context_bytes),
        used=of_gpu(lambda memory: memory.nvml_used_bytes),
        total=of_gpu(lambda memory: memory.total_bytes),
        model=of_process(lambda process: process.model_bytes),
        data=of_process(lambda process: process.data_bytes),
        uss=of_process(lambda process: process.host_uss_bytes),
        rss=of_process(lambda process: process.host_rss_bytes),
        peak_rss=of_process(lambda process: process.host_peak_rss_bytes),
        start_seconds=of([process.device_init_seconds for process in processes]),
    )


def _of_known(of: Callable[[Iterable[float]], float], values: Sequence[int | None]) -> float | None:
    some = [float(value) for value in values if value is not None]
    return of(some) if some else None
