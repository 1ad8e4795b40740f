"""The measuring of one run: servers, the check against eager, cohort after cohort, and the passes that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import device
from bench.cases import Case
from bench.errors import BenchError, UsageError
from bench.measure import protocol
from bench.measure.cohort import Cohort, Settings
from bench.measure.launcher import Server, WorkerFailed
from bench.measure.same_model import CHECK_STEPS, Losses
from bench.results.record import BlockSize, CohortRecord, Training
from bench.results.recorder import Recorder
from bench.view import View

# Servers import TensorFlow for seconds. Two at a time keep two cores busy, and nothing is timed meanwhile.
SERVERS_TOGETHER = 2

# On a GPU a block is five times as long as on a CPU, so the rounds of a cohort get this many times the seconds.
GPU_PATIENCE = 3

# Share of a cohort's time that passes before its rounds, and length of the last passes in cohorts: for the display.
_SETUP_SHARE = 0.5
_LAST_PASSES = 0.8

TRAINING_MODE = "function"


@dataclass(frozen=True)
class Launch:
    """What servers are started with."""

    command: tuple[str, ...]
    data: str
    choice: device.DeviceChoice
    environment: Mapping[str, str]


class Session:
    """Measures into a recorder. `close` ends every process, at any time."""

    def __init__(self, settings: Settings, launch: Launch, profile: bool, recorder: Recorder, view: View) -> None:
        self._settings = settings
        self._launch = launch
        self._profile = profile
        self._recorder = recorder
        self._view = view
        self._servers: dict[int, Server] = {}
        self._sizes: dict[str, BlockSize] = {}
        self._reference_losses: Losses | None = None
        self._tf32_on = False

    def measure(self) -> None:
        """All cohorts and passes.

        Raises UsageError where TensorFlow does not see the device that was chosen, BenchError where a server does not
        start, dies, or cannot look for devices.
        """
        cohorts = self._settings.preset.cohorts
        for number in range(1, cohorts + 1):
            server = self._server(number)
            if number == 1:
                self._probe(server)
            self._measure_cohort(server, number)
            self._servers.pop(number).close()
            if not self._recorder.alive():
                self._view.say("No case is left to measure.")
                return

    def close(self) -> None:
        """End all servers and their workers."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def _server(self, number: int) -> Server:
        if number not in self._servers:
            last = min(number + SERVERS_TOGETHER - 1, self._settings.preset.cohorts)
            self._stage(number, "loading TensorFlow and the data", 0.0)
            for new in range(number, last + 1):
                self._servers[new] = self._start_server(new)
            for new in range(number, last + 1):
                self._servers[new].wait_until_ready()
        server = self._servers[number]
        if server.unsound and number == 1:
            self._view.say(f"Workers are spawned, not forked, which takes longer: {server.unsound}.")
        return server

    def _start_server(self, number: int) -> Server:
        logs = self._logs / f"cohort-{number}"
        logs.mkdir(exist_ok=True)
        launch = self._launch
        return Server(launch.data, launch.environment, logs / "server.log", self._settings.limits, launch.command)

    def _probe(self, server: Server) -> None:
        """Ask a worker of its own what TensorFlow sees."""
        log = self._logs / "probe.log"
        try:
            probed = _ask_once(server, log, protocol.Probe(), protocol.Probed, self._settings.limits.first_call)
        except WorkerFailed as failure:
            raise BenchError(f"TensorFlow cannot look for devices: {failure}. See {log}") from None
        if self._settings.device == "gpu" and not probed.gpus:
            text = log.read_text(errors="replace")
            raise UsageError(device.explain_missing_gpu(probed.cuda_build, text, self._launch.choice))
        for name in probed.gpus:
            self._view.say(f"TensorFlow sees {name}.")
        self._recorder.add_probe(probed)
        asked = self._settings.tf32
        self._tf32_on = self._settings.device == "gpu" and (probed.tf32 if asked is None else asked)

    def _measure_cohort(self, server: Server, number: int) -> None:
        cohort = Cohort(server, number, self._settings, self._recorder.fail)
        if number == 1:
            self._reference_losses = self._train_reference(cohort)
        groups = cohort.groups(self._recorder.alive())
        last = number == self._settings.preset.cohorts
        for i, group in enumerate(groups):
            share = (i + 1) / len(groups)
            self._time_group(cohort, group, i / len(groups), share)
            self._recorder.put_cohort(self._record(server, cohort), cohort.replicates())
            self._recorder.save("running")
            if last:
                self._last_passes(cohort, share)
            cohort.end_members()
        if last:
            self._train(server)

    def _time_group(self, cohort: Cohort, group: Sequence[Case], begin: float, end: float) -> None:
        """Time the cases whose workers live together; `begin` and `end` are shares of the cohort's time."""
        middle = begin + (end - begin) * _SETUP_SHARE
        for i, case in enumerate(group):
            share = begin + (middle - begin) * (i + 1) / (len(group) + 1)
            self._stage(cohort.number, f"first call {case.name}", share)
            if cohort.number > 1 or self._check_apart(cohort, case):
                cohort.start(case)
        if cohort.number == 1:
            self._stage(1, "is it the same model?", middle)
            self._check(cohort)
        self._choose_block_sizes(cohort)
        rounds = self._settings.preset.rounds
        self._stage(cohort.number, f"{rounds} rounds of {len(cohort.members)} cases", middle)
        # The preset's seconds are those of the whole cohort.
        patience = GPU_PATIENCE if self._settings.device == "gpu" else 1
        seconds = self._settings.preset.rounds_seconds * patience * (end - begin)

        def advance(done: int) -> None:
            self._advance(cohort.number, done, middle + (end - middle) * done / rounds)

        cohort.run_rounds(self._sizes, seconds, advance)

    def _choose_block_sizes(self, cohort: Cohort) -> None:
        """Let each case choose once; a twin takes the size of the case it repeats."""
        for member in list(cohort.members):
            name = member.case.measured_as
            if name not in self._sizes and (size := cohort.calibrate(member)):
                self._sizes[name] = size
            self._recorder.note(member.case, block=self._sizes.get(name))

    def _record(self, server: Server, cohort: Cohort) -> CohortRecord:
        return CohortRecord(
            cohort=cohort.number,
            server_seconds=server.preload_seconds or 0.0,
            start_method=server.start_method,
            unsound=server.unsound,
            order=tuple(cohort.order),
        )

    def _train_reference(self, cohort: Cohort) -> Losses | None:
        """Eager's losses on the first batches; None where they cannot be had, and then no case can be checked."""
        self._stage(1, "eager, as the model to compare with", 0.0)
        eager = Case(experiment="check", mode="eager", pipeline="resident")
        try:
            return cohort.losses_apart(eager, CHECK_STEPS)
        except WorkerFailed as failure:
            reason = f"eager's losses could not be had: {failure}"
            for case in self._recorder.alive():
                self._recorder.note(case, same_model_reason=reason)
            return None

    def _check_apart(self, cohort: Cohort, case: Case) -> bool:
        """Where the case will be timed with TF32 on, check it with TF32 off first; False where that fails."""
        if not self._tf32_on or self._reference_losses is None:
            return True
        result = cohort.check_apart(case, self._reference_losses)
        if result is not None:
            self._recorder.note(case, same_model=(result,))
        return result is not None and result.passed

    def _check(self, cohort: Cohort) -> None:
        """Hold every case's first losses, as it will be timed, against eager's on the same batches."""
        if self._reference_losses is None:
            return
        for member in list(cohort.members):
            result = cohort.check(member, self._reference_losses)
            if result is not None:
                before = self._recorder.record(member.case).same_model
                self._recorder.note(member.case, same_model=(*before, result))

    def _last_passes(self, cohort: Cohort, share: float) -> None:
        """What is measured once: latency, then profiles, each case alone on the machine."""
        self._stage(cohort.number, "latency of single steps", share)
        members = list(cohort.members)
        for member in members:
            latency = cohort.measure_latency(member)
            if isinstance(latency, str):
                self._recorder.note(member.case, latency_reason=latency)
            else:
                self._recorder.note(member.case, latency=latency)
        if self._profile:
            self._stage(cohort.number, "profiles for TensorBoard", share)
            for member in members:
                self._recorder.note(member.case, profile=cohort.take_profile(member))

    def _train(self, server: Server) -> None:
        """Train as the notebook does, for the loss curve and the reconstructions."""
        settings = self._settings
        steps = settings.preset.training_steps
        self._stage(settings.preset.cohorts, f"training for {steps} steps", 1.0 + _LAST_PASSES * 0.7)
        request = protocol.Train(
            folder=str(settings.folder / "plots"),
            steps=steps,
            mode=TRAINING_MODE,
            seed=settings.seed,
            device=settings.device,
            tf32=settings.tf32,
        )
        log, seconds = self._logs / "training.log", settings.limits.first_call + steps
        try:
            trained = _ask_once(server, log, request, protocol.Trained, seconds)
        except WorkerFailed as failure:
            self._recorder.add_training(f"{failure} (log: {log.relative_to(settings.folder)})")
            return
        self._recorder.add_training(
            Training(
                mode=TRAINING_MODE,
                steps=steps,
                first_loss=trained.first_loss,
                final_loss=trained.final_loss,
                folder="plots",
            )
        )

    @property
    def _logs(self) -> Path:
        return self._settings.folder / "logs"

    def _fraction(self, number: int, share: float) -> float:
        return (number - 1 + share) / (self._settings.preset.cohorts + _LAST_PASSES)

    def _stage(self, number: int, what: str, share: float) -> None:
        text = f"cohort {number}/{self._settings.preset.cohorts}: {what}"
        self._view.stage(text, self._fraction(number, share))

    def _advance(self, number: int, done: int, share: float) -> None:
        preset = self._settings.preset
        text = f"cohort {number}/{preset.cohorts}: round {done}/{preset.rounds}"
        self._view.advance(text, self._fraction(number, share))


def _ask_once(server: Server, log: Path, request: protocol.Message, expected: Any, seconds: float) -> Any:
    """Ask a worker of its own a single thing. Raises WorkerFailed."""
    worker, _ = server.start_worker(log)
    try:
        return worker.ask(request, expected, seconds)
    finally:
        worker.end()
