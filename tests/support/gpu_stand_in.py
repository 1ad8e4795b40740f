"""`python -m support.gpu_stand_in ARGUMENTS`: the command line `bench`, on a machine whose GPU is made of stand-ins.

Stood in for are the driver's files, TensorFlow's device (servers/gpu_stand_in.py) and, by LD_LIBRARY_PATH, NVML. The
preset `quick` is one repetition of two samples. Where STAND_IN_HEAT names a file, the GPU is throttled after a round.
"""

import functools
import os
import sys
from pathlib import Path

from bench.__main__ import main
from bench.doctor import doctor
from bench.machine import device, energy
from bench.measure import cooling
from bench.output import progress_bar
from bench.plan.preset import PRESETS, Preset
from bench.run import options

COMMAND = (sys.executable, "-m", "support.servers.gpu_stand_in")
QUICK = Preset(
    name="quick",
    summary="for tests",
    looks=(1,),
    target_half_width=0.05,
    seconds=300.0,
    first_rounds_seconds=1.0,
    least_rounds=2,
    most_rounds=2,
    warmup_rounds=1,
    rounds_seconds=60.0,
    latency_steps=25,
    latency_seconds=20.0,
    sustained_seconds=0.6,
    profile_steps=5,
    training_steps=10,
)


def _heat(self, text, fraction):
    """In place of the view's own: it is told of every round that is done."""
    if file := os.environ.get("STAND_IN_HEAT"):
        Path(file).write_text("64")  # hardware thermal slowdown


if __name__ == "__main__":
    progress_bar.PlainView.advance = _heat
    device.driver_sign = lambda *known: "/dev/nvidiactl"
    PRESETS["quick"] = QUICK
    cooling.MOST_SECONDS = 1.0  # a GPU of files never cools down
    energy._SETTLING_SECONDS = 0.1  # and averages nothing
    options.Options = functools.partial(options.Options, server_command=COMMAND)
    doctor.Wanted = functools.partial(doctor.Wanted, server_command=COMMAND)
    main()
