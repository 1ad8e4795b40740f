"""Numbers of processor cores, as the kernel's own lists write them."""

from collections.abc import Iterable
from itertools import groupby


def ranges(numbers: Iterable[int]) -> str | None:
    """A list as in /sys/devices/system/cpu/online, "0-3,8"; None for no cores at all."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(sorted(set(numbers))), lambda pair: pair[1] - pair[0])
    ]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) or None
