"""Configure TensorFlow's device inside a worker, start it, wait for it, and describe it."""

import os
import re
import time
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.client import device_lib
from tensorflow.python.eager import context

from bench.backends import preloading, threads
from bench.backends.tensorflow import allocator
from bench.machine import environment
from bench.plan import memory_policy, precisions
from bench.protocol import MemoryRead, Probed
from bench.results.record import Fact

TF32_CAPABILITY = precisions.LEAST_CAPABILITY[precisions.TF32]


def preloaded_unsound() -> str | None:
    """Why a process forked from this one could not use a device of its own; None where it can.

    A CUDA context does not survive a fork, so the preloading process must not have touched a device: no driver file
    open, no TensorFlow context, no devices discovered.
    """
    tensorflow_context = context.context()
    if tensorflow_context._context_handle is not None:
        return "TensorFlow's context was initialised while preloading"
    if tensorflow_context._physical_devices is not None:
        return "TensorFlow's devices were discovered while preloading"
    return preloading.open_driver_file()


def limit_threads(count: int | None) -> None:
    """Give TensorFlow's pools `count` threads each, before it starts; with None, or where the user chose, as they are.

    Left alone it starts one for each processor it may run on, and knows nothing of a control group's share of them.
    """
    if count is None or threads.are_chosen():
        return
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def trace_cuda_graphs() -> None:
    """Have XLA launch its CUDA graphs also while a trace is taken: by itself it launches their kernels one by one then.

    Only before XLA compiles anything in this process: it reads its flags once (openxla/xla, xla/debug_options_flags.cc,
    `xla_enable_command_buffers_during_profiling`, false by default).
    """
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_enable_command_buffers_during_profiling".strip()


def start(kind: str, memory: str, tf32: bool | None) -> float:
    """Choose the device, start TensorFlow on it and have it compute something; returns the seconds that took.

    Raises as `choose` does.
    """
    started = time.perf_counter()
    choose(kind, memory)
    compute(kind, tf32)
    return time.perf_counter() - started


def choose(kind: str, memory: str, first: int = 0, count: int = 1, cores: Sequence[int] = ()) -> None:
    """Choose devices, before TensorFlow starts: those from number `first` on of all that this process sees.

    `cpu` hides every GPU, and several devices of that kind are logical ones; with `cores` each is one core with one
    thread. On a `gpu` the memory policy of that name is applied. Raises RuntimeError where there are fewer GPUs,
    PolicyConflict where the policy cannot take effect.
    """
    if cores:
        _pin(cores)
    if kind == "cpu":
        tf.config.set_visible_devices([], "GPU")
        if count > 1:
            (cpu,) = tf.config.list_physical_devices("CPU")
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        return
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        raise RuntimeError("TensorFlow sees no GPU in this worker")
    if len(gpus) < first + count:
        raise RuntimeError(f"TensorFlow sees {len(gpus)} GPUs in this worker, and {first + count} are needed")
    if len(gpus) > count:
        tf.config.set_visible_devices(gpus[first : first + count], "GPU")
    allocator.apply(memory_policy.parse(memory))


def compute(kind: str, tf32: bool | None) -> None:
    """Start TensorFlow on the device that was chosen, by having it compute something."""
    if tf32 is not None:
        tf.config.experimental.enable_tensor_float_32_execution(tf32)
    with tf.device(scope(kind)):
        tf.add(tf.zeros([1]), 1.0).numpy()


def require(kind: str, result: tf.Tensor) -> None:
    """Raise RuntimeError unless `result` was computed on a device of this kind: placement is soft, and may move it."""
    if kind.upper() not in result.device:
        raise RuntimeError(f"the step was meant for the {kind.upper()} and ran on {result.device}")


def _pin(cores: Sequence[int]) -> None:
    """Run on these cores alone, an operation with one thread and as many operations at a time as there are cores."""
    os.sched_setaffinity(0, cores)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(len(cores))


def scope(kind: str) -> str:
    """TensorFlow's name for the device of this kind that a worker uses."""
    return "/GPU:0" if kind == "gpu" else "/CPU:0"


def uses_tf32(gpus: Sequence[tf.config.PhysicalDevice]) -> bool:
    """Whether float32 matrix products run as TF32 on any of these: TensorFlow's switch is on where no GPU can, too.

    TF32 begins with compute capability 8.0. One of which TensorFlow does not say it is taken to have it, so that the
    laxer limit of the check applies, as the result says.
    """
    able = [details(gpu).get("compute_capability", TF32_CAPABILITY) >= TF32_CAPABILITY for gpu in gpus]
    return any(able) and bool(tf.config.experimental.tensor_float_32_execution_enabled())


def details(gpu: tf.config.PhysicalDevice) -> dict[str, Any]:
    """What TensorFlow tells of a GPU: `device_name`, and `compute_capability` as (major, minor)."""
    found: dict[str, Any] = tf.config.experimental.get_device_details(gpu)
    return found


def wait_for(loss: tf.Tensor) -> None:
    """Wait until `loss` is there, by reading it alone.

    The copy to the host waits for all that was queued on the device's compute stream before it (TensorFlow,
    common_runtime/gpu/gpu_util.cc, `CopyGPUTensorToCPU`), the updates of the weights included.
    """
    loss.numpy()


def synchronise(loss: tf.Tensor, last: Sequence[tf.Variable]) -> None:
    """Wait until everything queued is done, by reading the loss and the variable that each device updates last.

    `sync_devices` is no help: its documentation says that GPU work may still be running afterwards.
    """
    loss.numpy()
    for variable in last:
        variable.numpy()


def read_memory(kind: str, reset: bool) -> MemoryRead:
    """The allocator's statistics of the tensors on a GPU, in bytes, None where it keeps none; `reset` ends the peak.

    Not asked of a CPU: there TensorFlow answers too, and the figures mean nothing.
    """
    if kind != "gpu":
        return MemoryRead(current_bytes=None, peak_bytes=None)
    name = "GPU:0"
    try:
        found = tf.config.experimental.get_memory_info(name)
        if reset:
            tf.config.experimental.reset_memory_stats(name)
    except ValueError:  # an allocator without statistics
        return MemoryRead(current_bytes=None, peak_bytes=None)
    return MemoryRead(current_bytes=found["current"], peak_bytes=found["peak"])


def probe() -> Probed:
    """What TensorFlow says of itself and of the devices it can see."""
    build: dict[str, Any] = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    return probed(
        build, [str(details(gpu).get("device_name", "unnamed GPU")) for gpu in gpus], _pci_bus_ids() if gpus else []
    )


def probed(build: dict[str, Any], gpus: list[str], pci_bus_ids: list[str]) -> Probed:
    """What TensorFlow says of itself, of this build (tf.sysconfig.get_build_info) and of these GPUs."""
    with_cuda, tf32 = bool(build.get("is_cuda_build")), uses_tf32(tf.config.list_physical_devices("GPU"))
    without = None if with_cuda else "this build is for CPUs"
    versions = {
        "tensorflow": tf.__version__,
        "keras": tf.keras.__version__,
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
    }
    capabilities = ", ".join(build.get("cuda_compute_capabilities", [])) or None
    return Probed(
        framework="TensorFlow",
        versions=versions,
        gpu_build=with_cuda,
        gpus=gpus,
        pci_bus_ids=pci_bus_ids,
        tf32=tf32,
        facts={
            **{name: Fact(value=version, reason=None if version else without) for name, version in versions.items()},
            "compute_capabilities": Fact(value=capabilities, reason=without),  # of the machine code in this build
            "tf32": Fact(value=tf32),
            # 0: as many as TensorFlow thinks best, both.
            "intra_op_threads": Fact(value=tf.config.threading.get_intra_op_parallelism_threads()),
            "inter_op_threads": Fact(value=tf.config.threading.get_inter_op_parallelism_threads()),
            "xla_flags": Fact(value=environment.anonymous(os.environ.get("XLA_FLAGS", ""))),
        },
    )


def _pci_bus_ids() -> list[str]:
    """Of the GPUs in TensorFlow's order, from the descriptions it gives its devices; this starts them."""
    growing = config_pb2.ConfigProto(gpu_options=config_pb2.GPUOptions(allow_growth=True))
    described = [device for device in device_lib.list_local_devices(growing) if device.device_type == "GPU"]
    return [bus_id for device in described if (bus_id := pci_bus_id(device.physical_device_desc))]


def pci_bus_id(description: str) -> str | None:
    """The address in TensorFlow's description of a physical device; None where it gives none."""
    found = re.search(r"pci bus id: ([0-9A-Fa-f]+(?::[0-9A-Fa-f]+)+\.[0-9A-Fa-f])", description)
    return found and found[1]
