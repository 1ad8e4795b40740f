"""Configure TensorFlow's device inside a worker, start it, wait for it, and describe it."""

import time
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

from autoencoder.model import Parameters
from bench.measure.protocol import Probed


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
    return _open_driver_file()


def start(kind: str, memory: str, tf32: bool | None) -> float:
    """Choose the device, start TensorFlow on it and have it compute something; returns the seconds that took.

    `cpu` hides every GPU; on a `gpu` the only memory policy there is so far is growth.
    """
    started = time.perf_counter()
    _configure(kind, memory)
    if tf32 is not None:
        tf.config.experimental.enable_tensor_float_32_execution(tf32)
    with tf.device(scope(kind)):
        tf.add(tf.zeros([1]), 1.0).numpy()
    return time.perf_counter() - started


def require(kind: str, result: tf.Tensor) -> None:
    """Raise RuntimeError unless `result` was computed on a device of this kind: placement is soft, and may move it."""
    if kind.upper() not in result.device:
        raise RuntimeError(f"the step was meant for the {kind.upper()} and ran on {result.device}")


def _configure(kind: str, memory: str) -> None:
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return
    if not gpus:
        raise RuntimeError("TensorFlow sees no GPU in this worker")
    if memory != "growth":
        raise ValueError(f"memory policy {memory!r} is unknown")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)


def scope(kind: str) -> str:
    """TensorFlow's name for the device of this kind that a worker uses."""
    return "/GPU:0" if kind == "gpu" else "/CPU:0"


def tf32_enabled() -> bool:
    """Whether float32 matrix products may run as TF32, where the hardware can."""
    return bool(tf.config.experimental.tensor_float_32_execution_enabled())


def synchronise(loss: tf.Tensor, parameters: Parameters) -> None:
    """Wait until everything queued is done, by reading the loss and the variable that Adam updates last.

    `sync_devices` is no help: its documentation says that GPU work may still be running afterwards.
    """
    loss.numpy()
    parameters.biases["decoder_b2"].numpy()


def probe() -> Probed:
    """What TensorFlow says of itself and of the devices it can see."""
    build: dict[str, Any] = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return Probed(
        tensorflow=tf.__version__,
        keras=tf.keras.__version__,
        cuda_build=bool(build.get("is_cuda_build")),
        cuda_version=build.get("cuda_version"),
        cudnn_version=build.get("cudnn_version"),
        gpus=[str(detail.get("device_name", "unnamed GPU")) for detail in details],
        tf32=tf32_enabled(),
    )


def _open_driver_file() -> str | None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():  # no Linux, so no CUDA either
        return None
    for link in folder.iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:  # the descriptor that listing the folder itself used
            continue
        if target.startswith("/dev/nvidia") or target == "/dev/dxg":
            return f"{target} was opened while preloading"
    return None
