"""The limits of this process's control group, as containers and batch systems set them."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def cpu_limit(root: Path = Path("/")) -> float | None:
    """How many cores' time the group may use, the least of its own and its parents'; None without a limit.

    Raises ValueError where a file holds no numbers.
    """
    return min(_cpu_limits(root), default=None)


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """How many bytes the group may use, in the same way."""
    texts = [_text(file) for file in _files(root, "memory", "memory.max", "memory.limit_in_bytes")]
    numbers = [int(text) for text in texts if text != "max"]
    return min((number for number in numbers if number < 2**60), default=None)  # version 1 writes a huge one for none


def threads(root: Path = Path("/")) -> int | None:
    """How many threads the group's time is enough for, None where it is enough for every processor we may use.

    Whole cores: with one thread more the group would use its time up in the middle of a step, and wait.
    """
    try:
        limit = cpu_limit(root)
    except (OSError, ValueError):
        return None
    if limit is None or limit >= len(os.sched_getaffinity(0)):
        return None
    return max(1, math.floor(limit))


def _cpu_limits(root: Path) -> Iterator[float]:
    for file in _files(root, "cpu", "cpu.max", "cpu.cfs_quota_us"):
        quota, *period = _text(file).split()
        if quota not in ("max", "-1"):
            yield int(quota) / int(period[0] if period else _text(file.with_name("cpu.cfs_period_us")))


def _files(root: Path, controller: str, second: str, first: str) -> Iterator[Path]:
    """The controller's file, of version 2 or 1, in our own group and in those above that can be seen.

    A container sees its own group at the top, whatever path it is told.
    """
    groups = root / "sys/fs/cgroup"
    try:
        lines = _text(root / "proc/self/cgroup").splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            top, name = groups, second
        elif controller in controllers.split(","):
            top, name = groups / controller, first
        else:
            continue
        own = PurePosixPath(path.lstrip("/"))
        if ".." in own.parts:  # a group outside of what can be seen
            own = PurePosixPath()
        yield from (file for group in (own, *own.parents) if (file := top / group / name).is_file())


def _text(path: Path) -> str:
    return path.read_text().strip()
