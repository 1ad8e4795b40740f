"""The real server on a machine that has no GPU but takes its CPU for one.

It replaces only what TensorFlow says of devices, so that everything the suite does differently on a GPU runs for real:
longer blocks, the second check with TF32 off. What it measures are times of the CPU. Where STAND_IN_LOCK names a file,
the device admits one process at a time, as a card in EXCLUSIVE_PROCESS mode.
"""

import fcntl
import os
import sys

from bench.measure import device, server, worker
from bench.measure.protocol import Probed

_state = {"tf32": True}


def _configure(kind, tf32):
    assert kind == "gpu"
    if lock := os.environ.get("STAND_IN_LOCK"):
        _state["lock"] = open(lock, "w")  # noqa: SIM115 - held as long as the worker lives, like a context
        fcntl.flock(_state["lock"], fcntl.LOCK_EX | fcntl.LOCK_NB)
    if tf32 is not None:
        _state["tf32"] = tf32


def _probe():
    return Probed(
        tensorflow="2.21.0",
        keras="3.15.1",
        cuda_build=True,
        cuda_version="12.5.1",
        cudnn_version="9",
        gpus=["Stand-in GPU"],
        tf32=_state["tf32"],
    )


device.configure = _configure
device.scope = lambda kind: "/CPU:0"
device.tf32_enabled = lambda: _state["tf32"]
device.probe = _probe
worker.clock.GPU_RULES = type(worker.clock.GPU_RULES)(
    target_seconds=0.005, least_steps=5, lead_in_seconds=0.002, linearity=0.5
)

if __name__ == "__main__":
    server.main(sys.argv[1:])
