"""Energy over a pass: from a GPU's counter, from the processor's, or none with the reason."""

import pytest

from bench.machine import energy, rapl
from bench.machine.energy import Meter
from bench.machine.nvml import Gpu


class FakeGpu:
    """100 W by its counter, and what `watts` says."""

    def __init__(self, clock, watts=(500.0, 90.0, 110.0), counter=True):
        self._clock, self._watts, self._counter = clock, iter(watts), counter
        self._generations = iter((1, 4))  # as a link that wakes up

    def joules(self):
        return (100 * self._clock[0], None) if self._counter else (None, "NVML: Not Supported")

    def watts(self):
        return next(self._watts, None)

    def pcie_generation(self):
        return next(self._generations, 4)

    def utilisation(self):
        return 0.5


def measured(gpu, clock, looks=(0.5, 1.2, 1.9)):
    found = Meter(gpu, lambda: clock[0])
    clock[0] = 10.0
    found.begin()
    for at in looks:
        clock[0] = 10.0 + at
        found.look()
    clock[0] = 12.0
    return found.end(4_000, 2.0)


def test_energy_comes_from_the_counter_and_power_from_after_the_first_second():
    clock = [0.0]
    found = measured(FakeGpu(clock, watts=(90.0, 110.0)), clock)
    assert (found.joules, found.joules_per_1000_steps) == (pytest.approx(200.0), pytest.approx(50.0))
    assert found.watts == 100.0  # the look within the first second is not taken
    assert found.pcie_generation == 4
    assert (found.utilisation, found.source, found.reason) == (0.5, energy.NVML_SOURCE, None)


def test_without_a_counter_there_is_no_energy_and_still_the_power():
    clock = [0.0]
    found = measured(FakeGpu(clock, watts=(90.0, 110.0), counter=False), clock)
    assert (found.joules, found.joules_per_1000_steps, found.source) == (None, None, None)
    assert found.reason == "NVML: Not Supported"
    assert found.watts == 100.0


def test_on_a_cpu_it_is_the_packages(monkeypatch):
    readings = iter([{"a": 5.0, "b": 1.0}, {"a": 25.0, "b": 11.0}, {"a": 25.0, "b": 11.0}])
    monkeypatch.setattr(rapl, "joules", lambda: (next(readings), None))
    clock = [0.0]
    found = measured(None, clock)
    assert (found.joules, found.joules_per_1000_steps, found.source) == (30.0, 7.5, rapl.SOURCE)
    assert (found.watts, found.utilisation) == (None, None)


def test_a_pass_is_worth_it_where_anything_can_be_read(monkeypatch):
    clock = [0.0]
    assert Meter.has_something(FakeGpu(clock))
    assert Meter.has_something(FakeGpu(clock, counter=False))
    assert not Meter.has_something(Gpu(absent="no NVML"))
    monkeypatch.setattr(rapl, "joules", lambda: (None, "no counters"))
    assert not Meter.has_something(None)


def test_without_any_meter_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(rapl, "joules", lambda: (None, "no counters"))
    assert Meter.source(None) == (None, "no counters")
    assert measured(None, [0.0]).reason == "no counters"
