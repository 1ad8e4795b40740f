"""One repetition: a fresh worker for every case, alive together, measured in interleaved rounds."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bench import protocol
from bench.launch import ranks
from bench.launch.ranks import Ranks
from bench.launch.server import FailedServer, Server
from bench.launch.worker import Worker, WorkerFailed
from bench.machine import interference, interrupts, nvml, telemetry
from bench.measure import applied, causes, cooling, occupancy, same_model
from bench.measure.entry import Entries, Entry, ServerKey
from bench.measure.occupancy import Baseline
from bench.measure.process import LiveProcess, record
from bench.measure.same_model import Losses
from bench.measure.servers import AnyServer, logs_folder
from bench.measure.settings import Settings
from bench.plan import memory_policy, strategies
from bench.plan.case import is_same_model
from bench.results import estimates
from bench.results.record import (
    DeviceMemory,
    Failure,
    FailureStatus,
    ProcessRecord,
    SameModel,
    SampleSize,
    Window,
)
from bench.stats import steady_state

Answer = TypeVar("Answer")


# A slow machine gets so many times the seconds that rounds may take, to do the rounds without which it cannot be told
# whether a case is warm.
MOST_ROUNDS_TIMES = 3


@dataclass(frozen=True)
class RoundsPlan:
    """How many samples are wanted of each case, and after how many seconds no further round begins.

    The first `least` rounds may take MOST_ROUNDS_TIMES as long.
    """

    samples: int
    seconds: float
    least: int

    def is_over(self, rounds: int, spent: float) -> bool:
        """Whether no further round may begin after so many, which took so many seconds: one is kept in any case."""
        times = MOST_ROUNDS_TIMES if rounds < self.least else 1
        return rounds > 0 and spent > times * self.seconds


class Repetition:
    """One repetition's workers. A case whose worker fails leaves it, is reported, and the others go on."""

    def __init__(
        self,
        number: int,
        servers: Mapping[ServerKey, AnyServer],
        entries: Entries,
        settings: Settings,
        report: Callable[[Entry, Failure], None],
    ) -> None:
        self.number = number
        self.processes: list[LiveProcess] = []
        self.order: list[tuple[str, ...]] = []
        self.windows: list[Window] = []
        self.rounds_seconds = 0.0
        self.cooling_seconds = 0.0
        self._baseline: Baseline | None = None
        self._shuffler = random.Random(f"{settings.seed}/{number}")
        self._servers = servers
        self._entries = entries
        self._settings = settings
        self._report = report

    def groups(self, alive: Sequence[Entry]) -> list[list[Entry]]:
        """The entries whose workers live at the same time; one by one, in random order, where the device admits one."""
        if self._settings.interleaved:
            return self._entries.groups(alive, self._settings.most_alive)
        return [[entry] for entry in self._shuffler.sample(alive, len(alive))]

    def why_not(self, entry: Entry) -> str | None:
        """Why the entry must not be started on this GPU, which somebody else may be using; None where it may.

        Takes the baseline that what its worker takes of the GPU is held against: to be asked right before `start`.
        """
        if not self._settings.alone:
            return None
        self._baseline = occupancy.baseline(self._settings.gpu)
        if (
            self._settings.allow_shared
            or not memory_policy.parse(entry.case.memory).reserves
            or self._baseline.exclusive
        ):
            return None
        others = "others are on the GPU" if self._baseline.exclusive is False else "NVML cannot tell who is on the GPU"
        return f"{others}, and this policy could take their memory: run it with --allow-shared, or when they are gone"

    def start(self, entry: Entry) -> None:
        """Start the entry's worker and take it through its first call, while all others are stopped."""
        try:
            worker, ready_seconds = self.start_worker(entry)
        except WorkerFailed as failure:
            self._fail(entry, "failed", str(failure), failure.log or self.log(entry))
            return
        try:
            prepared = self._prepare(worker, entry, self._settings.tf32)
        except WorkerFailed as failure:
            worker.end()
            self._fail(entry, "failed", str(failure), worker.log)
            return
        process = LiveProcess(entry, worker, ready_seconds, prepared)
        worker.stop()
        self.processes.append(process)
        if prepared.policy:
            self._drop_if(process, applied.by_settings(memory_policy.parse(entry.case.memory), prepared.policy))

    def start_worker(self, entry: Entry, part: str = "") -> tuple[Worker | Ranks, float]:
        """A worker for the entry, or as many as it has ranks, and the seconds until it could take its first request.

        Raises WorkerFailed.
        """
        server, settings, case = self._servers[entry.server], self._settings, entry.case
        if isinstance(server, FailedServer) or case.strategy != strategies.MULTI_WORKER:
            return server.start_worker(self.log(entry, part))
        members = (
            settings.job.members(server.start_worker, self.number, settings.timeouts)
            if settings.job
            else ranks.on_this_host(server, strategies.ranks(case), settings.device, settings.device_cores)
        )

        def log(rank: int) -> Path:
            return self.log(entry, "-".join(filter(None, (part, f"rank-{rank}"))))

        return ranks.start(members, case, settings.device, log, settings.timeouts)

    def takes(self, process: LiveProcess, request: type[protocol.Message]) -> bool:
        """Whether the process's framework has an answer to such a request."""
        server = self._servers[process.entry.server]
        return isinstance(server, Server) and request.__name__ in server.ready.answers

    def is_process(self, entry: Entry) -> bool:
        """Whether the entry's worker is alive in this repetition."""
        return any(process.entry == entry for process in self.processes)

    def losses_apart(self, entry: Entry, steps: int) -> protocol.Checked:
        """Losses of the first batches, from a worker of its own with TF32 off. Raises WorkerFailed."""
        worker, _ = self.start_worker(entry, "check")
        try:
            self._prepare(worker, entry, tf32=False)
            return self._losses(worker, steps)
        finally:
            worker.end()

    def check_apart(self, entry: Entry, reference: Losses) -> SameModel | None:
        """Hold the entry's losses with TF32 off against the reference's; a mismatch or a failure is reported."""
        log = self.log(entry, "check")
        try:
            found = self.losses_apart(entry, len(reference))
        except WorkerFailed as failure:
            self._fail(entry, "failed", str(failure), failure.log or log)
            return None
        result = same_model.compare(found.losses, reference, self._settings.device, False, found.mean_of)
        if not result.passed:
            self._fail(entry, "mismatch", same_model.explain(result), log)
        return result

    def check(self, process: LiveProcess, reference: Losses) -> tuple[SameModel, Losses] | None:
        """Hold the process's losses, as it will be timed, against the reference's; a mismatch ends the process.

        Returns the losses too.
        """
        found = self._with(process, lambda process: self._losses(process.worker, len(reference)))
        if found is None:
            return None
        tf32 = process.prepared.tf32
        judged = is_same_model(process.entry.case)
        result = same_model.compare(found.losses, reference, self._settings.device, tf32, found.mean_of, judged)
        if result.passed is False:
            self._drop(process, "mismatch", same_model.explain(result))
        return result, found.losses

    def calibrate(self, process: LiveProcess) -> SampleSize | None:
        """Let the process choose the size of its samples; None where it fails."""
        seconds = self._settings.timeouts.request
        chosen = self._with(
            process, lambda process: process.worker.ask(protocol.Calibrate(), protocol.Calibrated, seconds)
        )
        return chosen and SampleSize(
            steps=chosen.steps, warmup_steps=chosen.warmup_steps, steps_per_call=process.prepared.steps_per_call
        )

    def warm_up(self, sizes: Mapping[str, SampleSize]) -> float:
        """Some rounds that are not kept; returns the seconds that one took."""
        seconds = []
        for _ in range(self._settings.preset.warmup_rounds):
            began = time.monotonic()
            self._round(sizes, None)
            seconds.append(time.monotonic() - began)
        for process in list(self.processes):
            self._read_memory(process, reset=True)
        return max(1e-6, min(seconds))  # a worker that hung is not there any more; no time at all, where nobody is left

    def run_rounds(self, sizes: Mapping[str, SampleSize], plan: RoundsPlan, advance: Callable[[int], None]) -> None:
        """Time one sample of every process a round, in random seeded order.

        Goes on until every process has the samples that are planned after those that were its warm-up; ends in any case
        when the plan's time is over, never by a verdict. `advance` is told how many rounds are done so far.
        """
        watch = interference.Watch([pid for process in self.processes for pid in process.worker.pids])
        first, spent, bits = len(self.order), 0.0, None
        while self.processes and len(self.order) - first < self._samples_wanted(plan.samples, first):
            # Groups share the workers of the reference, and so the count of rounds; one by one they share nothing.
            number = len(self.order) - (0 if self._settings.interleaved else first)
            if plan.is_over(len(self.order) - first, spent):
                break
            self._cool_down(bits, watch)
            began, stopped, alive = time.monotonic(), interrupts.stopped_seconds(), len(self.processes)
            self.order.append(self._round(sizes, number))
            if interrupts.stopped_seconds() > stopped:
                watch.skip()  # nobody's time but that of whoever stopped this process
            elif len(self.processes) == alive:
                spent += time.monotonic() - began
                last = [pair for process in self.processes for pair in process.readings[-1:]]
                watch.after_round(number, bits := telemetry.throttle_bits(last))
            else:
                watch.skip()  # waiting for a worker that hangs is not the others' time
            advance(len(self.order) - first)
        watch.close()
        self.windows += watch.windows
        self.rounds_seconds += spent

    def measure_memory(self, contexts: Mapping[str, int | None], capability: str | None) -> None:
        """Take down what each process holds of a GPU's memory; a policy that the figures contradict ends its process.

        `contexts` are the bytes of a process beside its tensors, mode by mode.
        """
        for process in list(self.processes):
            read = self._read_memory(process, reset=False)
            if read is None:
                continue
            tensors = read.current_bytes, read.peak_bytes
            if self._baseline is None:
                reason = "other workers are on the GPU: only a process that has it to itself can tell"
                process.memory = DeviceMemory(tensors_bytes=tensors[0], tensors_peak_bytes=tensors[1], reason=reason)
                continue
            case = process.entry.case
            process.memory = occupancy.take(self._settings.gpu, self._baseline, contexts.get(case.mode), tensors)
            self._drop_if(process, applied.by_figures(memory_policy.parse(case.memory), process.memory, capability))

    def process_records(self) -> dict[Entry, ProcessRecord]:
        """The record of every living process that has timed samples."""
        return {process.entry: self._process(process) for process in self.processes if process.rounds}

    def ask_afterwards(
        self,
        process: LiveProcess,
        request: protocol.Message,
        expected: Any,
        seconds: float,
        meanwhile: Callable[[], None] | None = None,
    ) -> Any:
        """Ask a process whose samples are done; where that fails it goes, and its case stands. Raises WorkerFailed."""
        process.worker.resume()
        try:
            answer = process.worker.ask(request, expected, seconds, meanwhile)
        except WorkerFailed:
            self.processes.remove(process)
            process.worker.end()
            raise
        process.worker.stop()
        return answer

    def end_processes(self, but: Sequence[Entry] = ()) -> None:
        """End the workers, to make room for the next group's, except those of these entries."""
        for process in self.processes:
            if process.entry not in but:
                process.worker.end()
        self.processes = [process for process in self.processes if process.entry in but]

    def log(self, entry: Entry, part: str = "") -> Path:
        """The file that the output of an entry's worker goes to."""
        name = "-".join(filter(None, [entry.case.file_name, part]))
        return logs_folder(self._settings.folder, self.number, entry.side) / f"{name}.log"

    def _process(self, process: LiveProcess) -> ProcessRecord:
        found = steady_state.find(self._log_ratios(process))
        start_method = self._servers[process.entry.server].start_method
        return record(process, self.number, start_method, found, self._settings.preset.warmup_rounds)

    def _samples_wanted(self, samples: int, first: int) -> int:
        """Rounds of this group, by what is known so far."""
        if len(self.order) - first < samples:
            return samples
        return max(steady_state.samples_wanted(self._log_ratios(process), samples) for process in self.processes)

    def _log_ratios(self, process: LiveProcess) -> list[float]:
        """Within-round log ratios to the reference of the process's side, or of that to what repeats it."""
        reference = self._entries.reference_of(process.entry.side)
        others = [other for other in self.processes if other is not process]
        if process.entry == reference:
            others = [other for other in others if other.entry.case.measured_as == reference.case.measured_as]
        else:
            others = [other for other in others if other.entry == reference]
        return estimates.within_rounds(process, others[0]) if others else []

    def _round(self, sizes: Mapping[str, SampleSize], number: int | None) -> tuple[str, ...]:
        order = self._shuffler.sample(self.processes, len(self.processes))
        gpu = self._settings.gpu

        def sample(process: LiveProcess) -> None:
            size = sizes[process.entry.case.measured_as]
            request = protocol.RunSample(steps=size.steps, warmup_steps=size.warmup_steps)
            before = gpu.read()
            done = process.worker.ask(request, protocol.SampleDone, self._settings.timeouts.request)
            after = gpu.read()
            if done.traces > 1:
                raise WorkerFailed(f"was traced {done.traces} times: its samples would time tracing, not steps")
            if number is not None:
                process.rounds.append(number)
                # To a picosecond: more digits than that would only make the file longer.
                process.seconds_per_step.append(round(done.seconds / size.steps, 12))
                process.readings.append((before, after))

        for process in order:
            self._with(process, sample)
        return tuple(process.entry.name for process in order if process in self.processes)

    def _cool_down(self, bits: int | None, watch: interference.Watch) -> None:
        """After a round in which heat held the clocks down, wait before the next, while all workers are stopped."""
        left = cooling.MOST_SECONDS - self.cooling_seconds
        if not nvml.is_hot(bits) or left <= 0:
            return
        watch.close()
        self.cooling_seconds += cooling.wait(self._settings.gpu, left)
        watch.skip()

    def _with(self, process: LiveProcess, action: Callable[[LiveProcess], Answer]) -> Answer | None:
        """Let only this process run while `action` asks it something; None where it fails and is dropped."""
        process.worker.resume()
        try:
            answer = action(process)
        except WorkerFailed as failure:
            self._drop(process, "failed", str(failure))
            return None
        process.worker.stop()
        return answer

    def _read_memory(self, process: LiveProcess, reset: bool) -> protocol.MemoryRead | None:
        """The process's allocator statistics; nothing is asked of one on a CPU."""
        if self._settings.device != "gpu":
            return None
        request, seconds = protocol.ReadMemory(reset=reset), self._settings.timeouts.request
        read: protocol.MemoryRead | None = self._with(
            process, lambda process: process.worker.ask(request, protocol.MemoryRead, seconds)
        )
        return read

    def _drop_if(self, process: LiveProcess, contradiction: str | None) -> None:
        """A policy that is not applied makes no figure."""
        if contradiction is not None and process in self.processes:
            self._drop(process, "not-applied", contradiction)

    def _drop(self, process: LiveProcess, status: FailureStatus, reason: str) -> None:
        self.processes.remove(process)
        process.worker.end()
        self._fail(process.entry, status, reason, process.worker.log)

    def _fail(self, entry: Entry, status: FailureStatus, reason: str, log: Path) -> None:
        relative = str(log.relative_to(self._settings.folder))
        if status == "failed":
            reason = causes.with_cause(reason, log, self._settings.device)
        self._report(entry, Failure(status=status, reason=reason, repetition=self.number, log=relative))

    def _prepare(self, worker: Worker | Ranks, entry: Entry, tf32: bool | None) -> protocol.Prepared:
        settings, case = self._settings, entry.case
        cores = settings.device_cores[: strategies.devices_of_a_rank(case)]
        request = protocol.Prepare(
            case=case,
            device=settings.device,
            tf32=tf32,
            seed=settings.seed,
            cores=cores,
            weights=None if settings.weights is None else str(settings.weights),
        )
        prepared: protocol.Prepared = worker.ask(request, protocol.Prepared, settings.timeouts.first_call)
        return prepared

    def _losses(self, worker: Worker | Ranks, steps: int) -> protocol.Checked:
        checked: protocol.Checked = worker.ask(
            protocol.Check(steps=steps), protocol.Checked, self._settings.timeouts.request
        )
        return checked
