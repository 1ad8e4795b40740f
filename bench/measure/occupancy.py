"""What a process takes of a GPU's memory: the GPU's own figure before and after, TensorFlow's secrets included."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.machine.nvml import Gpu
from bench.results.record import DeviceMemory

STABLE_SECONDS = 0.5
PATIENCE_SECONDS = 10.0
_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Baseline:
    """A GPU on which no worker of ours lives: bytes in all and in use, and whether anyone else is there.

    The bytes are None where `reason` says why. `exclusive` is None where the GPU does not tell who uses it.
    """

    total_bytes: int | None
    used_bytes: int | None
    exclusive: bool | None
    reason: str | None = None


def baseline(
    gpu: Gpu, sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.monotonic
) -> Baseline:
    """Wait until the GPU's use has not changed for half a second: a dead process's memory comes back with delay."""
    began = now()
    memory, reason = gpu.memory()
    since = now()
    while memory is not None and now() - since < STABLE_SECONDS:
        if now() - began > PATIENCE_SECONDS:
            return Baseline(memory.total, None, _exclusive(gpu), "others kept changing what the GPU has in use")
        sleep(_EVERY_SECONDS)
        before, (memory, reason) = memory, gpu.memory()
        if memory != before:
            since = now()
    if memory is None:
        return Baseline(None, None, _exclusive(gpu), reason)
    return Baseline(memory.total, memory.used, _exclusive(gpu))


def wait_until_free(
    gpu: Gpu, sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.monotonic
) -> None:
    """Wait until a GPU that admits one process at a time has none, ten seconds at most.

    A process is reaped before the driver has taken down all that it had, and the next would be refused
    (CUDA_ERROR_DEVICE_UNAVAILABLE). Other GPUs, and those that do not tell who is there, are not waited for.
    """
    if not gpu.admits_one_process:
        return
    began = now()
    while gpu.is_taken() and now() - began < PATIENCE_SECONDS:
        sleep(_EVERY_SECONDS)


def nvml_used_bytes(gpu: Gpu, before: Baseline) -> tuple[int | None, str | None]:
    """What the GPU has in use now beyond the baseline, or None and the reason."""
    if before.used_bytes is None:
        return None, before.reason
    memory, reason = gpu.memory()
    if memory is None:
        return None, reason
    if memory.used < before.used_bytes:
        return None, "others gave back more of the GPU's memory than this process took"
    return memory.used - before.used_bytes, None


def is_blind(gpu: Gpu) -> bool:
    """Whether NVML lists no process though one of ours is on the GPU now: then nobody can tell who else is there."""
    others, _ = gpu.others()
    return others == 0


def take(gpu: Gpu, before: Baseline, context_bytes: int | None, tensors: tuple[int | None, int | None]) -> DeviceMemory:
    """The record of the one process that is on the GPU now; `tensors` are its current and peak bytes."""
    used, reason = nvml_used_bytes(gpu, before)
    others, _ = gpu.others()
    alone = before.exclusive
    if alone and others != 1:  # one of them is ours: more, and someone came meanwhile; none, and nobody can tell
        alone = False if others else None
    if used is not None and context_bytes is None:
        reason = "what a context holds could not be measured"
    if tensors[1] is None:
        reason = reason or "the allocator keeps no statistics"
    reserved = None if used is None or context_bytes is None else max(0, used - context_bytes)
    return DeviceMemory(
        tensors_bytes=tensors[0],
        tensors_peak_bytes=tensors[1],
        total_bytes=before.total_bytes,
        nvml_idle_bytes=before.used_bytes,
        nvml_used_bytes=used,
        context_bytes=context_bytes,
        reserved_bytes=reserved,
        exclusive=alone,
        reason=reason,
    )


def _exclusive(gpu: Gpu) -> bool | None:
    others, _ = gpu.others()
    return None if others is None else others == 0
