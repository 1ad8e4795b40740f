"""What traces of a GPU say, read by themselves: the device's part of a step, copies, and the kernels that take longest.

xprof's step stands beside, which leaves the host out: it ends with the last kernel, and begins with the first.
"""

from collections.abc import Mapping, Sequence

from bench.output.grid import Grid
from bench.results.gpu_trace_record import Copy, GpuTrace
from bench.results.record import Profile

Row = tuple[str, str, Profile]
"""The name of a traced case, the milliseconds of its timed step, and its trace."""

_CAPTION = (
    "Milliseconds. untraced: median of the samples, without a profiler. traced: from the first step's start to the end "
    "of the last thing that ran, over the steps; it is kernels, copies that no kernel hides, and idle. host: from one "
    "step's beginning to the next one's on the host, which may run ahead of the GPU. utilisation: share of the traced "
    "time in which the GPU ran something. launches, gaps: kernels, and stretches without any work, a step. xprof: its "
    "own step."
)
IDLE = "idle: nothing ran on the GPU. launched by the host in: from one step's beginning to the next one's there."
_COPIES_CAPTION = "a step; milliseconds of all, overlapping ones counted twice. host memory: pinned or pageable."
_KERNELS_CAPTION = "a step; %: of the time of all kernels."
_LONGEST_NAME = 60


def parts(trace: GpuTrace) -> Mapping[str, float]:
    """The seconds of a step, part by part, which do not overlap."""
    return {"kernels": trace.kernel_seconds, "copies": trace.copy_seconds, "idle": trace.idle_seconds}


def tables(rows: Sequence[Row]) -> tuple[Grid, ...]:
    """The parts of a step, what was copied, and the longest kernels, of traces that have a GPU's part."""
    known = [(name, timed, profile, profile.gpu) for name, timed, profile in rows if profile.gpu]
    return (
        Grid(
            title="Step time breakdown on the GPU",
            headings=(
                *("case", "untraced", "traced", "host", "kernels", "copies", "idle"),
                *("utilisation", "launches", "gaps", "longest gap", "xprof"),
            ),
            rows=tuple((name, timed, *_cells(trace), _of_xprof(profile)) for name, timed, profile, trace in known),
            caption=_CAPTION,
        ),
        Grid(
            title="Copies",
            headings=("case", "kind", "host memory", "count", "bytes", "time [ms]"),
            rows=tuple((name, *_of_copy(copy)) for name, _, _, trace in known for copy in trace.copies),
            caption=_COPIES_CAPTION,
        ),
        Grid(
            title="Kernels that take longest",
            headings=("case", "launches", "time [ms]", "%", "kernel"),
            rows=tuple(
                (name, f"{k.runs:.3g}", _milli(k.seconds), f"{100 * k.share:.0f}%", k.name[:_LONGEST_NAME])
                for name, _, _, trace in known
                for k in trace.top_kernels
            ),
            caption=_KERNELS_CAPTION,
        ),
    )


def _cells(trace: GpuTrace) -> tuple[str, ...]:
    busy = trace.busy_seconds / trace.step_seconds
    seconds = (trace.step_seconds, trace.host_seconds, *parts(trace).values())
    return (
        *map(_milli, seconds),
        f"{100 * busy:.0f}%",
        f"{trace.kernels:.3g}",
        f"{trace.gaps:.3g}",
        _milli(trace.longest_gap_seconds),
    )


def _of_xprof(profile: Profile) -> str:
    return _milli(profile.breakdown.split.step_seconds) if profile.breakdown else "-"


def _of_copy(copy: Copy) -> tuple[str, ...]:
    memory = {True: "pinned", False: "pageable", None: "-"}[copy.pinned]
    size = "-" if copy.bytes is None else f"{copy.bytes:,.0f}"
    return copy.kind, memory, f"{copy.runs:.3g}", size, _milli(copy.seconds)


def _milli(seconds: float) -> str:
    return f"{1e3 * seconds:.3f}"
