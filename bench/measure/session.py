"""The measuring of one run: servers, the check against eager, cohort after cohort, and the passes that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import device
from bench.cases import Case
from bench.errors import UsageError
from bench.measure import protocol
from bench.measure.cohort import Cohort, Settings
from bench.measure.launcher import Server, WorkerFailed
from bench.measure.same_model import CHECK_STEPS
from bench.results.record import BlockSize, CohortRecord, Training
from bench.results.recorder import Recorder
from bench.view import View

# Servers import TensorFlow for seconds. Two at a time keep two cores busy, and nothing is timed meanwhile.
SERVERS_TOGETHER = 2

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

    def measure(self) -> None:
        """All cohorts and passes. Raises UsageError where TensorFlow does not see the device that was chosen."""
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
            for new in range(number, last + 1):
                self._servers[new] = self._start_server(new)
        server = self._servers[number]
        self._stage(number, "loading TensorFlow and the data", 0.0)
        server.wait_until_ready()
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
        worker, _ = server.start_worker(log)
        probed = worker.ask(protocol.Probe(), protocol.Probed, self._settings.limits.first_call)
        worker.end()
        if self._settings.device == "gpu" and not probed.gpus:
            text = log.read_text(errors="replace")
            raise UsageError(device.explain_missing_gpu(probed.cuda_build, text, self._launch.choice))
        for name in probed.gpus:
            self._view.say(f"TensorFlow sees {name}.")
        self._recorder.add_probe(probed)

    def _measure_cohort(self, server: Server, number: int) -> None:
        cohort = Cohort(server, number, self._settings, self._recorder.fail)
        cases = self._recorder.alive()
        for i, case in enumerate(cases):
            self._stage(number, f"first call {case.name}", _SETUP_SHARE * (i + 1) / (len(cases) + 1))
            cohort.start(case)
        if number == 1:
            self._check(cohort)
        for member in list(cohort.members):
            name = member.case.measured_as
            if name not in self._sizes and (size := cohort.calibrate(member)):
                self._sizes[name] = size
            self._recorder.note(member.case, block=self._sizes.get(name))
        rounds = self._settings.preset.rounds
        self._stage(number, f"{rounds} rounds of {len(cohort.members)} cases", _SETUP_SHARE)
        cohort.run_rounds(self._sizes, lambda done: self._advance(number, done))
        self._recorder.add_cohort(self._record(server, cohort), cohort.replicates())
        self._recorder.save("running")
        if number == self._settings.preset.cohorts:
            self._last_passes(server, cohort)

    def _record(self, server: Server, cohort: Cohort) -> CohortRecord:
        return CohortRecord(
            cohort=cohort.number,
            server_seconds=server.preload_seconds or 0.0,
            start_method=server.start_method,
            unsound=server.unsound,
            order=tuple(cohort.order),
        )

    def _check(self, cohort: Cohort) -> None:
        """Hold every case's first losses against eager's, from a worker of its own on the same batches."""
        self._stage(1, "is it the same model?", _SETUP_SHARE * 0.95)
        eager = Case(experiment="check", mode="eager", pipeline="resident")
        try:
            reference = cohort.reference_losses(eager, CHECK_STEPS)
        except WorkerFailed as failure:
            reason = f"eager's losses could not be had: {failure}"
            self._view.say(f"No check against eager: {reason}")
            for member in cohort.members:
                self._recorder.note(member.case, same_model_reason=reason)
            return
        for member in list(cohort.members):
            self._recorder.note(member.case, same_model=cohort.check(member, reference))

    def _last_passes(self, server: Server, cohort: Cohort) -> None:
        """What is measured once: latency, then profiles, then a training run, each alone on the machine."""
        self._stage(cohort.number, "latency of single steps", 1.0)
        for member in list(cohort.members):
            self._recorder.note(member.case, latency=cohort.measure_latency(member))
        if self._profile:
            self._stage(cohort.number, "profiles for TensorBoard", 1.0 + _LAST_PASSES / 2)
            for member in list(cohort.members):
                self._recorder.note(member.case, profile=cohort.take_profile(member))
        self._recorder.save("running")
        steps = self._settings.preset.training_steps
        self._stage(cohort.number, f"training for {steps} steps", 1.0 + _LAST_PASSES * 0.7)
        self._train(server, steps)

    def _train(self, server: Server, steps: int) -> None:
        settings = self._settings
        request = protocol.Train(
            folder=str(settings.folder / "plots"),
            steps=steps,
            mode=TRAINING_MODE,
            seed=settings.seed,
            device=settings.device,
            tf32=settings.tf32,
        )
        try:
            worker, _ = server.start_worker(self._logs / "training.log")
            trained = worker.ask(request, protocol.Trained, settings.limits.first_call + steps)
        except WorkerFailed as failure:
            self._view.say(f"The training run failed: {failure}")
            return
        worker.end()
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

    def _advance(self, number: int, done: int) -> None:
        preset = self._settings.preset
        share = _SETUP_SHARE + (1 - _SETUP_SHARE) * done / preset.rounds
        text = f"cohort {number}/{preset.cohorts}: round {done}/{preset.rounds}"
        self._view.advance(text, self._fraction(number, share))
