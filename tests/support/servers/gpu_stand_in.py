"""The real server on a machine that has no GPU, with one made up beside its CPU.

TensorFlow is told of a physical GPU, and takes memory policies for it as it does for a real one. Replaced are the
placing of computations (they run on the CPU), the allocator's statistics, TF32, and the rules of a sample and the tries
of a limit, which are made short, and large products small. The rest is the suite's own code for a GPU. What it measures
are times of the CPU.

What a process holds of the GPU is told to the stand-in for NVML (tests/bench/machine/stand_in/nvml.c), by the options
that TensorFlow's context was really started with: a tenth of a GPU and a half under growth, and so on as BFC does. The
fraction 0.5 is the faulty one: alone it reserves nothing, with growth it takes 90% at once.

Where STAND_IN_LOCK names a file, the device admits one process at a time, as a GPU in EXCLUSIVE_PROCESS mode. Where
STAND_IN_LEAVING is set, a neighbour gives all its memory back once the first worker of a measured case is there.
STAND_IN_BUS_ID is the address that TensorFlow gives for its GPU.
"""

import fcntl
import os
import sys
from pathlib import Path

import msgspec
import tensorflow as tf
from tensorflow.python.eager import context

from bench.backends import clock
from bench.backends.tensorflow import allocator, device, profiler
from bench.experiments.roofline import worker
from bench.protocol import MemoryRead
from bench.worker import server
from support import gpu_xplanes  # the sources of what a GPU's plane holds are there

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a real GPU, where there is one, has no part in this

# A GPU of 16 GiB and what a context takes of it are made up, and figures that tests expect back. What the allocator
# does with a GPU is TensorFlow's: the first region of 2 MiB that grows by doubling (bfc_allocator.cc, `Extend`, and
# gpu_bfc_allocator.cc), and what the default leaves to the system on compute capability 8.x (`MinSystemMemory` in
# common_runtime/gpu/gpu_device.cc).
TOTAL, CONTEXT, SMALL, GROWN, MARGIN = 16 * 2**30, 300 * 2**20, 2 * 2**20, 16 * 2**20, 1536 * 2**20

_state = {"tf32": True}
_real = {
    "list": tf.config.list_physical_devices,
    "start": device.start,
    "choose_steps": clock.choose_steps,
    "applied": allocator.applied,
    "inspect_trace": profiler.inspect_trace,
}


def _list_physical_devices(kind=None):
    """The real ones, and a GPU of which only Python knows; its name is as `_initialize_physical_devices` makes them.

    (tensorflow/python/eager/context.py. A lock that is taken raises here; on a GPU that is taken CUDA refuses with
    CUDA_ERROR_DEVICE_UNAVAILABLE, tensorflow #45450.)
    """
    if lock := os.environ.get("STAND_IN_LOCK"):
        _state["lock"] = _state.get("lock") or open(lock, "w")  # noqa: SIM115 - held like a context, as long as it lives
        fcntl.flock(_state["lock"], fcntl.LOCK_EX | fcntl.LOCK_NB)
    found = _real["list"](kind)
    running = context.context()
    if not any(gpu.device_type == "GPU" for gpu in running._physical_devices):
        gpu = context.PhysicalDevice("/physical_device:GPU:0", "GPU")
        running._physical_devices.append(gpu)
        running._visible_device_list.append(gpu)
        running._physical_device_to_index[gpu] = 0
        running._memory_growth_map[gpu] = None
        found = _real["list"](kind)
    return found


def _start(kind, memory, tf32):
    seconds = _real["start"](kind, memory, tf32)
    _hold(grown=False)
    return seconds


def _calibrate(*arguments):
    if "STAND_IN_LEAVING" in os.environ:
        (Path(os.environ["NVML_STAND_IN"]) / "used").write_text("0")
    return _real["choose_steps"](*arguments)


def _hold(grown):
    """Take of the GPU what TensorFlow's allocator would, by the options it was started with."""
    folder = os.environ.get("NVML_STAND_IN")
    if folder:
        (Path(folder) / "held" / str(os.getpid())).write_text(str(CONTEXT + int(_reserved(Path(folder), grown))))


def _reserved(folder, grown):
    options = context.context().config.gpu_options
    fraction = options.per_process_gpu_memory_fraction
    if fraction == 0.5:
        return 0.9 * TOTAL if options.allow_growth else SMALL
    if options.allow_growth or os.environ.get("TF_GPU_ALLOCATOR"):
        return GROWN if grown else SMALL
    if fraction:
        return fraction * TOTAL
    return TOTAL - int((folder / "used").read_text()) - CONTEXT - MARGIN


def _read_memory(kind, reset):
    # `get_memory_info` gives bytes in use and at most (tensorflow/python/framework/config.py); these are made up.
    if reset:
        _hold(grown=True)
    return MemoryRead(current_bytes=4_000_000, peak_bytes=6_000_000)


def _applied(outputs):
    found = _real["applied"](outputs)
    return msgspec.structs.replace(found, devices=tuple(d.replace("CPU", "GPU") for d in found.devices))


def _inspect_trace(space, steps_per_call):
    """The real trace of a CPU, and beside it the plane of a GPU that runs a kernel after the last marker."""
    planes = gpu_xplanes.Planes()
    last = max(
        event.offset_ps + event.duration_ps for plane in space.planes for line in plane.lines for event in line.events
    )
    planes.kernel(13, last / 1e6, 100)
    space.planes.append(planes.device)
    return _real["inspect_trace"](space, steps_per_call)


def _probe():
    """As a wheel for GPUs answers: versions of `tf.sysconfig.get_build_info` of tensorflow 2.21, its keys as there."""
    build = {
        "is_cuda_build": True,
        "cuda_version": "12.5.1",
        "cudnn_version": "9",
        "cuda_compute_capabilities": ["sm_80"],
    }
    return device.probed(build, ["Stand-in GPU"], [os.environ.get("STAND_IN_BUS_ID", "0000:01:00.0")])


tf.config.list_physical_devices = _list_physical_devices
# The keys and their types: get_device_details in tensorflow/python/framework/config.py of TensorFlow 2.21. The values:
# NVIDIA's data sheet of the A100.
tf.config.experimental.get_device_details = lambda gpu: {"device_name": "Stand-in GPU", "compute_capability": (8, 0)}
tf.config.experimental.enable_tensor_float_32_execution = lambda on: _state.update(tf32=on)
tf.config.experimental.tensor_float_32_execution_enabled = lambda: _state["tf32"]
device.start = _start
device.require = lambda kind, result: None
device.scope = lambda kind: "/CPU:0"
device.read_memory = _read_memory
device.probe = _probe
allocator.applied = _applied
clock.choose_steps = _calibrate
profiler.inspect_trace = _inspect_trace
worker.LARGE["gpu"] = 64
worker.LARGE_COPY_BYTES["gpu"] = 2**20
worker._TRIES_SECONDS = 0.01
worker._CALL_SECONDS = 0.001
worker._ROUNDS = 2
clock.GPU_RULES = clock.SampleRules(
    target_seconds=0.005, warmup_seconds=0.002, queued_steps=5, queued_seconds=0.25, linearity=0.5
)

if __name__ == "__main__":
    server.main(sys.argv[1:])
