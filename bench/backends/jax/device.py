"""Configure JAX's device inside a worker, start it, wait for it, and describe it."""

import os
from typing import Any

import jax
import jaxlib
from jax._src import xla_bridge  # whether a backend was started is said nowhere else

from bench.backends import preloading, threads
from bench.backends.batches import Rows
from bench.machine import cores, environment
from bench.plan import frameworks
from bench.protocol import MemoryRead, Probed
from bench.results.record import Fact

_PLATFORMS = {"cpu": "cpu", "gpu": "cuda"}
_TF32_CAPABILITY = 8  # NVIDIA's CUDA C++ Programming Guide, "Compute Capabilities"


def why_not_fork() -> str | None:
    """Why a process forked from this one could not use a device of its own; None where it can."""
    if xla_bridge.backends_are_initialized():
        return "JAX's devices were started while preloading"
    return preloading.open_driver_file()


def limit_threads(allowed: int | None) -> None:
    """Run on as many cores as TensorFlow may have threads: JAX takes a thread for each core that it may run on.

    The variables that it would read first, PJRT_NPROC and NPROC (xla/pjrt/utils.cc, `DefaultThreadPoolSize`), do not
    reach a worker: pinned, it also runs no more threads of other kinds.
    """
    count, own = threads.wanted(allowed), cores.of_devices()
    if count is not None and count < len(own):
        os.sched_setaffinity(0, own[:count])


def start(kind: str, tf32: bool | None) -> None:
    """Start JAX on the device, by having it compute something.

    On a GPU it takes memory as it is needed, as TensorFlow does under growth, and TF32 is on unless it was switched
    off, as TensorFlow's. Raises RuntimeError where there is no such device.
    """
    _take_memory_as_needed()
    if kind == "gpu":
        jax.config.update("jax_default_matmul_precision", "highest" if tf32 is False else "tensorfloat32")
    jax.config.update("jax_platforms", _PLATFORMS[kind])
    jax.block_until_ready(jax.numpy.zeros([1]) + 1.0)


def _take_memory_as_needed() -> None:
    """Before the backend is started, which reads it: otherwise it takes three quarters of a GPU."""
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"


def put(rows: Rows) -> jax.Array:
    """The rows as an array on the device."""
    array: jax.Array = jax.device_put(rows)
    return array


def is_tf32() -> bool:
    """Whether products of float32 are computed as TF32: begins with compute capability 8.0."""
    capability = str(getattr(jax.devices()[0], "compute_capability", _TF32_CAPABILITY))
    return float(capability) >= _TF32_CAPABILITY and jax.config.jax_default_matmul_precision != "highest"


def read_memory(reset: bool) -> MemoryRead:
    """Bytes in use by arrays on the GPU. Their peak cannot be reset in JAX, and would hold the first call: None."""
    found: dict[str, Any] = jax.devices()[0].memory_stats() or {}
    return MemoryRead(current_bytes=found.get("bytes_in_use"), peak_bytes=None)


def place(array: jax.Array) -> str:
    """On which device an array is, in JAX's words."""
    return ", ".join(sorted(str(device) for device in array.devices()))


def probe() -> Probed:
    """What JAX says of itself and of the devices it can see."""
    _take_memory_as_needed()
    gpus = [str(device.device_kind) for device in jax.devices() if device.platform == "gpu"]
    versions: dict[str, str | None] = {"jax": jax.__version__, "jaxlib": jaxlib.__version__}
    return Probed(
        framework=frameworks.TITLES[frameworks.JAX],
        versions=versions,
        gpu_build=bool(gpus),
        gpus=gpus,
        pci_bus_ids=[],
        tf32=bool(gpus) and is_tf32(),
        facts={
            **{name: Fact(value=version) for name, version in versions.items()},
            "threads": Fact(value=len(os.sched_getaffinity(0))),
            "xla_flags": Fact(value=environment.anonymous(os.environ.get("XLA_FLAGS", ""))),
        },
    )
