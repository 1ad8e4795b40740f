"""What the launcher and a process under Nsight Systems agree on: what it does, and how its steps are marked."""

import importlib.util
from dataclasses import dataclass

from bench.errors import UsageError
from bench.plan import memory_policy
from bench.plan.case import Case

MODULE = "bench.worker.nsys_steps"

# The range that all steps are in, and the domain of all ranges. The package nvtx registers its strings, and those are
# what Nsight Systems compares: NSYS_NVTX_PROFILER_REGISTER_ONLY=0 is for programs that do not.
RANGE, DOMAIN = "steps", "autoencoder-bench"


@dataclass(frozen=True)
class Process:
    """What the one process does: at least so many steps of a case on a device, cpu or gpu."""

    case: Case
    steps: int
    device: str
    data: str
    seed: int
    tf32: bool | None = None

    @property
    def arguments(self) -> list[str]:
        """The words after its module's name."""
        words = ["--case", self.case.full_name, "--steps", str(self.steps), "--device", self.device]
        words += ["--data", self.data, "--seed", str(self.seed)]
        return words if self.tf32 is None else [*words, "--tf32", "on" if self.tf32 else "off"]


def require_fit(case: Case, device: str) -> None:
    """Raise UsageError for a memory policy without a GPU, or for the host's memory with one."""
    if "memory" in case.axes and (case.memory == memory_policy.HOST) != (device == "cpu"):
        need = "--device cpu" if device == "gpu" else "a GPU"
        raise UsageError(f"{case.full_name} needs {need}, and this is for the {device.upper()}.")


def require_nvtx() -> None:
    """Raise UsageError where there is nothing to mark ranges with."""
    if importlib.util.find_spec("nvtx") is None:
        raise UsageError(
            "The package nvtx is not installed, which marks the steps: pip install -c constraints.txt nvtx"
        )
