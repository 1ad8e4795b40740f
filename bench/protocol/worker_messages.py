"""What launcher and worker say to each other."""

from bench.plan.case import Case
from bench.protocol.message import Message
from bench.results.gpu_trace_record import GpuTrace
from bench.results.record import AppliedPolicy, Fact, Tracers


class WorkerReady(Message, frozen=True, kw_only=True):
    """The worker can take its first request."""

    protocol: int


class Probe(Message, frozen=True, kw_only=True):
    """Say what the framework sees; initialises the device."""


class Probed(Message, frozen=True, kw_only=True):
    """A framework's view of itself and its devices.

    `versions` are of itself and of what it was built against, None where it was built without; `facts` are whatever
    else speeds depend on, as they stand in a result.
    """

    framework: str  # its name as people write it
    versions: dict[str, str | None]
    gpu_build: bool
    gpus: list[str]
    pci_bus_ids: list[str]  # of the GPUs, in the same order; shorter where the framework does not say
    tf32: bool
    facts: dict[str, Fact]


class Join(Message, frozen=True, kw_only=True):
    """Take a place among the processes (ranks) that do a case together, and wait until all are there.

    Starts a server that listens on all interfaces of the host. Configures the device: the first request of a rank.
    """

    case: Case
    device: str  # cpu or gpu
    rank: int
    addresses: tuple[str, ...]  # host:port of every rank's server, in their order
    device_number: int  # among those that its process sees
    cores: tuple[int, ...]  # to be pinned to, one of them for a device; none: wherever the system runs it
    timeout_seconds: float  # after which a collective operation fails that not all ranks take part in


class Joined(Message, frozen=True, kw_only=True):
    """All ranks are there; `seconds` is how long that took, TensorFlow's start included."""

    seconds: float


class Prepare(Message, frozen=True, kw_only=True):
    """Take one case as far as its second step.

    Configures the device, unless the worker has joined others: the first request that a worker gets.
    """

    case: Case
    device: str  # cpu or gpu
    tf32: bool | None  # None leaves TensorFlow's default
    seed: int
    cores: tuple[int, ...] = ()  # as in Join
    weights: str | None = None  # a file of the first weights, for a framework that cannot draw them itself
    trace_cuda_graphs: bool = False  # XLA launches its CUDA graphs also while it is traced, which it does not by itself


class SaveWeights(Message, frozen=True, kw_only=True):
    """Draw the first weights from the seed, and save them in `path`, as NumPy's savez does, in the order of updates.

    Configures the device, so it can only be the first request a worker gets.
    """

    path: str
    seed: int
    device: str


class WeightsSaved(Message, frozen=True, kw_only=True):
    """The file is there."""


class Prepared(Message, frozen=True, kw_only=True):
    """What the first call cost, in seconds, part by part; None where a mode has no such part."""

    device_init_seconds: float
    trace_seconds: float | None
    compile_seconds: float | None
    first_step_seconds: float
    input_init_seconds: float
    device: str  # where the loss was computed, in TensorFlow's words
    tf32: bool
    model_bytes: int
    data_bytes: int
    bus_bytes: int | None  # that a step's input moves to the GPU; None on a CPU
    policy: AppliedPolicy | None  # None on a CPU
    steps_per_call: int
    pinned_cores: tuple[int, ...] = ()  # where it was pinned, as the system says it is


class Check(Message, frozen=True, kw_only=True):
    """Go on training on the fixed batches, up to `steps` in all since the start."""

    steps: int


class Checked(Message, frozen=True, kw_only=True):
    """The losses of all steps since the start, or the means of `mean_of` of them each.

    None for one that is no number, which JSON cannot say.
    """

    losses: list[float | None]
    mean_of: int


class Calibrate(Message, frozen=True, kw_only=True):
    """Choose the steps of a sample."""


class Calibrated(Message, frozen=True, kw_only=True):
    """Steps in a sample, and untimed steps before it."""

    steps: int
    warmup_steps: int


class RunSample(Message, frozen=True, kw_only=True):
    """Time one sample."""

    steps: int
    warmup_steps: int


class SampleDone(Message, frozen=True, kw_only=True):
    """Seconds of the whole sample; `traces` counts how often the step was traced since the start."""

    seconds: float
    traces: int


class ReadMemory(Message, frozen=True, kw_only=True):
    """Read the allocator's statistics; with `reset` their peak begins anew."""

    reset: bool


class MemoryRead(Message, frozen=True, kw_only=True):
    """Bytes in use by tensors on the GPU; None on a CPU."""

    current_bytes: int | None
    peak_bytes: int | None


class ProbeContext(Message, frozen=True, kw_only=True):
    """Do one step of the model, under growth: hold what every process holds, and of tensors only what growth needs.

    Configures the device, so it can only be the first request a worker gets.
    """

    mode: str
    tf32: bool | None
    seed: int


class ContextHeld(Message, frozen=True, kw_only=True):
    """The step is done, and the process goes on holding; `tensors_bytes` is the allocator's peak, None without one."""

    tensors_bytes: int | None


class Sustain(Message, frozen=True, kw_only=True):
    """Run steps without a break for so many seconds, a sample of `steps` at a time."""

    steps: int
    seconds: float


class SustainDone(Message, frozen=True, kw_only=True):
    """Steps done, and the seconds they took."""

    steps: int
    seconds: float


class Measure(Message, frozen=True, kw_only=True):
    """Measure what an experiment measures beside steps, by its name there.

    Of a device it is the first request a worker gets, and configures it; of a case the worker was prepared before.
    """

    experiment: str
    name: str
    device: str
    tf32: bool | None
    seed: int
    repetition: int


class Measured(Message, frozen=True, kw_only=True):
    """Named quantities, and why there is none, by the beginning of the names that are missing."""

    values: dict[str, float]
    reasons: dict[str, str]


class MeasureLatency(Message, frozen=True, kw_only=True):
    """Time single steps, each followed by a synchronisation, until one of the bounds is reached."""

    steps: int
    seconds: float


class LatencyDone(Message, frozen=True, kw_only=True):
    """Seconds of each step."""

    seconds: list[float]


class TakeProfile(Message, frozen=True, kw_only=True):
    """Trace some calls for TensorBoard into `logdir`."""

    logdir: str
    calls: int
    tracers: Tracers


class ProfileTaken(Message, frozen=True, kw_only=True):
    """What the trace was found to hold. `device_events` is None on a CPU, which has none of its own."""

    step_markers: int
    events: int
    device_events: int | None
    python_events: int
    gpu: GpuTrace | None  # None on a CPU, or where `gpu_reason` says why
    gpu_reason: str | None


class Reconstruct(Message, frozen=True, kw_only=True):
    """Draw some test images, and below them what the weights make of them now, into the PNG file `path`."""

    path: str


class Reconstructed(Message, frozen=True, kw_only=True):
    """The plot is there."""


class Train(Message, frozen=True, kw_only=True):
    """Train afresh from the seed, as the notebook does, and leave its plots and losses in `folder`.

    Configures the device, so it can only be the first request a worker gets.
    """

    folder: str
    steps: int
    mode: str
    seed: int
    device: str
    tf32: bool | None


class Trained(Message, frozen=True, kw_only=True):
    """Loss of the first step, and the mean of the last hundred."""

    first_loss: float
    final_loss: float


WorkerRequest = (
    Probe
    | Join
    | Prepare
    | SaveWeights
    | ProbeContext
    | Check
    | Calibrate
    | RunSample
    | ReadMemory
    | Sustain
    | Measure
    | MeasureLatency
    | TakeProfile
    | Reconstruct
    | Train
)
