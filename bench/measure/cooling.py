"""A pause where heat holds a GPU's clocks down: rounds that follow would time the heat, not the case."""

import time
from collections.abc import Callable

from bench.machine import nvml
from bench.machine.nvml import Gpu

# What a repetition may wait in all: a GPU that is too hot without doing anything will not get cooler.
MOST_SECONDS = 60.0
_EVERY_SECONDS = 0.5


def wait(
    gpu: Gpu,
    most_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> float:
    """Wait until heat no longer holds the clocks down, so many seconds at most; returns the seconds that took."""
    began = now()
    while nvml.is_hot(gpu.read().throttle_bits) and now() - began < most_seconds:
        sleep(_EVERY_SECONDS)
    return now() - began
