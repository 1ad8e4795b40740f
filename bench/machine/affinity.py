"""Bind a run to the processor's cores that are near its GPU: a small model there is bound by the host that launches."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from bench.errors import UsageError
from bench.machine.nvml import Gpu

Affinity = Literal["none", "near"]


def cores(affinity: Affinity, gpu: Gpu) -> tuple[int, ...] | None:
    """The cores to bind to, None for all that may be used. Raises UsageError where nothing tells which are near."""
    if affinity == "none":
        return None
    if gpu.absent:
        raise UsageError(f"--affinity near: near to what? {gpu.absent}. Leave it out.")
    near = gpu.near_cores()
    if near is None:
        raise UsageError("--affinity near: NVML does not say which cores are near this GPU. Leave it out.")
    allowed = tuple(core for core in near if core in os.sched_getaffinity(0))
    if not allowed:
        raise UsageError("--affinity near: this process may use none of the cores that are near this GPU.")
    return allowed


@contextmanager
def bound(to: Sequence[int] | None) -> Iterator[None]:
    """Bind this process to these cores meanwhile, and with it every process that it starts."""
    if to is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, to)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
