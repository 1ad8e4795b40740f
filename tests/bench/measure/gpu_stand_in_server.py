"""The real server on a machine that has no GPU but takes its CPU for one.

Replaced are TensorFlow's answers about devices, the name of the device and the rules of a block, which are made short.
The rest is the suite's own code for a GPU: its order of calls, memory growth, the second check with TF32 off. What it
measures are times of the CPU. Where STAND_IN_LOCK names a file, the device admits one process at a time, as a card in
EXCLUSIVE_PROCESS mode.
"""

import fcntl
import os
import sys

import tensorflow as tf

from bench.measure import clock, device, server
from bench.measure.protocol import Probed

_state = {"tf32": True, "growth": False}


def _list_physical_devices(kind=None):
    if lock := os.environ.get("STAND_IN_LOCK"):
        _state["lock"] = open(lock, "w")  # noqa: SIM115 - held as long as the worker lives, like a context
        fcntl.flock(_state["lock"], fcntl.LOCK_EX | fcntl.LOCK_NB)
    return ["the stand-in"]


def _set_memory_growth(gpu, growth):
    assert (gpu, growth) == ("the stand-in", True)
    _state["growth"] = True


def _require(kind, result):
    assert kind == "gpu"
    assert _state["growth"], "a worker computed before its memory policy was set"


def _probe():
    return Probed(
        tensorflow="2.21.0",
        keras="3.15.1",
        cuda_build=True,
        cuda_version="12.5.1",
        cudnn_version="9",
        gpus=["Stand-in GPU"],
        tf32=True,
    )


tf.config.list_physical_devices = _list_physical_devices
tf.config.experimental.set_memory_growth = _set_memory_growth
tf.config.experimental.enable_tensor_float_32_execution = lambda on: _state.update(tf32=on)
tf.config.experimental.tensor_float_32_execution_enabled = lambda: _state["tf32"]
device.require = _require
device.scope = lambda kind: "/CPU:0"
device.probe = _probe
clock.GPU_RULES = clock.BlockRules(target_seconds=0.005, least_steps=5, lead_in_seconds=0.002, linearity=0.5)

if __name__ == "__main__":
    server.main(sys.argv[1:])
