"""Power, energy and utilisation over one pass of steps, from the GPU's counters or the processor's."""

import time
from collections.abc import Callable
from statistics import fmean

from bench.machine import rapl
from bench.machine.nvml import Gpu
from bench.results.record import Sustained

# What NVML gives as the present power is an average of up to a second: the first ones hold what was before.
_SETTLING_SECONDS = 1.0
NVML_SOURCE = "NVML, the whole GPU"


class Meter:
    """Reads a GPU, or without one the processor's packages: `begin`, `look` a few times a second, `end`."""

    def __init__(self, gpu: Gpu | None, now: Callable[[], float] = time.monotonic) -> None:
        self._gpu = gpu
        self._now = now
        self._began = 0.0
        self._watts: list[float] = []
        self._utilisation: list[float] = []
        self._generations: list[int] = []

    @staticmethod
    def source(gpu: Gpu | None) -> tuple[str | None, str | None]:
        """What energy can be had from, or None and the reason."""
        if gpu is None:
            counters, reason = rapl.joules()
            return (rapl.SOURCE, None) if counters else (None, reason)
        joules, reason = gpu.joules()
        return (NVML_SOURCE, None) if joules is not None else (None, reason)

    @staticmethod
    def has_something(gpu: Gpu | None) -> bool:
        """Whether there is anything to read during a pass: energy, or a GPU's power or utilisation."""
        if Meter.source(gpu)[0]:
            return True
        return gpu is not None and (gpu.watts() is not None or gpu.utilisation() is not None)

    def begin(self) -> None:
        """The pass begins now."""
        self._began = self._now()
        self._gpu_before = self._gpu.joules()[0] if self._gpu else None
        self._packages_before = None if self._gpu else rapl.joules()[0]

    def look(self) -> None:
        """Take down what is averaged over the last second."""
        if self._gpu is None or self._now() - self._began < _SETTLING_SECONDS:
            return
        for value, values in ((self._gpu.watts(), self._watts), (self._gpu.utilisation(), self._utilisation)):
            if value is not None:
                values.append(value)
        if (generation := self._gpu.pcie_generation()) is not None:
            self._generations.append(generation)

    def end(self, steps: int, seconds: float) -> Sustained:
        """The pass is over, after so many steps in so many seconds."""
        joules, reason = self._joules()
        return Sustained(
            steps=steps,
            seconds=seconds,
            source=self.source(self._gpu)[0],
            joules=joules,
            joules_per_1000_steps=1000 * joules / steps if joules is not None and steps else None,
            watts=fmean(self._watts) if self._watts else None,
            utilisation=fmean(self._utilisation) if self._utilisation else None,
            reason=reason,
            pcie_generation=max(self._generations, default=None),
        )

    def _joules(self) -> tuple[float | None, str | None]:
        if self._gpu is not None:
            after, reason = self._gpu.joules()
            if after is None or self._gpu_before is None:
                return None, reason or "the counter could not be read before the pass"
            return after - self._gpu_before, None
        counters, reason = rapl.joules()
        if counters is None or self._packages_before is None:
            return None, reason
        return rapl.spent(self._packages_before, counters), None
