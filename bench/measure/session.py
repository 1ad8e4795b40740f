"""The measuring of one run: servers, repetition after repetition of every experiment, and a training run at the end."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bench import protocol
from bench.errors import BenchError, NotComparable, UsageError
from bench.experiments.base import ExperimentPlan
from bench.launch.server import Server
from bench.launch.worker import WorkerFailed
from bench.machine import cores, missing_gpu, nvml, topology
from bench.measure import causes, entry, occupancy, peers, separate, stopping
from bench.measure.entry import BASE, NEW, ServerKey, Side
from bench.measure.part import Common, Part
from bench.measure.servers import AnyServer, Launch, Servers, plain
from bench.measure.settings import Settings
from bench.measure.time_spent import TimeSpent
from bench.output.progress import View
from bench.plan import frameworks
from bench.plan.preset import Preset
from bench.recording.recorder import Recorder
from bench.results.record import Fact

# For the display: what the training run takes of a run.
_TRAINING_SHARE = 0.04


class Session:
    """Measures the experiments, each side into its recorder. `close` ends every process, at any time."""

    def __init__(
        self,
        experiments: Sequence[ExperimentPlan],
        settings: Settings,
        launches: Mapping[Side, Launch],
        recorders: Mapping[Side, Recorder],
        profile: bool,
        view: View,
    ) -> None:
        self._experiments = experiments
        self._settings = settings
        self._launches = launches
        self._recorders = recorders
        self._profile = profile
        self._view = view
        self._entries = {one.name: entry.of(one.cases, side_by_side=BASE in recorders) for one in experiments}
        self._keys = tuple(
            dict.fromkeys(
                key
                for keys in (map(ServerKey, recorders), (one.server for of in self._entries.values() for one in of.all))
                for key in keys
            )
        )
        self._servers = Servers(
            launches,
            self._keys,
            self._settings.folder,
            self._settings.timeouts,
            lambda: occupancy.wait_until_free(self._settings.gpu),
        )
        self._time_spent = TimeSpent()
        self._contexts: dict[str, int | None] = {}
        self._capability: str | None = None
        self._tf32_on = False
        self._shares = {one.name: 0.0 for one in experiments}

    def measure(self) -> None:
        """Repetitions until enough is known of every experiment, and the training run.

        Raises UsageError where TensorFlow does not see the device that was chosen, NotComparable where the sides do not
        do the same work, BenchError where a server does not start, dies, or cannot look for devices.
        """
        number, alive = self._measure_repetitions()
        if not alive:
            self._view.say("No case is left to measure.")
            return
        steps = self._settings.preset.training_steps
        self._view.milestone(f"training for {steps:,} steps", 1 - _TRAINING_SHARE)
        with self._time_spent.on("separate_measurements"):
            self._recorders[NEW].add_training(separate.train(plain(self._servers.of(number), NEW), self._settings))
        for recorder in self._recorders.values():
            recorder.time_spent = self._time_spent.seconds
            if self._settings.device == "gpu":
                recorder.add_facts({"gpu_after": self._settings.gpu.facts()})

    def close(self) -> None:
        """End all servers and their workers."""
        self._servers.close_all()

    def _measure_repetitions(self) -> tuple[int, bool]:
        """The number of the last repetition, whose servers are still there, and whether any case is left.

        One repetition of every experiment in turn: they share its servers, and each is spread over the time of all.
        """
        servers, seconds = self._open(1, [one.preset for one in self._experiments])
        with self._time_spent.on("first_calls"):
            self._meet(servers)
        with self._time_spent.on("separate_measurements"):
            self._measure_contexts(plain(servers, NEW))
        parts = self._parts()
        for number in itertools.count(1):
            going = [part for part in parts if not part.done]
            if number > 1:
                servers, seconds = self._open(number, [part.preset for part in going])
            for part in going:
                part.measure_repetition(number, servers, seconds / len(going))
                if part.done:
                    self._shares[part.name] = 1.0
            if all(part.done for part in parts):
                return number, any(part.is_alive for part in parts)
            self._servers.close(number)
        raise AssertionError("a preset has a last look")

    def _parts(self) -> list[Part]:
        common = Common(
            milestone=lambda name, text, share: self._show(self._view.milestone, name, text, share),
            advance=lambda name, text, share: self._show(self._view.advance, name, text, share),
            stage=lambda name, text, share: self._show(self._view.stage, name, text, share),
            say=self._view.say,
            save=self._save,
            time_spent=self._time_spent,
            losses={},
            contexts=self._contexts,
            capability=self._capability,
            tf32_on=self._tf32_on,
            profile=self._profile,
        )
        return [
            Part(
                one.experiment,
                self._settings_of(one),
                self._entries[one.name],
                {side: recorder.experiments[one.name] for side, recorder in self._recorders.items()},
                common,
            )
            for one in self._experiments
        ]

    def _settings_of(self, one: ExperimentPlan) -> Settings:
        """What is the experiment's own among the settings."""
        shared = one.experiment.across_devices and self._settings.device == "cpu"
        return replace(
            self._settings,
            preset=one.preset,
            interleaved=one.interleaved,
            device_cores=cores.of_devices() if shared else (),
        )

    def _open(self, number: int, presets: Sequence[Preset]) -> tuple[Mapping[ServerKey, AnyServer], float]:
        """The servers of this repetition, and the seconds it took until they were there.

        Others after it are started at the same time, but none beyond the next look of these presets, after which there
        may be no further repetition.
        """
        began = time.monotonic()
        with self._time_spent.on("servers"):
            if not self._servers.are_ready(number):
                tell = self._view.milestone if number == 1 else self._view.stage
                tell(f"repetition {number}: loading {self._frameworks()} and the data", self._done)
                self._servers.load(number, max(stopping.next_look(preset, number) for preset in presets))
        servers = self._servers.of(number)
        for key, server in servers.items():
            if server.unsound and number == 1:
                title = frameworks.TITLES[key.framework]
                self._view.say(f"Workers of {title} are spawned, not forked, which takes longer: {server.unsound}.")
        return servers, time.monotonic() - began

    def _frameworks(self) -> str:
        names = dict.fromkeys(key.framework for key in self._keys)
        return ", ".join(frameworks.TITLES[name] for name in names)

    def _meet(self, servers: Mapping[ServerKey, AnyServer]) -> None:
        """Take down what each side is, and ask a worker of it what TensorFlow sees; then of the other frameworks."""
        for side, recorder in self._recorders.items():
            recorder.add_server(plain(servers, side).ready)
            self._probe(plain(servers, side), side)
        found = {one.ready.workload for one in servers.values() if isinstance(one, Server)}
        if len(found) > 1:
            raise NotComparable("The two sides do not do the same work: their revisions of this suite differ in it.")
        peers.meet(self._keys, self._servers, self._recorders, self._settings, self._view)
        self._settings = replace(self._settings, weights=peers.weights(self._keys, self._servers, self._settings))

    def _probe(self, server: Server, side: Side) -> None:
        log = self._settings.folder / "logs" / ("probe.log" if side == NEW else f"probe-{side}.log")
        of_side = "" if side == NEW else f"On the {side} side: "
        try:
            probed = separate.ask_once(
                server, log, protocol.Probe(), protocol.Probed, self._settings.timeouts.first_call
            )
        except WorkerFailed as failure:
            why = causes.with_cause(str(failure), log, self._settings.device)
            raise BenchError(f"{of_side}TensorFlow cannot look for devices: {why}. See {log}") from None
        if self._settings.device == "gpu" and not probed.gpus:
            text = log.read_text(errors="replace")
            raise UsageError(of_side + missing_gpu.explain(probed.gpu_build, text))
        for name in probed.gpus:
            self._view.say(f"{of_side}{probed.framework} sees {name}.")
        if side == NEW and self._settings.device == "gpu":
            self._match_gpu(probed)
        self._recorders[side].add_probe(probed)
        self._tf32_on |= self._settings.device == "gpu" and probed.tf32 and self._settings.tf32 is not False

    def _match_gpu(self, probed: protocol.Probed) -> None:
        """Have NVML speak of the GPU that TensorFlow computes on, and take down everything it says of it.

        TensorFlow gives the PCI bus id. A MIG slice is part of the GPU at that address, and goes by its UUID.
        """
        chosen = self._launches[NEW].choice.gpu or "0"
        matched = Fact(value=None, reason="TensorFlow gives no PCI bus id: taken as chosen")
        if chosen.startswith("MIG-"):
            matched = Fact(value="MIG UUID")
        elif probed.pci_bus_ids:
            gpu = nvml.open_gpu(probed.pci_bus_ids[0])
            if gpu.absent:
                matched = Fact(value=None, reason=f"{gpu.absent}: taken as chosen")
            else:
                matched = Fact(value="PCI bus id")
                self._settings = replace(self._settings, gpu=gpu)
        facts = self._settings.gpu.facts()
        capability = facts["compute_capability"].value
        self._capability = str(capability) if capability else None
        if self._capability and int(self._capability.split(".")[0]) >= missing_gpu.TOO_NEW:
            self._view.say(
                f"This GPU's compute capability, {self._capability}, is newer than TensorFlow's CUDA: kernels are "
                f"reported to fail on it ({missing_gpu.TOO_NEW_ISSUES})."
            )
        if facts["mps"].value:
            self._view.say("Programs share this GPU through MPS: others' kernels may run among those measured here.")
        several = probed.pci_bus_ids if len(probed.pci_bus_ids) > 1 else ()
        for recorder in self._recorders.values():
            recorder.add_facts({"gpu": {**facts, "matched_by": matched}})
            if several:
                recorder.add_facts({"gpus": topology.facts(several)})

    def _measure_contexts(self, server: Server) -> None:
        """What a process of each mode takes of the GPU beside its tensors, where that can be told."""
        if self._settings.gpu.absent:
            return
        alone = [one for one in self._experiments if not one.interleaved and one.experiment.contexts]
        modes = [case.mode for one in alone for case in one.cases]
        for mode in dict.fromkeys(modes):
            self._view.stage(f"context memory of {mode}", self._done)
            context = separate.measure_context(server, mode, self._settings)
            self._contexts[mode] = context.held_bytes
            if context.reason:
                self._view.say(f"The context memory of {mode} could not be measured: {context.reason}.")
            if context.blind:
                self._settings = replace(self._settings, gpu=replace(self._settings.gpu, blind=True))

    def _save(self) -> None:
        for side, recorder in self._recorders.items():
            recorder.time_spent = self._time_spent.seconds
            document = recorder.save("running")
            if side == NEW:
                self._view.figures(document)

    @property
    def _done(self) -> float:
        """The share of the run that is done, each experiment counting as much as its time allows."""
        presets = {one.name: one.preset for one in self._experiments}
        weights = {name: preset.rounds_seconds * preset.looks[0] for name, preset in presets.items()}
        done = sum(weights[name] * share for name, share in self._shares.items()) / sum(weights.values())
        return (1 - _TRAINING_SHARE) * done

    def _show(self, show: Callable[[str, float], None], name: str, text: str, share: float) -> None:
        self._shares[name] = max(self._shares[name], share)
        show(f"{name}, {text}" if len(self._experiments) > 1 else text, self._done)
