"""The result file's types: pytest-benchmark's document, and the section that says what it cannot."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from bench.plan.case import Case
from bench.plan.preset import Preset
from bench.results.base import Record
from bench.results.record import (
    Fact,
    Failure,
    Latency,
    ProcessInfo,
    Profile,
    Quantities,
    RepetitionRecord,
    SameModel,
    SampleSize,
    Sustained,
    Training,
)
from bench.results.warning import RunWarning

# 1.0: first version.
# 1.1: facts about the machine; skipped cases and policies not applied; memory of the host and of a GPU, the policy
#      applied, telemetry and energy; input pipelines alone and what they cost; where the time went.
# 2.0: several experiments in one result, each with its own repetitions, cases and control (bench/results/upgrade.py).
# 2.1: what xprof reads in each trace, how much it traced, the loss after the check, the command.
# 2.2: input pipelines alone in every repetition; warnings of noise and of warm-up that could not be checked.
# 2.3: traces by steps where a call does many; a GPU's trace itself, with CUDA graphs too; what launching, waiting and
#      copying cost; pauses for cooling.
# 3.0: what an experiment measures beside steps and what it makes of it are data: named quantities and figures.
# 3.1: warnings with their cases or causes, and counts; no latency of A/A controls, nor of what is not about speed.
# 3.2: cases of several devices, with the cores that they were pinned to; figures that are ratios.
# 3.3: the precision, framework and environment of a case; no limit where it is another model on purpose; losses as
#      quantities.
SCHEMA_VERSION = "3.3"

# Of a case with an input pipeline: the share of a step that is lost against the same mode with a resident batch.
INPUT_OVERHEAD = "input_overhead_share"


class Estimate(Record, frozen=True, kw_only=True):
    """A figure with its interval; `value`, `low` and `high` are None where `reason` says why."""

    value: float | None
    low: float | None
    high: float | None
    confidence: float | None
    repetitions: int
    reason: str | None = None


class ExtraInfo(Record, frozen=True, kw_only=True):
    """What a case's entry says beyond pytest-benchmark's statistics. The ratio is eager's time over this case's.

    The processes' samples stand in `stats.data`, one for each of their `rounds`, process by process.
    """

    case: Case
    sample_size: SampleSize
    processes: tuple[ProcessInfo, ...]
    steps_per_second: Estimate
    ratio_to_reference: Estimate  # this case's time over the reference's
    speedup_over_eager: Estimate
    same_model: tuple[SameModel, ...]
    same_model_reason: str | None
    latency: Latency | None
    latency_reason: str | None
    profile: Profile | None
    profile_of_graphs: Profile | None = None  # a second trace, with XLA's CUDA graphs
    sustained: Sustained | None = None
    quantities: tuple[Quantities, ...] = ()  # what its experiment measured beside steps, repetition by repetition
    # What its experiment makes of that, by names that end in their unit (bench/results/units.py).
    figures: dict[str, Estimate] = msgspec.field(default_factory=dict)


class Stats(Record, frozen=True, kw_only=True):
    """pytest-benchmark's statistics, in seconds per step; `data` in time order; `iterations` is steps per sample."""

    min: float
    max: float
    mean: float
    stddev: float
    rounds: int
    median: float
    iqr: float
    q1: float
    q3: float
    iqr_outliers: int
    stddev_outliers: int
    outliers: str
    ld15iqr: float
    hd15iqr: float
    ops: float
    total: float
    data: tuple[float, ...]
    iterations: int


class Benchmark(Record, frozen=True, kw_only=True):
    """One case that was measured."""

    group: str | None
    name: str
    fullname: str
    params: dict[str, Any] | None
    param: str | None
    extra_info: ExtraInfo
    options: dict[str, Any]
    stats: Stats


class CaseStatus(Record, frozen=True, kw_only=True):
    """How each case of the run ended."""

    name: str
    status: Literal["measured", "failed", "mismatch", "not-applied", "skipped", "unfinished"]
    failure: Failure | None
    skipped: str | None = None  # why, where it was


class Device(Record, frozen=True, kw_only=True):
    """What was computed on, and why that. `gpus` are the names TensorFlow gives."""

    kind: Literal["cpu", "gpu"]
    why: str
    requested: str
    name: str
    gpus: tuple[str, ...]
    driver: str | None  # of the GPU; None on a CPU, or where NVML does not say
    power_limit_watts: float | None
    environment: dict[str, str]  # variables that change what is measured, as the workers had them
    tf32: bool | None


class Software(Record, frozen=True, kw_only=True):
    """Versions that matter for speed; those of CUDA and cuDNN are what TensorFlow was built against."""

    suite: str
    python: str
    tensorflow: str | None
    keras: str | None
    numpy: str | None
    cuda_build: bool | None
    cuda: str | None
    cudnn: str | None


class Data(Record, frozen=True, kw_only=True):
    """What the model was trained on; `sha256` stands for all four files."""

    source: str
    sha256: str
    train_images: int
    test_images: int
    note: str | None


class Workload(Record, frozen=True, kw_only=True):
    """What a step is; two results are comparable only where `sha256` and the data's agree."""

    sha256: str
    parameters: dict[str, Any]


class Fingerprint(Record, frozen=True, kw_only=True):
    """What a speed depends on beside the workload, by name; `sha256` stands for all of it.

    Results of the same `hardware` get a verdict, those of other hardware a table of ratios.
    """

    hardware: dict[str, str | int | float | None]
    software: dict[str, str | int | float | None]
    sha256: str


class Plan(Record, frozen=True, kw_only=True):
    """What was asked for; `preset` is its name, and what it means for each experiment stands there."""

    preset: str
    only: tuple[str, ...]
    seed: int
    label: str | None
    command: str | None = None  # that measures the same again, without folders and files; None: an older version


class Pairing(Record, frozen=True, kw_only=True):
    """Which part of a side-by-side run this is: two files with the same `id` were measured in the same rounds."""

    id: str
    side: Literal["base", "new"]
    label: str


StopReason = Literal["fixed", "width", "time", "repetitions", "no_case_left"]


class Stopping(Record, frozen=True, kw_only=True):
    """Why measuring ended, and after how many seconds.

    fixed: the preset has that many repetitions; width: every interval was narrow enough; time: the preset's seconds
    were over; repetitions: the most the preset allows; no_case_left: all that are judged failed.
    """

    reason: StopReason
    seconds: float


class Control(Record, frozen=True, kw_only=True):
    """The reference against its own second process: how far two measurements of the same thing lie apart.

    The ratio is the A/A control's time over the reference's; `unstable` means that its interval excludes 1.
    """

    ratio: Estimate
    unstable: bool | None


class ExperimentRecord(Record, frozen=True, kw_only=True):
    """One experiment of the run: how it was measured, and how it ended. `reference` is a case's name in it."""

    name: str
    preset: Preset
    reference: str
    interleaved: bool  # False: cases ran one after another, so drift is in their ratios
    repetitions: tuple[RepetitionRecord, ...]
    cases: tuple[CaseStatus, ...]
    stopping: Stopping | None  # None: it did not come to its end
    control: Control
    quantities: tuple[Quantities, ...] = ()  # of the device, repetition by repetition


Status = Literal["complete", "running", "interrupted", "failed"]


class Section(Record, frozen=True, kw_only=True):
    """Everything that pytest-benchmark's format has no place for."""

    schema_version: str
    status: Status
    status_reason: str | None  # why the run failed
    plan: Plan
    device: Device
    software: Software
    fingerprint: Fingerprint
    data: Data
    workload: Workload
    pairing: Pairing | None  # None: no side-by-side run
    experiments: tuple[ExperimentRecord, ...]
    warnings: tuple[RunWarning, ...]
    training: Training | None
    training_reason: str | None  # why there is none
    # Seconds by stage (bench/measure/time_spent.py): what is not in samples is the price of measuring.
    time_spent: dict[str, float] = msgspec.field(default_factory=dict)
    # Of the machine, group by group: gpu, cpu, memory, system, ...
    facts: dict[str, dict[str, Fact]] = msgspec.field(default_factory=dict)


class Document(Record, frozen=True, kw_only=True):
    """A result file. `machine_info.node` is empty unless a label was given: results travel."""

    machine_info: dict[str, Any]
    commit_info: dict[str, Any]
    benchmarks: tuple[Benchmark, ...]
    autoencoder_bench: Section
    datetime: str
    version: str

    def parts(self) -> Iterator["Document"]:
        """For each experiment, the same document with nothing of the others."""
        for experiment in self.autoencoder_bench.experiments:
            yield msgspec.structs.replace(
                self,
                benchmarks=tuple(b for b in self.benchmarks if b.extra_info.case.experiment == experiment.name),
                autoencoder_bench=msgspec.structs.replace(
                    self.autoencoder_bench,
                    experiments=(experiment,),
                    warnings=tuple(w for w in self.autoencoder_bench.warnings if w.experiment == experiment.name),
                ),
            )

    @property
    def experiment(self) -> ExperimentRecord:
        """The only experiment of this document. Raises ValueError where there are several."""
        (found,) = self.autoencoder_bench.experiments
        return found
