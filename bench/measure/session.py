"""The measuring of one run: cohort after cohort until it is enough, and what is measured apart."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import missing_gpu
from bench.errors import BenchError, NotComparable, UsageError
from bench.measure import passes, protocol
from bench.measure.checks import Checks
from bench.measure.cohort import Cohort, RoundsPlan, Settings
from bench.measure.entry import NEW, Entries, Entry, Side
from bench.measure.launcher import Server, WorkerFailed
from bench.measure.servers import Launch, Servers
from bench.measure.spending import Spending
from bench.measure.standing import Standing
from bench.observe import nvml
from bench.observe.meter import Meter
from bench.results.record import BlockSize, CohortRecord, Fact, Failure
from bench.results.recorder import Recorder
from bench.results.schema import Stopping, StopReason
from bench.view import View

# On a GPU a block is five times as long as on a CPU, so the rounds of a cohort get this many times the seconds.
GPU_PATIENCE = 3

# Share of a cohort's time that passes before its rounds, and length of the passes apart in cohorts: for the display.
_SETUP_SHARE = 0.5
_PASSES = 0.8


class Session:
    """Measures the entries, each side into its recorder. `close` ends every process, at any time."""

    def __init__(
        self,
        settings: Settings,
        entries: Entries,
        launches: Mapping[Side, Launch],
        recorders: Mapping[Side, Recorder],
        profile: bool,
        view: View,
    ) -> None:
        self._settings = settings
        self._entries = entries
        self._launches = launches
        self._recorders = recorders
        self._profile = profile
        self._view = view
        self._servers = Servers(launches, settings.folder, settings.limits)
        self._standing = Standing(entries, recorders, settings.preset)
        self._checks = Checks(entries, recorders, settings.device)
        self._sizes: dict[str, BlockSize] = {}
        self._contexts: dict[str, int | None] = {}
        self._capability: str | None = None
        self._tf32_on = False
        self._shown = 0.0
        self._spending = Spending()

    def measure(self) -> None:
        """Cohorts until enough is known, and the passes apart.

        Raises UsageError where TensorFlow does not see the device that was chosen, NotComparable where the sides do not
        do the same work, BenchError where a server does not start, dies, or cannot look for devices.
        """
        started = time.monotonic()
        number, reason = self._measure_cohorts(started)
        for recorder in self._recorders.values():
            recorder.stopping = Stopping(reason=reason, seconds=time.monotonic() - started)
        if not self._standing.alive():
            self._view.say("No case is left to measure.")
            return
        self._stage(number, f"training for {self._settings.preset.training_steps} steps", 1.0 + _PASSES / 2)
        with self._spending.on("passes"):
            self._recorders[NEW].add_training(passes.train(self._servers.of(number)[NEW], self._settings))
        for recorder in self._recorders.values():
            recorder.time_spent = self._spending.seconds
        for recorder in self._recorders.values() if self._settings.device == "gpu" else ():
            recorder.add_facts({"gpu_after": self._settings.card.facts()})

    def close(self) -> None:
        """End all servers and their workers."""
        self._servers.close_all()

    def _measure_cohorts(self, started: float) -> tuple[int, StopReason]:
        """The number of the last cohort, whose servers are still there, and why it is the last."""
        for number in itertools.count(1):
            self._measure_cohort(number)
            if reason := self._standing.reason_to_stop(time.monotonic() - started):
                return number, reason
            self._servers.close(number)
        raise AssertionError("a preset has a last look")

    def _measure_cohort(self, number: int) -> None:
        began, apart = time.monotonic(), 0.0
        with self._spending.on("servers"):
            servers = self._open(number)
        if number == 1:
            with self._spending.on("first_calls"):
                self._meet(servers)
            with self._spending.on("passes"):
                self._measure_contexts(servers[NEW])
        cohort = Cohort(number, servers, self._entries, self._settings, self._fail)
        if number == 1:
            self._stage(1, "eager, as the model to compare with", 0.0)
            with self._spending.on("checks"):
                self._checks.train_references(cohort)
        groups = cohort.groups(self._standing.alive())
        for i, group in enumerate(groups):
            blocks = self._time_group(cohort, group, (i / len(groups), (i + 1) / len(groups)))
            with self._spending.on("writing"):
                self._record(servers, cohort, blocks, time.monotonic() - began - apart)
            # The reference and the twin, where they are in the next group too, live on.
            staying = [entry for entry in group if i + 1 < len(groups) and entry in groups[i + 1]]
            if number == 1:
                passes_began = time.monotonic()
                with self._spending.on("passes"):
                    self._measure_apart(cohort, [entry for entry in group if entry not in staying])
                apart += time.monotonic() - passes_began
            cohort.end_members(but=staying)
        self._standing.add_cohort(time.monotonic() - began - apart, cohort.rounds_seconds)

    def _open(self, number: int) -> Mapping[str, Server]:
        if not self._servers.are_ready(number):
            self._stage(number, "loading TensorFlow and the data", 0.0)
            # None is started beyond the next look, after which there may be no further cohort.
            self._servers.load(number, next(look for look in self._settings.preset.looks if look >= number))
        servers = self._servers.of(number)
        unsound = next((server.unsound for server in servers.values() if server.unsound), None)
        if unsound and number == 1:
            self._view.say(f"Workers are spawned, not forked, which takes longer: {unsound}.")
        return servers

    def _meet(self, servers: Mapping[str, Server]) -> None:
        """Take down what each side is, and ask a worker of it what TensorFlow sees."""
        for side, recorder in self._recorders.items():
            recorder.add_server(servers[side].ready)
            self._probe(servers[side], side)
        if len({servers[side].ready.workload for side in self._recorders}) > 1:
            raise NotComparable("The two sides do not do the same work: their revisions of this suite differ in it.")

    def _probe(self, server: Server, side: Side) -> None:
        log = self._logs / ("probe.log" if side == NEW else f"probe-{side}.log")
        of_side = "" if side == NEW else f"On the {side} side: "
        try:
            probed = passes.ask_once(server, log, protocol.Probe(), protocol.Probed, self._settings.limits.first_call)
        except WorkerFailed as failure:
            raise BenchError(f"{of_side}TensorFlow cannot look for devices: {failure}. See {log}") from None
        if self._settings.device == "gpu" and not probed.gpus:
            text = log.read_text(errors="replace")
            raise UsageError(of_side + missing_gpu.explain(probed.cuda_build, text))
        for name in probed.gpus:
            self._view.say(f"{of_side}TensorFlow sees {name}.")
        if side == NEW and self._settings.device == "gpu":
            self._match_card(probed)
        self._recorders[side].add_probe(probed)
        asked = self._settings.tf32
        self._tf32_on |= self._settings.device == "gpu" and (probed.tf32 if asked is None else asked)

    def _match_card(self, probed: protocol.Probed) -> None:
        """Have NVML speak of the card that TensorFlow computes on, and take down everything it says of it.

        TensorFlow gives the PCI bus id. A MIG slice is part of the card at that address, and goes by its UUID.
        """
        chosen = self._launches[NEW].choice.card or "0"
        matched = Fact(value=None, reason="TensorFlow gives no PCI bus id: taken as chosen")
        if chosen.startswith("MIG-"):
            matched = Fact(value="MIG UUID")
        elif probed.pci_bus_ids:
            card = nvml.open_card(probed.pci_bus_ids[0])
            if card.absent:
                matched = Fact(value=None, reason=f"{card.absent}: taken as chosen")
            else:
                matched = Fact(value="PCI bus id")
                self._settings = replace(self._settings, card=card)
        facts = self._settings.card.facts()
        capability = facts["compute_capability"].value
        self._capability = str(capability) if capability else None
        for recorder in self._recorders.values():
            recorder.add_facts({"gpu": {**facts, "matched_by": matched}})

    def _measure_contexts(self, server: Server) -> None:
        """What a process of each mode takes of the card before it has any tensors, where that can be told."""
        if not self._settings.alone or self._settings.card.absent:
            return
        for mode in dict.fromkeys(entry.case.mode for entry in self._entries.all):
            self._stage(1, f"what {mode} takes without tensors", 0.0)
            context = passes.measure_context(server, mode, self._settings)
            self._contexts[mode] = context.held_bytes
            if context.reason:
                self._view.say(f"What {mode} takes without tensors could not be measured: {context.reason}.")
            if context.blind:
                self._settings = replace(self._settings, card=replace(self._settings.card, blind=True))

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
        seconds = self._settings.preset.rounds_seconds * patience * len(self._launches) * (end - begin)

        def advance(done: int) -> None:
            share = middle + (end - middle) * min(1.0, done / blocks)
            self._show(self._view.advance, cohort.number, f"round {done}/{max(done, blocks)}", share)

        with self._spending.on("blocks"):
            cohort.run_rounds(self._sizes, RoundsPlan(blocks, seconds), advance)
        cohort.measure_memory(self._contexts, self._capability)
        return blocks

    def _start(self, cohort: Cohort, entry: Entry) -> None:
        """Take the entry through its first call, unless it must not be, or is not the same model with TF32 off."""
        if not self._may_start(cohort, entry):
            return
        if cohort.number == 1 and self._tf32_on:
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
            self._view.say(f"{entry.name} is left out of cohort {cohort.number}: {reason}.")
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
                windows=tuple(cohort.windows),
            )
            ours = {entry.case.name: replicate for entry, replicate in replicates.items() if entry.side == side}
            recorder.put_cohort(record, ours)
            recorder.time_spent = self._spending.seconds
            recorder.save("running")

    def _measure_apart(self, cohort: Cohort, entries: Sequence[Entry]) -> None:
        """What is measured once, of the side that is measured for its own sake: latency, then profiles."""
        members = [member for member in cohort.members if member.entry.side == NEW and member.entry in entries]
        recorder = self._recorders[NEW]
        self._stage(cohort.number, "latency of single steps", 1.0)
        for member in members:
            latency = passes.measure_latency(cohort, member, self._settings)
            if isinstance(latency, str):
                recorder.note(member.entry.case, latency_reason=latency)
            else:
                recorder.note(member.entry.case, latency=latency)
        if any(entry.case.experiment == "pipelines" for entry in entries):
            self._stage(cohort.number, "input pipelines alone", 1.0)
            for member in [member for member in members if member in cohort.members]:
                if member.entry.case.pipeline != "resident":
                    recorder.note(member.entry.case, input_alone=passes.measure_input(cohort, member, self._settings))
        if Meter.has_something(self._settings.card if self._settings.device == "gpu" else None):
            self._stage(cohort.number, "power and energy", 1.0)
            for member in [member for member in members if member in cohort.members]:
                size = self._sizes[member.entry.case.measured_as]
                recorder.note(member.entry.case, sustained=passes.sustain(cohort, member, self._settings, size.steps))
        if self._profile:
            self._stage(cohort.number, "profiles for TensorBoard", 1.0)
            for member in members:
                with self._spending.on("profiles"):
                    profile = passes.take_profile(cohort, member, self._settings)
                recorder.note(member.entry.case, profile=profile)

    def _fail(self, entry: Entry, failure: Failure) -> None:
        self._recorders[entry.side].fail(entry.case, failure)

    @property
    def _logs(self) -> Path:
        return self._settings.folder / "logs"

    def _stage(self, number: int, what: str, share: float) -> None:
        self._show(self._view.stage, number, what, share)

    def _show(self, show: Callable[[str, float], None], number: int, what: str, share: float) -> None:
        """Tell the view; what is expected may change, but the share that is done never falls."""
        looks, expected = self._settings.preset.looks, self._standing.expected_cohorts()
        most = str(looks[-1]) if len(looks) == 1 else f"{looks[0]}-{looks[-1]}"
        apart = _PASSES if number > 1 or share > 1 else 0.0
        self._shown = max(self._shown, min(0.99, (number - 1 + share + apart) / (max(expected, number) + 2 * _PASSES)))
        show(f"cohort {number}/{most}: {what}", self._shown)
