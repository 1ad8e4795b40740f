"""Read from a trace what a GPU did in a step: xprof leaves the host's part out of a GPU's steps.

The sources are of openxla/xla. A stream's events stand on a line of their own (PerDeviceCollector::GetDeviceXLineName
in xla/backends/profiler/gpu/cupti_collector.cc), and what an event is, its details say (CreateXEvent there). Their
clock is CUPTI's, set to the host's once, when tracing starts (NormalizeTimeStamps there): device and host can be
compared no more exactly than these two were read one after the other.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, get_args

from bench.results.gpu_trace_record import Copy, CopyKind, GpuTrace, Kernel

MARKER = "train"  # that stands around each traced call (bench/backends/tensorflow/profiler.py)
TOP_KERNELS = 5
_NAME_LENGTH = 120
_SECOND = 10**12  # in picoseconds
_LONGEST = 24 * 3600 * _SECOND  # of a trace; two clocks that were never set to each other are years apart

_PLANE = "/device:GPU:"  # kGpuPlanePrefix in xla/tsl/profiler/utils/xplane_schema.cc
_STREAM = "Stream #"
# Where CUPTI's own work was recorded on a stream, the stream's line has this name instead (GetDeviceXLineName).
_OVERHEAD = "CUPTI overhead"
# What ConvertDeviceTraceXPlaneToKernelReports (openxla/xprof) and its derived lines take for kernels: the second is
# a CUDA graph as one event, which is only traced on demand (gpu_enable_cupti_activity_graph_trace in
# xla/backends/profiler/gpu/cupti_tracer_options_utils.cc); otherwise a graph's kernels stand there one by one.
_KERNEL_STATS = {"kernel_details", "cuda_graph_exec_id"}
# From allocating to freeing, on stream 0, and nothing that runs (AddMemoryActivityEvent in cupti_buffer_events.cc).
_RESIDENCY = "MemoryResidency_details"
_COPIES: dict[str, CopyKind] = {
    "MemcpyH2D": "host to device",
    "MemcpyD2H": "device to host",
    "MemcpyD2D": "device to device",
    "MemcpyP2P": "device to device",  # of two GPUs
}
_HOST_SIDE = {"host to device": "kind_src", "device to host": "kind_dst"}
_PINNED = {"pinned": True, "pageable": False}  # of the names of GetMemoryKindName
# In a warning that names the host, so it is not quoted (OnTracerCachedActivityBuffers in cupti_collector.cc).
_DROPPED = "total device(activity) events reaches max"

Span = tuple[int, int]  # start and end in picoseconds, as the trace counts


class _Event(NamedTuple):
    """Something that a stream ran: `kind` is "kernel" or a kind of copy."""

    span: Span
    kind: str
    name: str
    details: dict[str, str]


def read(space: Any, steps_per_marker: int = 1) -> GpuTrace | None:
    """What the GPU of this parsed XSpace did; None where it has no GPU's plane. A marker stands for so many steps.

    Raises ValueError, which says what is missing or wrong, where no figure can be trusted: no events on a stream, no
    step markers, events on several GPUs (a step here is of one, and which one it was cannot be told), events that the
    profiler dropped, durations below nothing, or clocks that do not fit each other.
    """
    planes = [plane for plane in space.planes if plane.name.startswith(_PLANE)]
    if not planes:
        return None
    if steps_per_marker < 1:
        raise ValueError(f"{steps_per_marker} steps in a marker")
    if any(_DROPPED in warning for warning in space.warnings):
        raise ValueError("the profiler dropped events of the device: too many were traced")
    events = _only_busy(planes)
    markers = _markers(space)
    begin, end = _window(markers, events)
    inside = [
        event._replace(span=(max(event.span[0], begin), event.span[1])) for event in events if event.span[1] > begin
    ]
    if not inside:
        raise ValueError("nothing ran on a stream after the first step marker")
    return _summary(inside, end - begin, _distance(markers), len(markers), steps_per_marker)


def union(spans: Iterable[Span]) -> list[Span]:
    """The stretches that these spans cover together, in order and apart from each other."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _only_busy(planes: Sequence[Any]) -> list[_Event]:
    """The events of the only plane that has any."""
    found = {plane.name: events for plane in planes if (events := _events(plane))}
    if not found:
        raise ValueError(f"no event on any stream of {', '.join(sorted(plane.name for plane in planes))[:200]}")
    if len(found) > 1:
        raise ValueError(f"events on {len(found)} GPUs instead of one: {', '.join(sorted(found))[:200]}")
    (events,) = found.values()
    return events


def _markers(space: Any) -> list[Span]:
    """The step markers in order: events of that name with a number (tf.profiler.experimental.Trace)."""
    found = []
    for plane in space.planes:
        if plane.name.startswith("/device:"):
            continue
        ids = {key for key, metadata in plane.event_metadata.items() if metadata.name == MARKER}
        numbers = {key for key, metadata in plane.stat_metadata.items() if metadata.name == "step_num"}
        found += [
            _span(line, event)
            for line in plane.lines
            for event in line.events
            if event.metadata_id in ids and any(stat.metadata_id in numbers for stat in event.stats)
        ]
    if not found:
        raise ValueError(f"events of a device, but no step marker {MARKER!r} with a step_num")
    return sorted(found)


def _events(plane: Any) -> list[_Event]:
    """What the streams of a device ran; lines that tools derive from them, such as XLA Ops, are left out."""
    names = {key: metadata.name for key, metadata in plane.event_metadata.items()}
    stat_names = {key: metadata.name for key, metadata in plane.stat_metadata.items()}
    found = []
    for line in plane.lines:
        if not line.name.startswith((_STREAM, _OVERHEAD)):
            continue
        for event in line.events:
            name = names.get(event.metadata_id, "")
            stats = {stat_names.get(stat.metadata_id, ""): _text(stat, stat_names) for stat in event.stats}
            kind = _kind(name, stats, line.name.startswith(_STREAM))
            if kind:
                found.append(_Event(_span(line, event), kind, name, _details(stats)))
    return found


def _kind(name: str, stats: dict[str, str], stream: bool) -> str | None:
    """What an event is; None where it is nothing that ran."""
    if stats.keys() & _KERNEL_STATS:
        return "kernel"
    if "memcpy_details" in stats:
        return _COPIES.get(name, "other")
    if "Memset_details" in stats:
        return "memset"
    return "other" if stream and _RESIDENCY not in stats else None


def _details(stats: dict[str, str]) -> dict[str, str]:
    """The words of a copy's details, as `kind_src:pinned` or `size:4`, or of a memset's, as `num_bytes:4`."""
    words = (stats.get("memcpy_details") or stats.get("Memset_details", "")).split()
    return dict(word.split(":", 1) for word in words if ":" in word)


def _text(stat: Any, names: dict[int, str]) -> str:
    """A text of a stat; the profiler writes most as the name of another stat. Other values are none."""
    return names.get(stat.ref_value, "") if stat.WhichOneof("value") == "ref_value" else str(stat.str_value)


def _span(line: Any, event: Any) -> Span:
    """When an event was: a line's time is in nanoseconds, its events' offsets and durations in picoseconds."""
    if event.duration_ps < 0:
        raise ValueError(f"an event of {event.duration_ps} ps on the line {line.name[:60]!r}")
    start = line.timestamp_ns * 1000 + event.offset_ps
    return start, start + event.duration_ps


def _window(markers: Sequence[Span], events: Sequence[_Event]) -> Span:
    begin = markers[0][0]
    end = max(end for _, end in [*markers, *(event.span for event in events)])
    if end - begin > _LONGEST:
        raise ValueError(f"the steps last {(end - begin) / _SECOND:.3g} s: their clocks do not fit each other")
    return begin, end


def _distance(markers: Sequence[Span]) -> float:
    """Picoseconds from a marker's start to the next one's."""
    if len(markers) == 1:
        return markers[0][1] - markers[0][0]
    return (markers[-1][0] - markers[0][0]) / (len(markers) - 1)


def _summary(events: Sequence[_Event], window: int, distance: float, markers: int, steps_per_marker: int) -> GpuTrace:
    steps = markers * steps_per_marker
    kernels = [event for event in events if event.kind == "kernel"]
    stretches = union(event.span for event in events)
    busy, computing = _length(stretches), _length(union(event.span for event in kernels))
    gaps = [after[0] - before[1] for before, after in pairwise(stretches)]
    return GpuTrace(
        steps=steps,
        step_seconds=window / steps / _SECOND,
        host_seconds=distance / steps_per_marker / _SECOND,
        busy_seconds=busy / steps / _SECOND,
        kernel_seconds=computing / steps / _SECOND,
        copy_seconds=(busy - computing) / steps / _SECOND,
        idle_seconds=(window - busy) / steps / _SECOND,
        kernels=len(kernels) / steps,
        gaps=len(gaps) / steps,
        longest_gap_seconds=max(gaps, default=0) / _SECOND,
        copies=_copies([event for event in events if event.kind != "kernel"], steps),
        top_kernels=_top_kernels(kernels, steps),
    )


def _length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _top_kernels(events: Sequence[_Event], steps: int) -> tuple[Kernel, ...]:
    runs = Counter(event.name for event in events)
    lengths: Counter[str] = Counter()
    for event in events:
        lengths[event.name] += _length([event.span])
    whole = lengths.total()
    return tuple(
        Kernel(
            name=name[:_NAME_LENGTH] or "unnamed",
            runs=runs[name] / steps,
            seconds=length / steps / _SECOND,
            share=length / whole if whole else 0.0,
        )
        for name, length in sorted(lengths.items(), key=lambda one: (-one[1], one[0]))[:TOP_KERNELS]
    )


def _copies(events: Sequence[_Event], steps: int) -> tuple[Copy, ...]:
    groups: defaultdict[tuple[CopyKind, bool | None], list[_Event]] = defaultdict(list)
    for kind in get_args(CopyKind):
        for event in events:
            if event.kind == kind:
                groups[kind, _PINNED.get(event.details.get(_HOST_SIDE.get(kind, ""), ""))].append(event)
    copies = [_copy(kind, pinned, group, steps) for (kind, pinned), group in groups.items()]
    return tuple(sorted(copies, key=lambda copy: -copy.seconds))


def _copy(kind: CopyKind, pinned: bool | None, events: Sequence[_Event], steps: int) -> Copy:
    sizes = [_size(event.details) for event in events]
    known = [size for size in sizes if size is not None]
    return Copy(
        kind=kind,
        pinned=pinned,
        runs=len(events) / steps,
        bytes=sum(known) / steps if len(known) == len(sizes) else None,
        seconds=_length(event.span for event in events) / steps / _SECOND,
    )


def _size(details: dict[str, str]) -> int | None:
    """Bytes of a copy or a memset; None where the trace does not say, or says what no GPU could hold."""
    digits = details.get("size", details.get("num_bytes", ""))
    return int(digits) if re.fullmatch(r"[0-9]{1,15}", digits) else None
