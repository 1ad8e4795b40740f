"""What all repetitions of an experiment have in common: the device, how much is measured, and where it goes."""

from dataclasses import dataclass
from pathlib import Path

from bench.launch.followers import Job
from bench.launch.worker import Timeouts
from bench.machine.nvml import Gpu
from bench.plan.preset import Preset
from bench.results.record import USUAL_TRACERS, Tracers


@dataclass(frozen=True)
class Settings:
    """What all repetitions of an experiment have in common."""

    device: str  # cpu or gpu
    gpu: Gpu  # the GPU as NVML knows it, absent on a CPU
    tf32: bool | None  # None leaves TensorFlow's default
    seed: int
    preset: Preset
    timeouts: Timeouts
    folder: Path  # the run's
    interleaved: bool = True  # False where cases have the device to themselves, one after another
    device_cores: tuple[int, ...] = ()  # the core that each device of a CPU is; none: a CPU is one device
    job: Job | None = None  # where the ranks of a case are on several hosts
    allow_shared: bool = False  # take the memory of a GPU that others use
    tracers: Tracers = USUAL_TRACERS  # what the profiles hold
    weights: Path | None = None  # the first ones, for frameworks that cannot draw them themselves
    trace_cuda_graphs: bool = False  # a second profile of what XLA compiles for a GPU

    @property
    def alone(self) -> bool:
        """Whether a worker is alone on a GPU, so that what it takes of its memory can be told."""
        return self.device == "gpu" and not self.interleaved

    @property
    def most_alive(self) -> int:
        """Workers that may be alive at a time: each has a context of its own on a GPU, and some memory of the host."""
        return 8 if self.device == "gpu" else 24
