"""Numbers of processor cores: as the kernel's own lists write them, and in the order in which devices take them."""

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

_TOPOLOGY = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def ranges(numbers: Iterable[int]) -> str | None:
    """A list as in /sys/devices/system/cpu/online, "0-3,8"; None for no cores at all."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(sorted(set(numbers))), lambda pair: pair[1] - pair[0])
    ]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) or None


def of_devices(root: Path = Path("/")) -> tuple[int, ...]:
    """The cores that this process may use, in the order in which devices of one core each take them.

    First one thread of every core, then the second ones: two devices on the threads of one core would share it. Empty
    where a process cannot be pinned.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    allowed = sorted(os.sched_getaffinity(0))
    seen: dict[str, int] = {}
    turns = []
    for core in allowed:
        siblings = _siblings(core, root)
        turns.append((seen.get(siblings, 0), core))
        seen[siblings] = seen.get(siblings, 0) + 1
    return tuple(core for _, core in sorted(turns))


def _siblings(core: int, root: Path) -> str:
    """What the threads of this core have in common: the list of them, or the core alone where that is not told."""
    try:
        return (root / _TOPOLOGY.format(core)).read_text().strip()
    except OSError:
        return str(core)
