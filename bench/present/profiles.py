"""What the traces of a result say: the parts of a step beside our own timing, where they disagree, and the top ops."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.present.figures import milliseconds, percent
from bench.present.grid import Grid
from bench.results.record import Breakdown, TopOp
from bench.results.schema import Benchmark, Document

_PARTS_CAPTION = (
    "timed: median of the blocks, without a profiler. traced: the mean step of one trace by "
    "xprof, and its parts: compute of device and host, launching kernels, waiting for input, moving "
    "data, and idle, where nothing ran that is traced, as in Python. busy: share of the time in which the device was."
)
_OPS_CAPTION = (
    "of one trace by xprof; self: time of all its runs without what they called, and its share of the operations there."
)
SLOWED_DOWN = 1.25  # a traced step over a timed one: beyond, the profiler's own cost is worth a word
_LONGEST_NAME = 40
_INPUT_APART = 0.10  # shares of a step beyond the interval, where waiting and loss are not the same thing

PARTS = {
    "compute": ("device_compute_seconds", "host_compute_seconds"),
    "launch": ("launch_seconds",),
    "input": ("input_seconds",),
    "transfer": ("transfer_seconds", "compile_seconds"),
    "idle": ("idle_seconds",),
}


@dataclass(frozen=True)
class Traced:
    """A case with a trace that could be read; seconds of a step by the blocks."""

    benchmark: Benchmark
    breakdown: Breakdown
    timed_seconds: float

    def seconds(self, part: str) -> float:
        """Of the mean traced step."""
        return float(sum(getattr(self.breakdown.split, name) for name in PARTS[part]))

    @property
    def slow_down(self) -> float:
        """How many times the timed step the traced one took."""
        return self.breakdown.split.step_seconds / self.timed_seconds

    @property
    def is_slowed(self) -> bool:
        """Whether the traced step took clearly longer than that of the slowest cohort."""
        slowest = self.benchmark.extra_info.steps_per_second.low
        return slowest is not None and self.breakdown.split.step_seconds * slowest > SLOWED_DOWN

    @property
    def is_shortened(self) -> bool:
        """Whether it took clearly less than that of the fastest."""
        fastest = self.benchmark.extra_info.steps_per_second.high
        return fastest is not None and self.breakdown.split.step_seconds * fastest < 1 / SLOWED_DOWN


def traced(document: Document) -> list[Traced]:
    """The cases whose trace was read back."""
    return [
        Traced(benchmark, profile.breakdown, 1 / rate)
        for benchmark in document.benchmarks
        if (profile := benchmark.extra_info.profile) and profile.breakdown
        if (rate := benchmark.extra_info.steps_per_second.value)
    ]


def table(document: Document) -> Grid:
    """A row for each case that has a trace."""
    return Grid(
        title="A step in parts, in milliseconds",
        headings=("case", "timed", "traced", *PARTS, "busy"),
        rows=tuple(_row(one) for one in traced(document)),
        caption=_PARTS_CAPTION,
    )


def _row(one: Traced) -> tuple[str, ...]:
    busy = one.breakdown.duty_cycle
    return (
        one.benchmark.fullname,
        milliseconds(one.benchmark.extra_info.steps_per_second),
        f"{1e3 * one.breakdown.split.step_seconds:.2f}",
        *(f"{1e3 * one.seconds(part):.2f}" for part in PARTS),
        "-" if busy is None else f"{100 * busy:.0f} %",
    )


def top_ops(document: Document) -> Grid:
    """The operations that take longest, case by case."""
    return Grid(
        title="Operations that take longest",
        headings=("case", "where", "runs", "self", "share", "kind", "operation"),
        rows=tuple(
            (one.benchmark.fullname, *_op_cells(op), op.kind, op.name)
            for one in traced(document)
            if not one.benchmark.extra_info.case.twin
            for op in one.breakdown.top_ops
        ),
        caption=_OPS_CAPTION,
    )


def of_case(one: Traced) -> list[Grid]:
    """Two tables about one case, that fit a terminal."""
    split = one.breakdown.split
    whole = split.step_seconds
    rows = [("timed, without a profiler", one.timed_seconds, ""), ("traced", whole, "")]
    rows += [(part, one.seconds(part), f"{100 * one.seconds(part) / whole:.1f} %") for part in PARTS]
    step = Grid(
        title=f"A step of {one.benchmark.fullname}, by a trace of {split.steps} steps",
        headings=("part", "milliseconds", "of the traced step"),
        rows=tuple((name, f"{1e3 * seconds:.3f}", share) for name, seconds, share in rows),
        caption="idle: nothing ran that is traced, as in Python.",
    )
    ops = Grid(
        title="Operations that take longest",
        headings=("operation", "where", "runs", "self", "share"),
        rows=tuple((_shortened(op.name), *_op_cells(op)) for op in one.breakdown.top_ops),
        caption=_OPS_CAPTION,
    )
    return [step, ops]


def _op_cells(op: TopOp) -> tuple[str, ...]:
    return op.side, f"{op.occurrences:,}", f"{1e3 * op.self_seconds:.2f} ms", f"{100 * op.self_share:.0f} %"


def _shortened(name: str) -> str:
    """The end of a long name, which tells operations apart."""
    return name if len(name) <= _LONGEST_NAME else "..." + name[3 - _LONGEST_NAME :]


def notes(document: Document) -> list[str]:
    """Where trace and timing disagree, and what is missing of traces."""
    return [*_disagreements(document), *_missing(document)]


def _disagreements(document: Document) -> Iterator[str]:
    slowed = [one for one in traced(document) if one.is_slowed]
    if slowed:
        found = ", ".join(f"{one.benchmark.fullname} {one.slow_down:.1f}x" for one in slowed)
        yield (
            f"A traced step took longer than in the slowest cohort: {found} the median. The profiler costs something "
            "for every event; for speeds take the timed figures, and of the trace only which part is large."
        )
    faster = [one for one in traced(document) if one.is_shortened]
    if faster:
        found = ", ".join(f"{one.benchmark.fullname} {one.slow_down:.2f}x" for one in faster)
        yield (
            f"A traced step was shorter than in the fastest cohort: {found} the median. The trace is a moment of the "
            "first cohort, and of a call of several steps it may see less than all."
        )
    apart = []
    for one in traced(document):
        stall, waiting = one.benchmark.extra_info.stall, one.breakdown.input_bound_share
        if stall is None or stall.low is None or stall.high is None:
            continue
        if max(stall.low - waiting, waiting - stall.high) > _INPUT_APART:
            apart.append(f"{one.benchmark.fullname} {100 * waiting:.0f} % and {percent(stall)}")
    if apart:
        yield (
            "What the trace sees of a step as waiting for input, and what is lost against a resident batch, differ: "
            f"{', '.join(apart)}. A pipeline that shares the processor with the step may cost more than waiting."
        )


def _missing(document: Document) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for benchmark in document.benchmarks:
        name, profile = benchmark.fullname, benchmark.extra_info.profile
        if profile is None:
            reasons.setdefault("no trace was taken", []).append(name)
        elif profile.status == "failed":
            reasons.setdefault(f"the profile failed: {profile.reason}", []).append(name)
        elif profile.breakdown is None:
            why = profile.breakdown_reason or "the result is of a version that did not read traces back"
            reasons.setdefault(why, []).append(name)
        elif profile.breakdown.top_ops_reason:
            reasons.setdefault(f"no operations: {profile.breakdown.top_ops_reason}", []).append(name)
    yield from (f"{', '.join(names)}: {reason}." for reason, names in reasons.items())
    taken = [profile for benchmark in document.benchmarks if (profile := benchmark.extra_info.profile)]
    if any(profile.tracers and profile.tracers.python and profile.python_events == 0 for profile in taken):
        yield "Python's calls were asked for, and this TensorFlow recorded none: the traces have only operations."
    idle = {one.breakdown.duty_cycle_reason for one in traced(document)} - {None}
    yield from (f"busy: {reason}." for reason in sorted(filter(None, idle)))
