"""Configure PyTorch's device inside a worker, start it, wait for it, and describe it."""

import os

import torch

from bench.backends import preloading, threads
from bench.backends.batches import Rows
from bench.plan import frameworks
from bench.protocol import MemoryRead, Probed
from bench.results.record import Fact

_TF32_CAPABILITY = (8, 0)  # NVIDIA's CUDA C++ Programming Guide, "Compute Capabilities"
_chosen = torch.device("cpu")


def why_not_fork() -> str | None:
    """Why a process forked from this one could not use a device of its own; None where it can."""
    if torch.cuda.is_initialized():
        return "PyTorch's GPU was started while preloading"
    return preloading.open_driver_file()


def limit_threads(allowed: int | None) -> None:
    """Give PyTorch as many threads as TensorFlow may have; left alone it takes one for each physical core.

    OMP_NUM_THREADS is of PyTorch's own threads, and what it says stays.
    """
    count = threads.wanted(allowed)
    if count is not None or "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads.of_machine() if count is None else count)


def start(kind: str, tf32: bool | None) -> None:
    """Start PyTorch on the device, by having it compute something.

    TF32 is on unless it was switched off, as TensorFlow's; PyTorch's own default is off.
    """
    global _chosen
    _chosen = torch.device("cuda:0" if kind == "gpu" else "cpu")
    # On a CPU "high" would have oneDNN round products too, where the processor can (aten/src/ATen/Context.cpp).
    torch.set_float32_matmul_precision("high" if kind == "gpu" and tf32 is not False else "highest")
    (torch.zeros([1], device=_chosen) + 1.0).item()


def chosen() -> torch.device:
    """The device that was started."""
    return _chosen


def put(rows: Rows) -> torch.Tensor:
    """The rows as a tensor on the device."""
    return torch.tensor(rows, device=_chosen)


def wait() -> None:
    """Wait until everything queued is done; on a CPU nothing is ever queued."""
    if _chosen.type == "cuda":
        torch.cuda.synchronize()


def is_tf32() -> bool:
    """Whether products of float32 are computed as TF32."""
    able: bool = torch.cuda.get_device_capability() >= _TF32_CAPABILITY
    return able and torch.get_float32_matmul_precision() != "highest"


def read_memory(reset: bool) -> MemoryRead:
    """Bytes of tensors in use on the GPU, and at most since the last reset."""
    current, peak = torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
    if reset:
        torch.cuda.reset_peak_memory_stats()
    return MemoryRead(current_bytes=current, peak_bytes=peak)


def probe() -> Probed:
    """What PyTorch says of itself and of the devices it can see."""
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    versions: dict[str, str | None] = {"torch": str(torch.__version__), "cuda": torch.version.cuda}
    without = None if torch.version.cuda else "this build is for CPUs"
    return Probed(
        framework=frameworks.TITLES[frameworks.TORCH],
        versions=versions,
        gpu_build=torch.version.cuda is not None,
        gpus=gpus,
        pci_bus_ids=[],
        tf32=bool(gpus) and is_tf32(),
        facts={
            **{name: Fact(value=version, reason=None if version else without) for name, version in versions.items()},
            "threads": Fact(value=torch.get_num_threads()),
        },
    )
