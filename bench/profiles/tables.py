"""What the traces of a result say: the parts of a step beside our own timing, where they disagree, and the top ops."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.output.figures import milliseconds, percent
from bench.output.grid import Grid
from bench.profiles import gpu_tables
from bench.results.record import Breakdown, Profile, TopOp
from bench.results.schema import INPUT_OVERHEAD, Benchmark, Document

_PARTS_CAPTION = (
    "untraced: median of the samples, without a profiler. traced: the mean step of one trace by "
    "xprof, and its parts: compute of device and host, launching kernels, waiting for input, moving "
    "data, and idle, where nothing ran that is traced, as in Python."
)
_OPS_CAPTION = (
    "of one trace by xprof. self time: of all calls, without what they called; self %: of all operations there."
)
SLOWED_DOWN = 1.25  # a traced step over a timed one: beyond, the profiler's own cost is worth a word
_LONGEST_NAME = 40
_OPS_HEADINGS = ("device", "calls", "self time [ms]", "self %")
_INPUT_APART = 0.10  # shares of a step beyond the interval, where waiting and loss are not the same thing
_WITH_GRAPHS = " (CUDA graphs)"

PARTS = {
    "compute": ("device_compute_seconds", "host_compute_seconds"),
    "launch": ("launch_seconds",),
    "input": ("input_seconds",),
    "transfer": ("transfer_seconds", "compile_seconds"),
    "idle": ("idle_seconds",),
}


@dataclass(frozen=True)
class Traced:
    """A trace of a case that could be read, a GPU's by itself, a CPU's by xprof; seconds of a step by the samples."""

    benchmark: Benchmark
    profile: Profile
    timed_seconds: float

    @property
    def name(self) -> str:
        """The case, and whether CUDA graphs were traced."""
        return self.benchmark.fullname + (_WITH_GRAPHS if self.profile.cuda_graphs else "")

    @property
    def steps(self) -> int:
        """How many traced steps the mean is of."""
        return self.profile.gpu.steps if self.profile.gpu else self._breakdown.split.steps

    @property
    def step_seconds(self) -> float:
        """The mean traced step."""
        return self.profile.gpu.step_seconds if self.profile.gpu else self._breakdown.split.step_seconds

    @property
    def parts(self) -> Mapping[str, float]:
        """The seconds of the mean traced step, part by part."""
        if self.profile.gpu:
            return gpu_tables.parts(self.profile.gpu)
        split = self._breakdown.split
        return {part: float(sum(getattr(split, name) for name in names)) for part, names in PARTS.items()}

    @property
    def ops(self) -> tuple[TopOp, ...]:
        """The operations that take longest, as far as xprof counted any."""
        return self.profile.breakdown.top_ops if self.profile.breakdown else ()

    @property
    def slow_down(self) -> float:
        """How many times the timed step the traced one took."""
        return self.step_seconds / self.timed_seconds

    @property
    def is_slowed(self) -> bool:
        """Whether the traced step took clearly longer than that of the slowest repetition."""
        slowest = self.benchmark.extra_info.steps_per_second.low
        return slowest is not None and self.step_seconds * slowest > SLOWED_DOWN

    @property
    def is_shortened(self) -> bool:
        """Whether it took clearly less than that of the fastest."""
        fastest = self.benchmark.extra_info.steps_per_second.high
        return fastest is not None and self.step_seconds * fastest < 1 / SLOWED_DOWN

    @property
    def _breakdown(self) -> Breakdown:
        assert self.profile.breakdown is not None
        return self.profile.breakdown


def traced(document: Document) -> list[Traced]:
    """The traces that were read back: on a GPU those that could be read by themselves."""
    on_gpu = document.autoencoder_bench.device.kind == "gpu"
    return [
        Traced(benchmark, profile, 1 / rate)
        for benchmark in document.benchmarks
        for profile in (benchmark.extra_info.profile, benchmark.extra_info.profile_of_graphs)
        if profile and (profile.gpu if on_gpu else profile.breakdown)
        if (rate := benchmark.extra_info.steps_per_second.value)
    ]


def tables(document: Document) -> tuple[Grid, ...]:
    """The parts of a step, a row for each trace; of a GPU also what it copied and which kernels took longest."""
    found = traced(document)
    if document.autoencoder_bench.device.kind == "gpu":
        rows = [(one.name, milliseconds(one.benchmark.extra_info.steps_per_second), one.profile) for one in found]
        return gpu_tables.tables(rows)
    parts = Grid(
        title="Step time breakdown [ms]",
        headings=("case", "untraced", "traced", *PARTS),
        rows=tuple(_row(one) for one in found),
        caption=_PARTS_CAPTION,
    )
    return (parts,)


def _row(one: Traced) -> tuple[str, ...]:
    return (
        one.name,
        milliseconds(one.benchmark.extra_info.steps_per_second),
        *(f"{1e3 * seconds:.2f}" for seconds in (one.step_seconds, *one.parts.values())),
    )


def top_ops(document: Document) -> Grid:
    """The operations that take longest, case by case."""
    return Grid(
        title="Operations that take longest",
        headings=("case", *_OPS_HEADINGS, "kind", "operation"),
        rows=tuple(
            (one.name, *_op_cells(op), op.kind, op.name)
            for one in traced(document)
            if not one.benchmark.extra_info.case.control
            for op in one.ops
        ),
        caption=_OPS_CAPTION,
    )


def of_case(one: Traced) -> list[Grid]:
    """Tables about one trace that fit a terminal."""
    whole = one.step_seconds
    rows = [("untraced", one.timed_seconds, ""), ("traced", whole, "")]
    rows += [(part, seconds, f"{100 * seconds / whole:.1f}%") for part, seconds in one.parts.items()]
    if one.profile.gpu:
        rows.append(("launched by the host in", one.profile.gpu.host_seconds, ""))
    step = Grid(
        title=f"Step time breakdown of {one.name}, {one.steps} traced steps",
        headings=("part", "time [ms]", "of the traced step"),
        rows=tuple((name, f"{1e3 * seconds:.3f}", share) for name, seconds, share in rows),
        caption=gpu_tables.IDLE if one.profile.gpu else "idle: nothing ran that is traced, as in Python.",
    )
    if one.profile.gpu:
        return [step, *gpu_tables.tables([(_shortened(one.name), "", one.profile)])[1:]]
    ops = Grid(
        title="Operations that take longest",
        headings=("operation", *_OPS_HEADINGS),
        rows=tuple((_shortened(op.name), *_op_cells(op)) for op in one.ops),
        caption=_OPS_CAPTION,
    )
    return [step, ops]


def _op_cells(op: TopOp) -> tuple[str, ...]:
    return op.side, f"{op.occurrences:,}", f"{1e3 * op.self_seconds:.2f}", f"{100 * op.self_share:.0f}%"


def _shortened(name: str) -> str:
    """The end of a long name, which tells operations apart."""
    return name if len(name) <= _LONGEST_NAME else "..." + name[3 - _LONGEST_NAME :]


def notes(document: Document) -> list[str]:
    """Where trace and timing disagree, what was traced otherwise than timed, and what is missing of traces."""
    return [*_disagreements(document), *_without_graphs(document), *_missing(document)]


def _without_graphs(document: Document) -> Iterator[str]:
    """XLA measures with CUDA graphs and traces without: of which cases only that other execution was traced."""
    other = [
        benchmark.fullname
        for benchmark in document.benchmarks
        if (profile := benchmark.extra_info.profile) and profile.cuda_graphs is False and profile.status == "ok"
        if not ((second := benchmark.extra_info.profile_of_graphs) and second.gpu)
    ]
    if other:
        yield (
            f"{', '.join(other)}: traced without the CUDA graphs with which XLA may launch its kernels where they are "
            "timed, so launching may look dearer than it is. --trace-cuda-graphs takes a second trace with them."
        )


def _disagreements(document: Document) -> Iterator[str]:
    slowed = [one for one in traced(document) if one.is_slowed]
    if slowed:
        found = ", ".join(f"{one.name} {one.slow_down:.1f}x" for one in slowed)
        yield (
            f"A traced step took longer than in the slowest repetition: {found} the median. Profiling overhead: use "
            "traces for proportions, not absolute times."
        )
    faster = [one for one in traced(document) if one.is_shortened]
    if faster:
        found = ", ".join(f"{one.name} {one.slow_down:.2f}x" for one in faster)
        yield (
            f"A traced step was shorter than in the fastest repetition: {found} the median. The trace is a moment of "
            "the first repetition."
        )
    apart = []
    for one in traced(document):
        overhead = one.benchmark.extra_info.figures.get(INPUT_OVERHEAD)
        waiting = one.profile.breakdown.input_bound_share if one.profile.breakdown else None
        if waiting is None or overhead is None or overhead.low is None or overhead.high is None:
            continue
        if max(overhead.low - waiting, waiting - overhead.high) > _INPUT_APART:
            apart.append(f"{one.name} {100 * waiting:.0f}% and {percent(overhead)}")
    if apart:
        yield (
            "What the trace sees of a step as waiting for input, and what is lost against a resident batch, differ: "
            f"{', '.join(apart)}. A pipeline that shares the processor with the step may cost more than waiting."
        )


def _missing(document: Document) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    on_gpu = document.autoencoder_bench.device.kind == "gpu"
    for benchmark in document.benchmarks:
        name, profile = benchmark.fullname, benchmark.extra_info.profile
        second = benchmark.extra_info.profile_of_graphs
        if second and second.status == "failed":
            reasons.setdefault(f"the profile failed: {second.reason}", []).append(name + _WITH_GRAPHS)
        elif second and second.gpu is None:
            reasons.setdefault(f"the trace of the GPU tells nothing: {second.gpu_reason}", []).append(
                name + _WITH_GRAPHS
            )
        if profile is None:
            reasons.setdefault("no trace was taken", []).append(name)
        elif profile.status == "failed":
            reasons.setdefault(f"the profile failed: {profile.reason}", []).append(name)
        elif on_gpu and profile.gpu is None:
            why = profile.gpu_reason or "the result is of a version that did not read a GPU's trace itself"
            reasons.setdefault(f"the trace of the GPU tells nothing: {why}", []).append(name)
        elif profile.breakdown is None:
            why = profile.breakdown_reason or "the result is of a version that did not read traces back"
            reasons.setdefault(why, []).append(name)
        elif profile.breakdown.top_ops_reason:
            reasons.setdefault(f"no operations: {profile.breakdown.top_ops_reason}", []).append(name)
    yield from (f"{', '.join(names)}: {reason}." for reason, names in reasons.items())
    taken = [profile for benchmark in document.benchmarks if (profile := benchmark.extra_info.profile)]
    if any(profile.tracers and profile.tracers.python and profile.python_events == 0 for profile in taken):
        yield "Python's calls were asked for, and this TensorFlow recorded none: the traces have only operations."
