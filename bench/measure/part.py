"""One experiment of a run: cohort after cohort until it is enough, and what is measured apart once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.experiments.base import Experiment
from bench.machine.energy import Meter
from bench.measure import passes
from bench.measure.checks import Checks
from bench.measure.cohort import Cohort, RoundsPlan
from bench.measure.entry import NEW, Entries, Entry, Side
from bench.measure.launcher import Server
from bench.measure.member import Member
from bench.measure.same_model import Losses
from bench.measure.settings import Settings
from bench.measure.spending import Spending
from bench.measure.standing import Standing
from bench.recording.recorder import ExperimentRecorder
from bench.results.record import BlockSize, CohortRecord, Failure
from bench.results.schema import Stopping

# On a GPU a block is five times as long as on a CPU, so the rounds of a cohort get this many times the seconds.
GPU_PATIENCE = 3

# Share of a cohort's time that passes before its rounds, and length of the passes apart in cohorts: for the display.
_SETUP_SHARE = 0.5
_PASSES = 0.8

Recorders = Mapping[Side, ExperimentRecorder]


@dataclass(frozen=True)
class Common:
    """What the experiments of a run share: who is told of progress, and what was found out once for all."""

    advance: Callable[[str, str, float], None]  # the experiment, a text, its share that is done, of a long stage
    stage: Callable[[str, str, float], None]  # the same, of a stage that begins
    say: Callable[[str], None]
    save: Callable[[], None]
    spending: Spending
    losses: dict[tuple[Side, int], Losses]  # eager's, by side and batch size
    contexts: Mapping[str, int | None]  # bytes that a process of a mode takes of a card
    capability: str | None
    tf32_on: bool
    profile: bool


class Part:
    """Measures one experiment, each side into its recorder. `done` once no further cohort is wanted."""

    def __init__(
        self, experiment: Experiment, settings: Settings, entries: Entries, recorders: Recorders, common: Common
    ) -> None:
        self.name = experiment.name
        self._measurements = experiment.measurements
        self.preset = settings.preset
        self.done = False
        self._settings = settings
        self._entries = entries
        self._recorders = recorders
        self._common = common
        self._spending = common.spending
        self._standing = Standing(entries, recorders, settings.preset)
        self._checks = Checks(entries, recorders, settings.device, common.losses)
        self._sizes: dict[str, BlockSize] = {}
        self._seconds = 0.0
        self._shown = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether a case is left that can be measured."""
        return bool(self._standing.alive())

    def measure_cohort(self, number: int, servers: Mapping[str, Server], server_seconds: float) -> None:
        """One cohort of the experiment. `server_seconds` is its share of what starting the servers took."""
        began, apart = time.monotonic(), 0.0
        cohort = Cohort(number, servers, self._entries, self._settings, self._fail)
        if number == 1:
            self._stage(1, "eager, as the model to compare with", 0.0)
            with self._spending.on("checks"):
                self._checks.train_references(cohort)
        groups = cohort.groups(self._standing.alive())
        for i, group in enumerate(groups):
            blocks = self._time_group(cohort, group, (i / len(groups), (i + 1) / len(groups)))
            with self._spending.on("writing"):
                self._record(servers, cohort, blocks, server_seconds + time.monotonic() - began - apart)
            # The reference and the twin, where they are in the next group too, live on.
            staying = [entry for entry in group if i + 1 < len(groups) and entry in groups[i + 1]]
            leaving = [entry for entry in group if entry not in staying]
            if number == 1:
                passes_began = time.monotonic()
                with self._spending.on("passes"):
                    self._measure_apart(cohort, leaving)
                apart += time.monotonic() - passes_began
            with self._spending.on("passes"):
                self._measure_of_cases(cohort, leaving)
            members = self._ours(cohort, leaving)
            cohort.end_members(but=staying)
            if number == 1:
                passes_began = time.monotonic()
                with self._spending.on("profiles"):
                    self._trace_graphs(servers[NEW], cohort, members)
                apart += time.monotonic() - passes_began
        with self._spending.on("passes"):
            self._measure_of_device(servers[NEW], number)
        whole = server_seconds + time.monotonic() - began
        self._standing.add_cohort(whole - apart, cohort.rounds_seconds)
        self._seconds += whole
        if reason := self._standing.reason_to_stop(self._seconds):
            self.done = True
            for recorder in self._recorders.values():
                recorder.stopping = Stopping(reason=reason, seconds=self._seconds)

    def _time_group(self, cohort: Cohort, group: Sequence[Entry], shares: tuple[float, float]) -> int:
        """Time the cases whose workers live together, and return how many blocks were planned.

        `shares` are where in the cohort's time that begins and ends.
        """
        begin, end = shares
        middle = begin + (end - begin) * _SETUP_SHARE
        first_calls = [entry for entry in group if not cohort.is_member(entry)]
        with self._spending.on("first_calls"):
            for i, entry in enumerate(first_calls):
                share = begin + (middle - begin) * (i + 1) / (len(first_calls) + 1)
                self._stage(cohort.number, f"first call {entry.name}", share)
                self._start(cohort, entry)
        if cohort.number == 1:
            self._stage(1, "is it the same model?", middle)
            with self._spending.on("checks"):
                self._checks.check(cohort)
        self._stage(cohort.number, f"rounds of {len(cohort.members)} cases", middle)
        # The preset's seconds are those of a whole cohort with one side.
        patience = GPU_PATIENCE if self._settings.device == "gpu" else 1
        with self._spending.on("warm_up"):
            self._choose_block_sizes(cohort)
            round_seconds = cohort.warm_up(self._sizes)
        blocks = self._standing.blocks(round_seconds, patience)
        seconds = self._settings.preset.rounds_seconds * patience * len(self._recorders) * (end - begin)

        def advance(done: int) -> None:
            share = middle + (end - middle) * min(1.0, done / blocks)
            self._show(self._common.advance, cohort.number, f"round {done}/{max(done, blocks)}", share)

        with self._spending.on("blocks"):
            cohort.run_rounds(self._sizes, RoundsPlan(blocks, seconds, self._settings.preset.least_rounds), advance)
        cohort.measure_memory(self._common.contexts, self._common.capability)
        return blocks

    def _start(self, cohort: Cohort, entry: Entry) -> None:
        """Take the entry through its first call, unless it must not be, or is not the same model with TF32 off."""
        if not self._may_start(cohort, entry):
            return
        if cohort.number == 1 and self._common.tf32_on:
            with self._spending.on("checks"):
                if not self._checks.check_apart(cohort, entry):
                    return
            if not self._may_start(cohort, entry):  # and the card is looked at anew, without the check's worker
                return
        cohort.start(entry)

    def _may_start(self, cohort: Cohort, entry: Entry) -> bool:
        """Look at the card right before the entry's worker is started; False where it must not be."""
        reason = cohort.why_not(entry)
        if reason is None:
            return True
        recorder = self._recorders[entry.side]
        if recorder.record(entry.case).replicates:  # what earlier cohorts measured stands
            self._common.say(f"{entry.name} is left out of cohort {cohort.number}: {reason}.")
        else:
            recorder.note(entry.case, skipped=reason)
        return False

    def _choose_block_sizes(self, cohort: Cohort) -> None:
        """Let each case choose once; a twin, and the other side, take the size of the case they repeat."""
        for member in list(cohort.members):
            name = member.entry.case.measured_as
            if name not in self._sizes and (size := cohort.calibrate(member)):
                self._sizes[name] = size
            self._recorders[member.entry.side].note(member.entry.case, block=self._sizes.get(name))

    def _record(self, servers: Mapping[str, Server], cohort: Cohort, blocks: int, seconds: float) -> None:
        """Save what the cohort has measured so far, each side in its own file."""
        replicates = cohort.replicates()
        names = tuple(entry.name for entry in self._entries.all)
        for side, recorder in self._recorders.items():
            server = servers[side]
            record = CohortRecord(
                cohort=cohort.number,
                server_seconds=server.ready.preload_seconds,
                start_method=server.start_method,
                unsound=server.unsound,
                cases=names,
                order=tuple(tuple(names.index(name) for name in order) for order in cohort.order),
                blocks=blocks,
                seconds=seconds,
                cooling_seconds=cohort.cooling_seconds,
                windows=tuple(cohort.windows),
            )
            ours = {entry.case.name: replicate for entry, replicate in replicates.items() if entry.side == side}
            recorder.put_cohort(record, ours)
        self._common.save()

    def _measure_apart(self, cohort: Cohort, entries: Sequence[Entry]) -> None:
        """What is measured once, of the side that is measured for its own sake: latency, then profiles."""
        members = self._ours(cohort, entries)
        recorder = self._recorders[NEW]
        self._stage(cohort.number, "latency of single steps", 1.0)
        for member in members:
            latency = passes.measure_latency(cohort, member, self._settings)
            if isinstance(latency, str):
                recorder.note(member.entry.case, latency_reason=latency)
            else:
                recorder.note(member.entry.case, latency=latency)
        if Meter.has_something(self._settings.card if self._settings.device == "gpu" else None):
            self._stage(cohort.number, "power and energy", 1.0)
            for member in [member for member in members if member in cohort.members]:
                size = self._sizes[member.entry.case.measured_as]
                recorder.note(member.entry.case, sustained=passes.sustain(cohort, member, self._settings, size.steps))
        self._stage(cohort.number, "pictures of what was learnt", 1.0)
        for member in [member for member in members if member in cohort.members]:
            recorder.note(member.entry.case, picture=passes.reconstruct(cohort, member, self._settings))
        if self._common.profile:
            self._stage(cohort.number, "profiles for TensorBoard", 1.0)
            for member in members:
                with self._spending.on("profiles"):
                    profile = passes.take_profile(cohort, member, self._settings)
                recorder.note(member.entry.case, profile=profile)

    def _trace_graphs(self, server: Server, cohort: Cohort, members: Sequence[Member]) -> None:
        """Where asked, a second trace of what XLA compiled for a GPU, in workers that come after those of the group."""
        settings = self._settings
        if not (self._common.profile and settings.trace_cuda_graphs and settings.device == "gpu"):
            return
        self._stage(cohort.number, "profiles with CUDA graphs", 1.0)
        for member in [member for member in members if member.is_compiled]:
            case = member.entry.case
            profile = passes.take_profile_of_graphs(server, cohort, member, self._sizes[case.measured_as], settings)
            self._recorders[NEW].note(case, profile_of_graphs=profile)

    @staticmethod
    def _ours(cohort: Cohort, entries: Sequence[Entry]) -> list[Member]:
        """The living members of these entries on the side that is measured for its own sake."""
        return [member for member in cohort.members if member.entry.side == NEW and member.entry in entries]

    def _measure_of_cases(self, cohort: Cohort, entries: Sequence[Entry]) -> None:
        """What the experiment measures of its cases beside their steps, each alone."""
        for measurement in self._measurements:
            if measurement.of != "case":
                continue
            self._stage(cohort.number, measurement.says, 1.0)
            for member in self._ours(cohort, entries):
                case = member.entry.case
                if not measurement.applies(case):
                    continue
                if found := passes.measure_of_case(cohort, member, self._settings, self.name, measurement.name):
                    self._recorders[NEW].add_quantities(found, case)

    def _measure_of_device(self, server: Server, number: int) -> None:
        """The same of the device, while nobody else computes."""
        for measurement in self._measurements:
            if measurement.of != "device":
                continue
            self._stage(number, measurement.says, 1.0)
            found = passes.measure_of_device(server, number, self._settings, self.name, measurement.name)
            if isinstance(found, str):
                self._common.say(f"Cohort {number}: {measurement.says} could not be measured: {found}.")
            else:
                self._recorders[NEW].add_quantities(found, None)
                self._common.save()

    def _fail(self, entry: Entry, failure: Failure) -> None:
        self._recorders[entry.side].fail(entry.case, failure)

    def _stage(self, number: int, what: str, share: float) -> None:
        self._show(self._common.stage, number, what, share)

    def _show(self, show: Callable[[str, str, float], None], number: int, what: str, share: float) -> None:
        """Tell how far this is; what is expected may change, but the share that is done never falls."""
        looks, expected = self._settings.preset.looks, self._standing.expected_cohorts()
        most = str(looks[-1]) if len(looks) == 1 else f"{looks[0]}-{looks[-1]}"
        apart = _PASSES if number > 1 or share > 1 else 0.0
        self._shown = max(self._shown, min(0.99, (number - 1 + share + apart) / (max(expected, number) + _PASSES)))
        show(self.name, f"cohort {number}/{most}: {what}", self._shown)
