"""What a run measured, raw: frozen records that everything else is derived from."""

from typing import Literal

import msgspec

from bench.plan.case import Case
from bench.results.base import Record
from bench.results.gpu_trace_record import GpuTrace


class Fact(Record, frozen=True, kw_only=True):
    """Something that was looked up: a value, or None with the reason why it cannot be had."""

    value: str | int | float | bool | None
    reason: str | None = None


class AppliedPolicy(Record, frozen=True, kw_only=True):
    """Evidence of the memory policy of a process on a GPU, read back from TensorFlow after its first computation."""

    allow_growth: bool
    fraction: float  # of the GPU; 0 is TensorFlow's word for none
    environment: dict[str, str]  # variables that would override either
    devices: tuple[str, ...]  # where the loss and a weight it updated really are


class DeviceMemory(Record, frozen=True, kw_only=True):
    """What one process took of a GPU's memory, in bytes, kind by kind; None where `reason` says why.

    Tensors are the allocator's own statistics, its peak reset after the warm-up. The rest needs a process alone on the
    GPU: `nvml_used` is what NVML counts as used beyond `nvml_idle`, when no worker was alive; `context` is the same of
    a process that did one step of the same model under growth, less its tensors; `reserved` is nvml_used less context.
    TensorFlow has no figure for what its allocator reserved, so that one is derived.
    """

    tensors_bytes: int | None
    tensors_peak_bytes: int | None
    total_bytes: int | None = None
    nvml_idle_bytes: int | None = None
    nvml_used_bytes: int | None = None
    context_bytes: int | None = None
    reserved_bytes: int | None = None
    exclusive: bool | None = None  # whether nobody else was on the GPU
    reason: str | None = None


class SampleTelemetry(Record, frozen=True, kw_only=True):
    """The GPU just before and just after each kept sample, outside its timing: pairs in the order of the samples.

    `throttle_bits` are NVML's clock event reasons, those before and after together.
    """

    sm_hertz: tuple[tuple[int | None, int | None], ...]
    celsius: tuple[tuple[int | None, int | None], ...]
    throttle_bits: tuple[int | None, ...]


class Sustained(Record, frozen=True, kw_only=True):
    """A pass of steps without a break, alone on the machine, after the rounds: for what is averaged over a second.

    `joules` are of the whole GPU, or of all the processor's packages (`source`), whatever else they do; watts and
    utilisation (0 to 1) are the GPU's own averages, without those of the first second. None where `reason` says why.
    """

    steps: int
    seconds: float
    source: str | None
    joules: float | None
    joules_per_1000_steps: float | None
    watts: float | None
    utilisation: float | None
    reason: str | None = None
    pcie_generation: int | None = None  # the highest that the GPU's link was seen at: at idle it is lower


class Quantities(Record, frozen=True, kw_only=True):
    """What an experiment measured beside steps in one repetition, by what it is called there.

    The name of each value ends in its unit (bench/results/units.py). `reasons` say why some are missing, by what their
    names begin with.
    """

    name: str
    repetition: int
    values: dict[str, float]
    reasons: dict[str, str] = msgspec.field(default_factory=dict)


class ProcessInfo(Record, frozen=True, kw_only=True):
    """One fresh process of a case in one repetition, without its samples.

    The parts of the first call that a mode does not have are None: eager has no trace, and only XLA compiles apart.
    """

    repetition: int
    start_method: str
    ready_seconds: float  # from asking for the worker until it could take its first request
    device_init_seconds: float
    trace_seconds: float | None
    compile_seconds: float | None
    first_step_seconds: float
    input_init_seconds: float
    device: str
    tf32: bool
    rounds: tuple[int, ...]  # in which it timed a sample that is kept
    warmup_rounds: int  # samples before those, not kept
    steady: bool | None  # whether its ratio to the reference had settled by then; None: too few samples to tell
    host_peak_rss_bytes: int | None  # most resident memory it ever had, what it shares with its server included
    host_rss_bytes: int | None = None  # after its last sample, shared pages included
    host_uss_bytes: int | None = None  # of those, what no other process has
    model_bytes: int | None = None  # weights, biases and what Adam keeps for each
    data_bytes: int | None = None  # one batch, on the device
    bus_bytes: int | None = None  # that the input of a step moves to a GPU; None on a CPU, where there is no way to go
    device_memory: DeviceMemory | None = None  # of a GPU
    policy: AppliedPolicy | None = None  # on a GPU
    telemetry: SampleTelemetry | None = None  # of a GPU that NVML knows
    pinned_cores: tuple[int, ...] = ()  # of all ranks, each core a device; empty: wherever the system ran it


class ProcessRecord(ProcessInfo, frozen=True, kw_only=True):
    """A process with its samples: `seconds_per_step[i]` is the sample of round `rounds[i]`."""

    seconds_per_step: tuple[float, ...]


class SampleSize(Record, frozen=True, kw_only=True):
    """Steps timed together, and untimed steps before them; a case may do several steps in one call."""

    steps: int
    warmup_steps: int
    steps_per_call: int = 1


class SameModel(Record, frozen=True, kw_only=True):
    """Losses of the same first batches from the same seed, against eager's on the same input.

    Where a case computes in another precision, or makes another update, there is no limit, and nothing is passed or
    failed: both are None.
    """

    steps: int
    tf32: bool
    largest_relative_difference: float | None  # None: not a number somewhere
    limit: float | None
    passed: bool | None  # None: reported, not judged; losses that are no numbers never pass
    last_loss: float | None = None  # of the case, after these steps


class Latency(Record, frozen=True, kw_only=True):
    """Seconds of single synchronised steps; p99 is None under 1,000 steps."""

    steps: int
    p50_seconds: float
    p95_seconds: float
    p99_seconds: float | None


class Tracers(Record, frozen=True, kw_only=True):
    """How much a trace holds, in the words of tf.profiler.experimental.ProfilerOptions."""

    host: int = 2  # 1 step markers and what is expensive, 2 and operations, 3 and everything else
    python: bool = False  # Python's own calls, where TensorFlow records them: 2.21 was seen not to
    device: bool = True


USUAL_TRACERS = Tracers()


class StepSplit(Record, frozen=True, kw_only=True):
    """The mean traced step, in seconds, and its parts, which do not overlap and together are the step.

    They are xprof's: compute of the device and of the host, launching kernels, waiting for input, moving data,
    compiling, and what is left, where nothing that was traced ran: idle, or Python.
    """

    steps: int
    step_seconds: float
    device_compute_seconds: float
    host_compute_seconds: float
    launch_seconds: float
    input_seconds: float
    transfer_seconds: float
    compile_seconds: float
    idle_seconds: float


class TopOp(Record, frozen=True, kw_only=True):
    """An operation of a trace: how often it ran, the seconds of all its runs without what they called."""

    side: Literal["host", "device"]
    kind: str
    name: str
    occurrences: int
    self_seconds: float
    self_share: float  # of all operations on that side


class Breakdown(Record, frozen=True, kw_only=True):
    """What xprof reads in a trace. Of a GPU's it takes the steps wrong: there GpuTrace is what counts."""

    split: StepSplit
    top_ops: tuple[TopOp, ...]
    top_ops_reason: str | None  # why there are none
    input_bound_share: float | None  # of the step, waiting for input; None on a GPU


class Profile(Record, frozen=True, kw_only=True):
    """A TensorBoard trace: `folder` is relative to the run's folder; `reason` says what is wrong with it."""

    status: Literal["ok", "failed"]
    folder: str
    steps: int
    step_markers: int | None = None
    events: int | None = None
    device_events: int | None = None  # a CPU has none of its own
    python_events: int | None = None  # Python's calls; None: of an older version
    reason: str | None = None
    tracers: Tracers | None = None  # None: of an older version, with the defaults
    breakdown: Breakdown | None = None
    breakdown_reason: str | None = None  # why it could not be read back
    gpu: GpuTrace | None = None  # read from the trace itself; None: of a CPU, of an older version, or `gpu_reason`
    gpu_reason: str | None = None
    cuda_graphs: bool | None = None  # whether XLA launched its CUDA graphs while traced; None: none of its business


FailureStatus = Literal["failed", "mismatch", "not-applied"]


class Failure(Record, frozen=True, kw_only=True):
    """Why a case has no speed. `log` is relative to the run's folder."""

    status: FailureStatus
    reason: str
    repetition: int
    log: str


class CaseRecord(Record, frozen=True, kw_only=True):
    """Everything that is known of one case."""

    case: Case
    sample_size: SampleSize | None = None
    processes: tuple[ProcessRecord, ...] = ()
    same_model: tuple[SameModel, ...] = ()
    same_model_reason: str | None = None  # why the check was not made
    losses: tuple[float | None, ...] = ()  # of the check, for TensorBoard; a result has only the last one
    plot: str | None = None  # of what it reconstructs after its samples, relative to the run's folder
    latency: Latency | None = None
    latency_reason: str | None = None  # why there is none
    sustained: Sustained | None = None
    quantities: tuple[Quantities, ...] = ()
    profile: Profile | None = None
    profile_of_graphs: Profile | None = None  # a second one, with XLA's CUDA graphs
    failure: Failure | None = None
    skipped: str | None = None  # why it was not measured, where that is no failure


Interference = Literal["steal", "run_delay", "others", "major_faults", "throttled"]


class Window(Record, frozen=True, kw_only=True):
    """A monitoring window, a second or longer: what else the machine did in some rounds; None where it cannot be read.

    Shares are of the window's seconds times the machine's logical cores. `interference` names what is beyond its limit
    (bench/machine/interference.py). A window with interference is shown, and its samples are kept.
    """

    first_round: int
    last_round: int
    seconds: float
    steal_share: float | None  # time the hypervisor gave to others
    run_delay_share: float | None  # time that our processes waited for a core
    others_share: float | None  # time that other processes computed
    major_faults: int | None  # pages of ours that had to come from the disk
    throttle_reasons: tuple[str, ...] | None  # of the GPU, seen in the window; None: no GPU, or it does not say
    interference: tuple[Interference, ...]


class RepetitionRecord(Record, frozen=True, kw_only=True):
    """One server and its recorded rounds: `order` lists, for each, the cases in their order, by their place in `cases`.

    The cases of the other side, in a side-by-side run, have its name before theirs, as `base:xla/resident`. Where cases
    ran in groups, the rounds of the first group come first.
    """

    repetition: int
    server_seconds: float
    start_method: str
    unsound: str | None  # why workers were spawned instead of forked
    cases: tuple[str, ...]
    order: tuple[tuple[int, ...], ...]
    samples: int  # of each case that were planned; fewer where the time was over, more where one warmed up longer
    seconds: float  # from its first worker to its last sample
    cooling_seconds: float = 0.0  # of them, that it waited because heat held the clocks of a GPU down
    windows: tuple[Window, ...]


class Training(Record, frozen=True, kw_only=True):
    """The training run behind the loss curve; `folder` is relative to the run's folder."""

    mode: str
    steps: int
    first_loss: float
    final_loss: float  # mean of the last hundred steps
    folder: str
