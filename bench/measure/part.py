"""One experiment of a run: repetition after repetition until it is enough, and what is measured apart once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import protocol
from bench.experiments.base import Experiment
from bench.launch.server import Server
from bench.machine.energy import Meter
from bench.measure import separate
from bench.measure.checks import Checks
from bench.measure.entry import NEW, Entries, Entry, ServerKey, Side
from bench.measure.process import LiveProcess
from bench.measure.repetition import Repetition, RoundsPlan
from bench.measure.same_model import Losses
from bench.measure.servers import AnyServer, plain
from bench.measure.settings import Settings
from bench.measure.standing import Standing
from bench.measure.time_spent import TimeSpent
from bench.recording.recorder import ExperimentRecorder
from bench.results.record import Failure, RepetitionRecord, SampleSize
from bench.results.schema import Stopping

# On a GPU a sample is five times as long as on a CPU, so the rounds of a repetition get this many times the seconds.
GPU_PATIENCE = 3

# Share of a repetition's time that passes before its rounds, and length of the passes apart in repetitions: for the
# display.
_SETUP_SHARE = 0.5
_PASSES = 0.8

Recorders = Mapping[Side, ExperimentRecorder]


@dataclass(frozen=True)
class Common:
    """What the experiments of a run share: who is told of progress, and what was found out once for all."""

    advance: Callable[[str, str, float], None]  # the experiment, a text, its share that is done, of a long stage
    stage: Callable[[str, str, float], None]  # the same, of a stage that begins
    milestone: Callable[[str, str, float], None]  # the same, of one that a log has too
    say: Callable[[str], None]
    save: Callable[[], None]
    time_spent: TimeSpent
    losses: dict[tuple[Side, int], Losses]  # eager's, by side and batch size
    contexts: Mapping[str, int | None]  # bytes that a process of a mode takes of a GPU
    capability: str | None
    tf32_on: bool
    profile: bool


class Part:
    """Measures one experiment, each side into its recorder. `done` once no further repetition is wanted."""

    def __init__(
        self, experiment: Experiment, settings: Settings, entries: Entries, recorders: Recorders, common: Common
    ) -> None:
        self.name = experiment.name
        self._measurements = experiment.measurements
        self._of_speed = experiment.of_speed
        self.preset = settings.preset
        self.done = False
        self._settings = settings
        self._entries = entries
        self._recorders = recorders
        self._common = common
        self._time_spent = common.time_spent
        self._standing = Standing(entries, recorders, settings.preset)
        self._checks = Checks(entries, recorders, settings.device, common.losses)
        self._sizes: dict[str, SampleSize] = {}
        self._seconds = 0.0
        self._shown = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether a case is left that can be measured."""
        return bool(self._standing.alive())

    def measure_repetition(self, number: int, servers: Mapping[ServerKey, AnyServer], server_seconds: float) -> None:
        """One repetition of the experiment. `server_seconds` is its share of what starting the servers took."""
        began, apart = time.monotonic(), 0.0
        repetition = Repetition(number, servers, self._entries, self._settings, self._fail)
        if number == 1:
            self._stage(1, "eager reference for the numerics check", 0.0)
            with self._time_spent.on("checks"):
                self._checks.train_references(repetition)
        groups = repetition.groups(self._standing.alive())
        for i, group in enumerate(groups):
            samples = self._time_group(repetition, group, (i / len(groups), (i + 1) / len(groups)))
            with self._time_spent.on("writing"):
                self._record(servers, repetition, samples, server_seconds + time.monotonic() - began - apart)
            # The reference and the A/A control, where they are in the next group too, live on.
            staying = [entry for entry in group if i + 1 < len(groups) and entry in groups[i + 1]]
            leaving = [entry for entry in group if entry not in staying]
            if number == 1:
                passes_began = time.monotonic()
                with self._time_spent.on("separate_measurements"):
                    self._measure_apart(repetition, leaving)
                apart += time.monotonic() - passes_began
            with self._time_spent.on("separate_measurements"):
                self._measure_of_cases(repetition, leaving)
            processes = self._ours(repetition, leaving)
            repetition.end_processes(but=staying)
            if number == 1:
                passes_began = time.monotonic()
                with self._time_spent.on("profiles"):
                    self._trace_graphs(repetition, processes)
                apart += time.monotonic() - passes_began
        with self._time_spent.on("separate_measurements"):
            self._measure_of_device(plain(servers, NEW), number)
        whole = server_seconds + time.monotonic() - began
        self._standing.add_repetition(whole - apart, repetition.rounds_seconds)
        self._seconds += whole
        if reason := self._standing.reason_to_stop(self._seconds):
            self.done = True
            for recorder in self._recorders.values():
                recorder.stopping = Stopping(reason=reason, seconds=self._seconds)

    def _time_group(self, repetition: Repetition, group: Sequence[Entry], shares: tuple[float, float]) -> int:
        """Time the cases whose workers live together, and return how many samples were planned.

        `shares` are where in the repetition's time that begins and ends.
        """
        begin, end = shares
        middle = begin + (end - begin) * _SETUP_SHARE
        first_calls = [entry for entry in group if not repetition.is_process(entry)]
        with self._time_spent.on("first_calls"):
            for i, entry in enumerate(first_calls):
                share = begin + (middle - begin) * (i + 1) / (len(first_calls) + 1)
                self._stage(repetition.number, f"first call {entry.name}", share)
                self._start(repetition, entry)
        if repetition.number == 1:
            self._stage(1, "numerics check", middle)
            with self._time_spent.on("checks"):
                self._checks.check(repetition)
        tell = self._common.stage if begin else self._common.milestone
        self._show(tell, repetition.number, f"timing {len(repetition.processes)} cases", middle)
        # The preset's seconds are those of a whole repetition with one side.
        patience = GPU_PATIENCE if self._settings.device == "gpu" else 1
        with self._time_spent.on("warm_up"):
            self._choose_sample_sizes(repetition)
            round_seconds = repetition.warm_up(self._sizes)
        samples = self._standing.samples(round_seconds, patience)
        seconds = self._settings.preset.rounds_seconds * patience * len(self._recorders) * (end - begin)

        def advance(done: int) -> None:
            share = middle + (end - middle) * min(1.0, done / samples)
            self._show(self._common.advance, repetition.number, f"round {done}/{max(done, samples)}", share)

        with self._time_spent.on("samples"):
            repetition.run_rounds(
                self._sizes, RoundsPlan(samples, seconds, self._settings.preset.least_rounds), advance
            )
        repetition.measure_memory(self._common.contexts, self._common.capability)
        return samples

    def _start(self, repetition: Repetition, entry: Entry) -> None:
        """Take the entry through its first call, unless it must not be, or is not the same model with TF32 off."""
        if not self._may_start(repetition, entry):
            return
        if repetition.number == 1 and self._common.tf32_on:
            with self._time_spent.on("checks"):
                if not self._checks.check_apart(repetition, entry):
                    return
            if not self._may_start(repetition, entry):  # and the GPU is looked at anew, without the check's worker
                return
        repetition.start(entry)

    def _may_start(self, repetition: Repetition, entry: Entry) -> bool:
        """Look at the GPU right before the entry's worker is started; False where it must not be."""
        reason = repetition.why_not(entry)
        if reason is None:
            return True
        recorder = self._recorders[entry.side]
        if recorder.record(entry.case).processes:  # what earlier repetitions measured stands
            self._common.say(f"{entry.name} is left out of repetition {repetition.number}: {reason}.")
        else:
            recorder.note(entry.case, skipped=reason)
        return False

    def _choose_sample_sizes(self, repetition: Repetition) -> None:
        """Let each case choose once; an A/A control, and the other side, take the size of the case they repeat."""
        for process in list(repetition.processes):
            name = process.entry.case.measured_as
            if name not in self._sizes and (size := repetition.calibrate(process)):
                self._sizes[name] = size
            self._recorders[process.entry.side].note(process.entry.case, sample_size=self._sizes.get(name))

    def _record(
        self, servers: Mapping[ServerKey, AnyServer], repetition: Repetition, samples: int, seconds: float
    ) -> None:
        """Save what the repetition has measured so far, each side in its own file."""
        processes = repetition.process_records()
        names = tuple(entry.name for entry in self._entries.all)
        for side, recorder in self._recorders.items():
            server = plain(servers, side)
            record = RepetitionRecord(
                repetition=repetition.number,
                server_seconds=server.ready.preload_seconds,
                start_method=server.start_method,
                unsound=server.unsound,
                cases=names,
                order=tuple(tuple(names.index(name) for name in order) for order in repetition.order),
                samples=samples,
                seconds=seconds,
                cooling_seconds=repetition.cooling_seconds,
                windows=tuple(repetition.windows),
            )
            ours = {entry.case.name: process for entry, process in processes.items() if entry.side == side}
            recorder.put_repetition(record, ours)
        self._common.save()

    def _measure_apart(self, repetition: Repetition, entries: Sequence[Entry]) -> None:
        """What is measured once, of the side that is measured for its own sake: latency, then profiles."""
        processes = self._ours(repetition, entries)
        recorder = self._recorders[NEW]
        self._stage(repetition.number, "latency of single steps", 1.0)
        for process in processes:
            latency = self._why_no_latency(process) or separate.measure_latency(repetition, process, self._settings)
            if isinstance(latency, str):
                recorder.note(process.entry.case, latency_reason=latency)
            else:
                recorder.note(process.entry.case, latency=latency)
        if Meter.has_something(self._settings.gpu if self._settings.device == "gpu" else None):
            self._stage(repetition.number, "power and energy", 1.0)
            for process in [process for process in processes if process in repetition.processes]:
                size = self._sizes[process.entry.case.measured_as]
                recorder.note(
                    process.entry.case, sustained=separate.sustain(repetition, process, self._settings, size.steps)
                )
        self._stage(repetition.number, "sample reconstructions", 1.0)
        for process in [process for process in processes if process in repetition.processes]:
            if repetition.takes(process, protocol.Reconstruct):
                recorder.note(process.entry.case, plot=separate.reconstruct(repetition, process, self._settings))
        if self._common.profile:
            self._stage(repetition.number, "profiles for TensorBoard", 1.0)
            for process in [process for process in processes if repetition.takes(process, protocol.TakeProfile)]:
                with self._time_spent.on("profiles"):
                    profile = separate.take_profile(repetition, process, self._settings)
                recorder.note(process.entry.case, profile=profile)

    def _why_no_latency(self, process: LiveProcess) -> str | None:
        if process.entry.case.control:
            return "an A/A control is no case of its own"
        return None if self._of_speed else "the experiment is not about speed"

    def _trace_graphs(self, repetition: Repetition, processes: Sequence[LiveProcess]) -> None:
        """Where asked, a second trace of what XLA compiled for a GPU, in workers that come after those of the group."""
        settings = self._settings
        if not (self._common.profile and settings.trace_cuda_graphs and settings.device == "gpu"):
            return
        self._stage(repetition.number, "profiles with CUDA graphs", 1.0)
        for process in [one for one in processes if one.is_compiled and repetition.takes(one, protocol.TakeProfile)]:
            case = process.entry.case
            profile = separate.take_profile_of_graphs(repetition, process, self._sizes[case.measured_as], settings)
            self._recorders[NEW].note(case, profile_of_graphs=profile)

    @staticmethod
    def _ours(repetition: Repetition, entries: Sequence[Entry]) -> list[LiveProcess]:
        """The living processes of these entries on the side that is measured for its own sake."""
        return [process for process in repetition.processes if process.entry.side == NEW and process.entry in entries]

    def _measure_of_cases(self, repetition: Repetition, entries: Sequence[Entry]) -> None:
        """What the experiment measures of its cases beside their steps, each alone."""
        for measurement in self._measurements:
            if measurement.of != "case":
                continue
            self._stage(repetition.number, measurement.says, 1.0)
            for process in self._ours(repetition, entries):
                case = process.entry.case
                if not measurement.applies(case):
                    continue
                if found := separate.measure_of_case(repetition, process, self._settings, self.name, measurement.name):
                    self._recorders[NEW].add_quantities(found, case)

    def _measure_of_device(self, server: Server, number: int) -> None:
        """The same of the device, while nobody else computes."""
        for measurement in self._measurements:
            if measurement.of != "device":
                continue
            self._stage(number, measurement.says, 1.0)
            found = separate.measure_of_device(server, number, self._settings, self.name, measurement.name)
            if isinstance(found, str):
                self._common.say(f"Repetition {number}: {measurement.says} could not be measured: {found}.")
            else:
                self._recorders[NEW].add_quantities(found, None)
                self._common.save()

    def _fail(self, entry: Entry, failure: Failure) -> None:
        self._recorders[entry.side].fail(entry.case, failure)

    def _stage(self, number: int, what: str, share: float) -> None:
        self._show(self._common.stage, number, what, share)

    def _show(self, show: Callable[[str, str, float], None], number: int, what: str, share: float) -> None:
        """Tell how far this is; what is expected may change, but the share that is done never falls."""
        looks, expected = self._settings.preset.looks, self._standing.expected_repetitions()
        most = str(looks[-1]) if len(looks) == 1 else f"{looks[0]}-{looks[-1]}"
        apart = _PASSES if number > 1 or share > 1 else 0.0
        self._shown = max(self._shown, min(0.99, (number - 1 + share + apart) / (max(expected, number) + _PASSES)))
        show(self.name, f"repetition {number}/{most}: {what}", self._shown)
