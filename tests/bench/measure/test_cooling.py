"""A pause while heat holds clocks down, on a GPU that is made of figures; the bits are those of NVML's header."""

import itertools
from types import SimpleNamespace

import pytest

from bench.measure import cooling

# nvmlClocksEventReason... of nvml.h in CUDA 12.5: SwPowerCap 0x4, SwThermalSlowdown 0x20, HwThermalSlowdown 0x40.
POWER, WARM, HOT = 0x4, 0x20, 0x40


def wait(bits, most_seconds):
    """The seconds waited for a GPU that gives these bits, reading after reading; its last stays."""
    readings = itertools.chain(bits, itertools.repeat(bits[-1]))
    clock = [0.0]

    def sleep(seconds):
        clock[0] += seconds

    gpu = SimpleNamespace(read=lambda: SimpleNamespace(throttle_bits=next(readings)))
    return cooling.wait(gpu, most_seconds, sleep, lambda: clock[0])


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ((0,), 0.0),
        ((POWER,), 0.0),  # a power limit is no heat, and waiting does not end it
        ((None,), 0.0),
        ((HOT, HOT | POWER, WARM, POWER), 1.5),
        ((HOT,), 10.0),  # never cools down
    ],
)
def test_it_waits_until_heat_is_gone_or_the_time_is_over(bits, expected):
    assert wait(bits, 10.0) == expected
