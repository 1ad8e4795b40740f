"""What a trace shows of a GPU: a step's time, how long the device was busy in it, and with what."""

from typing import Literal

from bench.results.base import Record

CopyKind = Literal["host to device", "device to host", "device to device", "memset", "other"]


class Kernel(Record, frozen=True, kw_only=True):
    """One kernel, by its name, of at most 120 characters; a CUDA graph that was traced as one event is one too.

    `runs` and `seconds` are of a step, the seconds those of all its runs; `share` is of all kernels' summed time.
    """

    name: str
    runs: float
    seconds: float
    share: float


class Copy(Record, frozen=True, kw_only=True):
    """All copies of one kind, a step: how many, how much, and the sum of their seconds, overlaps counted twice.

    `pinned` is of the host's side: False is pageable memory, None where there is no such side or it is neither.
    `bytes` is None where the trace does not say of each. "other" is what a stream ran that is none of the rest.
    """

    kind: CopyKind
    pinned: bool | None
    runs: float
    bytes: float | None
    seconds: float


class GpuTrace(Record, frozen=True, kw_only=True):
    """What the streams of one GPU did during the traced steps. All but `longest_gap_seconds` is of one step.

    The steps last from the start of the first step marker to the end of the last thing that ran, be it the last
    marker or an event on a stream: a host that runs ahead of the device does not make a step look shorter. Waiting
    for what was left at the end is spread over all steps.

    step_seconds: that time over the number of steps.
    host_seconds: mean distance between the starts of successive markers, what the host needs to launch a step; the
        length of the marker where there is only one.
    busy_seconds: at least one stream ran something: the union of their events, so no moment counts twice.
    kernel_seconds: at least one stream ran a kernel.
    copy_seconds: busy less kernel_seconds: copies and memsets that no kernel hides.
    idle_seconds: step less busy.
    kernels: kernels that were run; a CUDA graph that was traced as one event counts once.
    gaps: stretches between busy ones in which no stream had anything, however short.
    longest_gap_seconds: the longest of them all.

    The share of time in which the device was busy is busy_seconds / step_seconds. Of a marker that stands for several
    steps, as one call of 25 does, a step is the marker's part.
    """

    steps: int
    step_seconds: float
    host_seconds: float
    busy_seconds: float
    kernel_seconds: float
    copy_seconds: float
    idle_seconds: float
    kernels: float
    gaps: float
    longest_gap_seconds: float
    copies: tuple[Copy, ...]  # by their seconds, the longest first
    top_kernels: tuple[Kernel, ...]  # those that take longest, at most five
