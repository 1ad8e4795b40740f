"""A living replicate of a case: its worker, what its first call cost, its blocks; and the record that they become."""

from dataclasses import dataclass, field

from bench import protocol
from bench.machine import disturbance, telemetry
from bench.machine.nvml import Reading
from bench.measure.entry import Entry
from bench.measure.launcher import Worker
from bench.results.record import DeviceMemory, Replicate
from bench.stats.steady_state import Warmup


@dataclass
class Member:
    """A living replicate."""

    entry: Entry
    worker: Worker
    ready_seconds: float
    prepared: protocol.Prepared
    rounds: list[int] = field(default_factory=list)
    seconds_per_step: list[float] = field(default_factory=list)
    readings: list[tuple[Reading, Reading]] = field(default_factory=list)  # before and after each of those blocks
    memory: DeviceMemory | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether XLA compiled its step."""
        return self.prepared.compile_seconds is not None


def record(member: Member, cohort: int, start_method: str, found: Warmup, before: int) -> Replicate:
    """The member's record without the blocks that were its warm-up; `before` are rounds that were not even recorded."""
    prepared, host = member.prepared, disturbance.host_memory(member.worker.pid)
    return Replicate(
        cohort=cohort,
        start_method=start_method,
        ready_seconds=member.ready_seconds,
        device_init_seconds=prepared.device_init_seconds,
        trace_seconds=prepared.trace_seconds,
        compile_seconds=prepared.compile_seconds,
        first_step_seconds=prepared.first_step_seconds,
        input_init_seconds=prepared.input_init_seconds,
        device=prepared.device,
        tf32=prepared.tf32,
        rounds=tuple(member.rounds[found.blocks :]),
        warmup_rounds=before + found.blocks,
        steady=found.steady,
        peak_host_bytes=host.peak,
        resident_host_bytes=host.resident,
        private_host_bytes=host.private,
        model_bytes=prepared.model_bytes,
        data_bytes=prepared.data_bytes,
        bus_bytes=prepared.bus_bytes,
        device_memory=member.memory,
        policy=prepared.policy,
        telemetry=telemetry.of_blocks(member.readings[found.blocks :]),
        seconds_per_step=tuple(member.seconds_per_step[found.blocks :]),
    )
