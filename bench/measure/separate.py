"""What is measured apart from the samples, each alone: latency, energy, profiles, training, and an experiment's own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench import protocol
from bench.launch.ranks import NOT_BY_TIME
from bench.launch.server import FailedServer, Server
from bench.launch.worker import WorkerFailed
from bench.machine.energy import Meter
from bench.measure import causes, occupancy
from bench.measure.process import LiveProcess
from bench.measure.repetition import Repetition
from bench.measure.settings import Settings
from bench.plan import strategies
from bench.profiles import cupti
from bench.results.record import Latency, Profile, Quantities, SampleSize, Sustained, Tracers, Training

LEAST_LATENCIES = 20  # a 95th percentile of fewer would be the slowest one
TRAINING_MODE = "function"
LEAST_TRACED_CALLS = 3  # of one alone nothing tells how far apart calls begin
TRACED_STEP_SECONDS = 1.0  # that a traced step may take, Python's calls in it and the writing of its events


def measure_latency(repetition: Repetition, process: LiveProcess, settings: Settings) -> Latency | str:
    """Time single synchronised steps of the process, or say why not: that costs the latency, not the case."""
    if process.prepared.steps_per_call > 1:
        return f"a call does {process.prepared.steps_per_call} steps"
    if strategies.ranks(process.entry.case) > 1:
        return NOT_BY_TIME
    preset = settings.preset
    request = protocol.MeasureLatency(steps=preset.latency_steps, seconds=preset.latency_seconds)
    seconds = settings.timeouts.request + preset.latency_seconds
    try:
        done = repetition.ask_afterwards(process, request, protocol.LatencyDone, seconds)
    except WorkerFailed as failure:
        return str(failure)
    return _latency(done.seconds)


def sustain(repetition: Repetition, process: LiveProcess, settings: Settings, steps: int) -> Sustained:
    """Let the process run samples of `steps` steps without a break, and ask the meters what that took."""
    if strategies.ranks(process.entry.case) > 1:
        return _not_sustained(NOT_BY_TIME)
    meter = Meter(settings.gpu if settings.device == "gpu" else None)
    request = protocol.Sustain(steps=steps, seconds=settings.preset.sustained_seconds)
    limit = settings.timeouts.request + settings.preset.sustained_seconds
    meter.begin()
    try:
        done = repetition.ask_afterwards(process, request, protocol.SustainDone, limit, meter.look)
    except WorkerFailed as failure:
        return _not_sustained(str(failure))
    return meter.end(done.steps, done.seconds)


def _not_sustained(reason: str) -> Sustained:
    return Sustained(
        steps=0,
        seconds=0.0,
        source=None,
        joules=None,
        joules_per_1000_steps=None,
        watts=None,
        utilisation=None,
        reason=reason,
    )


def measure_of_case(
    repetition: Repetition, process: LiveProcess, settings: Settings, experiment: str, name: str
) -> Quantities | None:
    """What an experiment measures beside steps in its worker; None where that fails, which costs only this."""
    request = _measure(settings, experiment, name, repetition.number)
    try:
        done = repetition.ask_afterwards(process, request, protocol.Measured, settings.timeouts.request)
    except WorkerFailed:
        return None
    return Quantities(name=name, repetition=repetition.number, values=done.values, reasons=done.reasons)


def measure_of_device(server: Server, number: int, settings: Settings, experiment: str, name: str) -> Quantities | str:
    """The same in a worker of its own, or why that is not known."""
    request = _measure(settings, experiment, name, number)
    log = settings.folder / "logs" / f"repetition-{number}" / f"{name}.log"
    try:
        done = ask_once(server, log, request, protocol.Measured, settings.timeouts.first_call)
    except WorkerFailed as failure:
        return _with_log(failure, log, settings)
    return Quantities(name=name, repetition=number, values=done.values, reasons=done.reasons)


def _measure(settings: Settings, experiment: str, name: str, repetition: int) -> protocol.Measure:
    return protocol.Measure(
        experiment=experiment,
        name=name,
        device=settings.device,
        tf32=settings.tf32,
        seed=settings.seed,
        repetition=repetition,
    )


@dataclass(frozen=True)
class Context:
    """Bytes that a process takes of a GPU without its tensors, None where `reason` says why.

    `blind` says that NVML did not list the process.
    """

    held_bytes: int | None
    reason: str | None = None
    blind: bool = False


def measure_context(server: Server, mode: str, settings: Settings) -> Context:
    """What a process takes of the GPU that does the same steps in this mode, less the tensors it has at most."""
    before = occupancy.baseline(settings.gpu)
    log = settings.folder / "logs" / f"context-{mode}.log"
    try:
        worker, _ = server.start_worker(log)
    except WorkerFailed as failure:
        return Context(None, str(failure))
    try:
        request = protocol.ProbeContext(mode=mode, tf32=settings.tf32, seed=settings.seed)
        held = worker.ask(request, protocol.ContextHeld, settings.timeouts.first_call)
        lost, reason = occupancy.nvml_used_bytes(settings.gpu, before)
        blind = occupancy.is_blind(settings.gpu)
    except WorkerFailed as failure:
        return Context(None, str(failure))
    finally:
        worker.end()
    if lost is None or held.tensors_bytes is None:
        return Context(None, reason or "the allocator keeps no statistics", blind)
    return Context(max(0, lost - held.tensors_bytes), None, blind)


def take_profile(repetition: Repetition, process: LiveProcess, settings: Settings) -> Profile:
    """Trace some steps of the process for TensorBoard. A trace that fails costs the profile, not the case."""
    plan = _TracePlan.of(process, settings, "")
    if process not in repetition.processes:
        return plan.failed("its worker failed in the latency pass")
    try:
        taken = repetition.ask_afterwards(process, plan.request(settings), protocol.ProfileTaken, plan.limit(settings))
    except WorkerFailed as failure:
        return plan.failed(str(failure))
    return plan.profile(taken, repetition.log(process.entry))


def take_profile_of_graphs(
    repetition: Repetition, process: LiveProcess, size: SampleSize, settings: Settings
) -> Profile:
    """The same in a worker of its own, in which XLA launches its CUDA graphs while it is traced.

    Some samples go before: XLA records a graph once its function was called a few times, and all else warms up too.
    """
    plan = replace(_TracePlan.of(process, settings, "-cuda-graphs"), cuda_graphs=True)
    log = repetition.log(process.entry, "cuda-graphs")
    prepare = protocol.Prepare(
        case=process.entry.case,
        device=settings.device,
        tf32=settings.tf32,
        seed=settings.seed,
        trace_cuda_graphs=True,
    )
    try:
        worker, _ = repetition.start_worker(process.entry, "cuda-graphs")
        try:
            worker.ask(prepare, protocol.Prepared, settings.timeouts.first_call)
            sample = protocol.RunSample(steps=size.steps, warmup_steps=size.warmup_steps)
            for _ in range(settings.preset.warmup_rounds):
                worker.ask(sample, protocol.SampleDone, settings.timeouts.request)
            taken = worker.ask(plan.request(settings), protocol.ProfileTaken, plan.limit(settings))
        finally:
            worker.end()
    except WorkerFailed as failure:
        return plan.failed(causes.with_cause(str(failure), failure.log or log, settings.device))
    return plan.profile(taken, log)


@dataclass(frozen=True)
class _TracePlan:
    """A trace that is to be taken: below which folder, of how many calls that do so many steps in all."""

    folder: Path
    calls: int
    steps: int
    tracers: Tracers
    cuda_graphs: bool | None  # None: a CPU, or nothing that XLA compiled

    @classmethod
    def of(cls, process: LiveProcess, settings: Settings, suffix: str) -> "_TracePlan":
        per_call = process.prepared.steps_per_call
        calls = max(LEAST_TRACED_CALLS, math.ceil(settings.preset.profile_steps / per_call))
        folder = Path("tensorboard") / (process.entry.case.file_name + suffix)
        graphs = False if settings.device == "gpu" and process.is_compiled else None
        return cls(folder, calls, calls * per_call, settings.tracers, graphs)

    def request(self, settings: Settings) -> protocol.TakeProfile:
        return protocol.TakeProfile(logdir=str(settings.folder / self.folder), calls=self.calls, tracers=self.tracers)

    def limit(self, settings: Settings) -> float:
        return settings.timeouts.request + TRACED_STEP_SECONDS * self.steps

    def failed(self, reason: str) -> Profile:
        return Profile(
            status="failed",
            folder=str(self.folder),
            steps=self.steps,
            reason=reason,
            tracers=self.tracers,
            cuda_graphs=self.cuda_graphs,
        )

    def profile(self, taken: protocol.ProfileTaken, log: Path) -> Profile:
        """What was taken, failed where it does not hold what it should."""
        wrong = _what_is_wrong(taken, self.calls, log, self.tracers)
        return Profile(
            status="failed" if wrong else "ok",
            folder=str(self.folder),
            steps=self.steps,
            step_markers=taken.step_markers,
            events=taken.events,
            device_events=taken.device_events,
            python_events=taken.python_events,
            reason=wrong,
            tracers=self.tracers,
            gpu=taken.gpu,
            gpu_reason=taken.gpu_reason,
            cuda_graphs=self.cuda_graphs,
        )


def reconstruct(repetition: Repetition, process: LiveProcess, settings: Settings) -> str | None:
    """Draw what the process has learnt by now, and say where; None where that fails, which costs only this."""
    plot = f"plots/cases/{process.entry.case.file_name}.png"
    request = protocol.Reconstruct(path=str(settings.folder / plot))
    try:
        repetition.ask_afterwards(process, request, protocol.Reconstructed, settings.timeouts.request)
    except WorkerFailed:
        return None
    return plot


def train(server: Server, settings: Settings) -> Training | str:
    """Train as the notebook does, for the loss curve and the reconstructions; or say why that failed."""
    steps = settings.preset.training_steps
    request = protocol.Train(
        folder=str(settings.folder / "plots"),
        steps=steps,
        mode=TRAINING_MODE,
        seed=settings.seed,
        device=settings.device,
        tf32=settings.tf32,
    )
    log = settings.folder / "logs" / "training.log"
    try:
        trained = ask_once(server, log, request, protocol.Trained, settings.timeouts.first_call + steps)
    except WorkerFailed as failure:
        return _with_log(failure, log, settings)
    return Training(
        mode=TRAINING_MODE,
        steps=steps,
        first_loss=trained.first_loss,
        final_loss=trained.final_loss,
        folder="plots",
    )


def ask_once(server: Server | FailedServer, log: Path, request: protocol.Message, expected: Any, seconds: float) -> Any:
    """Ask a worker of its own a single thing. Raises WorkerFailed."""
    worker, _ = server.start_worker(log)
    try:
        return worker.ask(request, expected, seconds)
    finally:
        worker.end()


def _with_log(failure: WorkerFailed, log: Path, settings: Settings) -> str:
    return f"{causes.with_cause(str(failure), log, settings.device)} (log: {log.relative_to(settings.folder)})"


def _latency(seconds: Sequence[float]) -> Latency | str:
    if len(seconds) < LEAST_LATENCIES:
        return f"{len(seconds)} steps in the time allowed, of {LEAST_LATENCIES} needed"
    percentiles = quantiles(seconds, n=100, method="inclusive")
    return Latency(
        steps=len(seconds),
        p50_seconds=percentiles[49],
        p95_seconds=percentiles[94],
        p99_seconds=percentiles[98] if len(seconds) >= 1_000 else None,
    )


def _what_is_wrong(taken: protocol.ProfileTaken, calls: int, log: Path, tracers: Tracers) -> str | None:
    if taken.events == 0:
        return "the trace is empty"
    if taken.step_markers < calls:
        return f"{taken.step_markers} step markers of {calls}"
    if taken.device_events == 0 and tracers.device:
        return cupti.explain(log.read_text(errors="replace") if log.is_file() else "")
    return None
