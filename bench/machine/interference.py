"""What else the machine does while samples are timed: the kernel's counters, read between rounds only."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.machine import nvml
from bench.results.record import Interference, Window

WINDOW_SECONDS = 1.0  # shorter ones would say little: the kernel counts in hundredths of a second

# Shares of the machine's cores beyond which a window counts as interfered with. TensorFlow's own threads wait for each
# other: on two cores, with nothing else running, their run delay was 0.23 to 0.30.
STEAL_LIMIT = 0.02
OTHERS_LIMIT = 0.10
RUN_DELAY_LIMIT = 0.50


class Counters(NamedTuple):
    """Counters at one moment, in seconds since some fixed one; None where the system does not have them."""

    clock: float
    steal: float | None
    busy: float
    ours: float
    run_delay: float | None
    major_faults: int | None


class Watch:
    """Cuts the rounds of a repetition into windows. `pids` are the processes that count as ours."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = (*pids, os.getpid())
        self._throttle_bits: int | None = None
        self._first_round: int | None = None
        self._last_round = 0
        self._before = read(self._pids)
        self.windows: list[Window] = []

    def after_round(self, number: int, throttle_bits: int | None = None) -> None:
        """Take notice that a round is over; closes the window where it has lasted long enough.

        `throttle_bits` is what NVML gave as reasons for lower clocks around its samples, None without a GPU.
        """
        if throttle_bits is not None:
            self._throttle_bits = throttle_bits | (self._throttle_bits or 0)
        if self._first_round is None:
            self._first_round = number
        self._last_round = number
        if time.monotonic() - self._before.clock >= WINDOW_SECONDS:
            self.close()

    def close(self) -> None:
        """End the window here, however short it is, if there was a round in it."""
        if self._first_round is None:
            return
        after = read(self._pids)
        reasons = None if self._throttle_bits is None else nvml.throttle_reasons(self._throttle_bits)
        self.windows.append(window(self._before, after, (self._first_round, self._last_round), reasons))
        self._before, self._first_round, self._throttle_bits = after, None, None

    def skip(self) -> None:
        """Begin a new window here: what was before belongs to no round."""
        self._before, self._first_round, self._throttle_bits = read(self._pids), None, None


def window(
    before: Counters,
    after: Counters,
    rounds: tuple[int, int],
    reasons: tuple[str, ...] | None,
    cores: int | None = None,
) -> Window:
    """What happened between two moments, as shares of all logical cores' time."""
    seconds = after.clock - before.clock
    capacity = seconds * (cores or psutil.cpu_count(logical=True) or 1)

    def share(later: float | None, earlier: float | None) -> float | None:
        if later is None or earlier is None or capacity <= 0:
            return None
        return max(0.0, later - earlier) / capacity

    steal = share(after.steal, before.steal)
    delay = share(after.run_delay, before.run_delay)
    others = share(after.busy - after.ours, before.busy - before.ours)
    faults = None
    if after.major_faults is not None and before.major_faults is not None:
        faults = max(0, after.major_faults - before.major_faults)
    beyond_limits: list[tuple[Interference, bool]] = [
        ("steal", (steal or 0) > STEAL_LIMIT),
        ("run_delay", (delay or 0) > RUN_DELAY_LIMIT),
        ("others", (others or 0) > OTHERS_LIMIT),
        ("major_faults", bool(faults)),
        ("throttled", bool(reasons)),
    ]
    return Window(
        first_round=rounds[0],
        last_round=rounds[1],
        seconds=seconds,
        steal_share=steal,
        run_delay_share=delay,
        others_share=others,
        major_faults=faults,
        throttle_reasons=reasons,
        interference=tuple(name for name, beyond in beyond_limits if beyond),
    )


def read(pids: Sequence[int], proc: Path = Path("/proc")) -> Counters:
    """The counters now. A process that is gone counts nothing."""
    times = psutil.cpu_times()
    steal = getattr(times, "steal", None)
    busy = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
    ours = [_process_times(pid) for pid in pids]
    delays = [_run_delay(proc / str(pid)) for pid in pids]
    faults = [_major_faults(proc / str(pid)) for pid in pids]
    known = proc.is_dir()
    return Counters(
        clock=time.monotonic(),
        steal=steal,
        busy=busy,
        ours=sum(ours),
        run_delay=sum(delays) if known else None,
        major_faults=sum(faults) if known else None,
    )


def _process_times(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _run_delay(process: Path) -> float:
    """Seconds that the threads of a process waited for a core: the second figure of their schedstat."""
    total = 0.0
    try:
        for thread in (process / "task").iterdir():
            total += int((thread / "schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        pass  # the process or a thread is gone, or the kernel does not count
    return total


def _major_faults(process: Path) -> int:
    """Field 12 of stat; its second field, the name, is in parentheses and may hold blanks."""
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[9])
    except (OSError, IndexError, ValueError):
        return 0


class HostMemory(NamedTuple):
    """Bytes of a process; None where the system does not tell."""

    peak: int | None  # resident at most, ever (VmHWM); pages it shares with its parent included
    resident: int | None
    private: int | None  # pages that no other process has


def host_memory(pid: int, proc: Path = Path("/proc")) -> HostMemory:
    """What a process holds of the host's memory now, and the most it ever held."""
    try:
        lines = (proc / str(pid) / "status").read_text().splitlines()
        peak = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
    except (OSError, ValueError, IndexError):
        peak = None
    try:
        full = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return HostMemory(peak, None, None)
    return HostMemory(peak, int(full.rss), int(full.uss))
