"""Limits of time that fit the machine: how much slower it is than the one they were chosen on, measured once a run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import psutil

# Handed to the processes that share a run's tests, so that all of them have the same limits.
VARIABLE = "TESTS_SLOWNESS"
_USUAL_SECONDS = 0.25  # that an interpreter takes to start and import NumPy on two quiet cores of a virtual machine
_TRIES = 3
_MOST = 40.0

Found = TypeVar("Found")


def measure() -> None:
    """Take down how slow this machine is at the moment, unless that was done for this run already."""
    if VARIABLE not in os.environ:
        seconds = sorted(_seconds_of_a_start() for _ in range(_TRIES))[_TRIES // 2]
        os.environ[VARIABLE] = f"{min(_MOST, max(1.0, seconds / _USUAL_SECONDS)):.2f}"


def limit(seconds: float) -> float:
    """A limit chosen for a usual machine that is busy with two tests at a time, as one for this machine."""
    return seconds * float(os.environ[VARIABLE])


def eventually(condition: Callable[[], Found], seconds: float = 30.0) -> Found:
    """Wait for what happens in its own time, and return what the condition said; fail long after it should have."""
    deadline = time.monotonic() + limit(seconds)
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not after {limit(seconds):.0f} s"
        time.sleep(0.01)
    return found


def gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether all of them end, sooner or later."""
    _, alive = psutil.wait_procs(list(processes), timeout=limit(20))
    return alive == []


def _seconds_of_a_start() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import numpy"], check=True)
    return time.perf_counter() - began
