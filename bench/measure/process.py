"""A living process of a case: its worker, what its first call cost, its samples; and their record."""

from dataclasses import dataclass, field

from bench import protocol
from bench.launch.ranks import Ranks
from bench.launch.worker import Worker
from bench.machine import interference, telemetry
from bench.machine.nvml import Reading
from bench.measure.entry import Entry
from bench.results.record import DeviceMemory, ProcessRecord
from bench.stats.steady_state import Warmup


@dataclass
class LiveProcess:
    """A living process."""

    entry: Entry
    worker: Worker | Ranks
    ready_seconds: float
    prepared: protocol.Prepared
    rounds: list[int] = field(default_factory=list)
    seconds_per_step: list[float] = field(default_factory=list)
    readings: list[tuple[Reading, Reading]] = field(default_factory=list)  # before and after each of those samples
    memory: DeviceMemory | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether XLA compiled its step."""
        return self.prepared.compile_seconds is not None


def record(process: LiveProcess, repetition: int, start_method: str, found: Warmup, before: int) -> ProcessRecord:
    """Its record without the samples that were its warm-up; `before` are rounds that were not even recorded."""
    prepared, host = process.prepared, interference.host_memory(process.worker.pid)
    return ProcessRecord(
        repetition=repetition,
        start_method=start_method,
        ready_seconds=process.ready_seconds,
        device_init_seconds=prepared.device_init_seconds,
        trace_seconds=prepared.trace_seconds,
        compile_seconds=prepared.compile_seconds,
        first_step_seconds=prepared.first_step_seconds,
        input_init_seconds=prepared.input_init_seconds,
        device=prepared.device,
        tf32=prepared.tf32,
        rounds=tuple(process.rounds[found.samples :]),
        warmup_rounds=before + found.samples,
        steady=found.steady,
        host_peak_rss_bytes=host.peak,
        host_rss_bytes=host.resident,
        host_uss_bytes=host.private,
        model_bytes=prepared.model_bytes,
        data_bytes=prepared.data_bytes,
        bus_bytes=prepared.bus_bytes,
        device_memory=process.memory,
        policy=prepared.policy,
        pinned_cores=prepared.pinned_cores,
        telemetry=telemetry.of_samples(process.readings[found.samples :]),
        seconds_per_step=tuple(process.seconds_per_step[found.samples :]),
    )
