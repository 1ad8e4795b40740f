"""One cohort: a fresh worker for every case, alive together, measured in interleaved rounds."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

from bench.cases import Case, Preset
from bench.measure import protocol, same_model
from bench.measure.launcher import Limits, Server, Worker, WorkerFailed
from bench.measure.same_model import Losses
from bench.results.record import BlockSize, Failure, FailureStatus, Latency, Profile, Replicate, SameModel

Answer = TypeVar("Answer")

LEAST_LATENCIES = 20  # a 95th percentile of fewer would be the slowest one


@dataclass(frozen=True)
class Settings:
    """What all cohorts of a run have in common."""

    device: str  # cpu or gpu
    tf32: bool | None  # None leaves TensorFlow's default
    seed: int
    preset: Preset
    limits: Limits
    folder: Path  # the run's
    interleaved: bool = True  # False where the device admits one process at a time


@dataclass
class Member:
    """A living replicate."""

    case: Case
    worker: Worker
    ready_seconds: float
    prepared: protocol.Prepared
    rounds: list[int] = field(default_factory=list)
    seconds_per_step: list[float] = field(default_factory=list)


class Cohort:
    """The workers of one server. A case whose worker fails leaves it, is reported, and the others go on."""

    def __init__(
        self, server: Server, number: int, settings: Settings, report: Callable[[Case, Failure], None]
    ) -> None:
        self.number = number
        self.members: list[Member] = []
        self.order: list[tuple[str, ...]] = []
        self._shuffler = random.Random(f"{settings.seed}/{number}")
        self._server = server
        self._settings = settings
        self._report = report

    def groups(self, cases: Sequence[Case]) -> list[Sequence[Case]]:
        """The cases whose workers live at the same time: all of them, or one by one in random order."""
        if self._settings.interleaved:
            return [cases]
        return [[case] for case in self._shuffler.sample(cases, len(cases))]

    def start(self, case: Case) -> None:
        """Start the case's worker and take it through its first call, while all others are stopped."""
        log = self._log(case.name)
        try:
            worker, ready_seconds = self._server.start_worker(log)
        except WorkerFailed as failure:
            self._fail(case, "failed", str(failure), log)
            return
        try:
            prepared = self._prepare(worker, case, self._settings.tf32)
        except WorkerFailed as failure:
            worker.end()
            self._fail(case, "failed", str(failure), log)
            return
        member = Member(case, worker, ready_seconds, prepared)
        worker.stop()
        self.members.append(member)

    def losses_apart(self, case: Case, steps: int) -> Losses:
        """Losses of the first batches, from a worker of its own with TF32 off. Raises WorkerFailed."""
        worker, _ = self._server.start_worker(self._log(f"{case.name}/check"))
        try:
            self._prepare(worker, case, tf32=False)
            return self._losses(worker, steps)
        finally:
            worker.end()

    def check_apart(self, case: Case, reference: Losses) -> SameModel | None:
        """Hold the case's losses with TF32 off against the reference's; a mismatch or a failure is reported."""
        try:
            losses = self.losses_apart(case, len(reference))
        except WorkerFailed as failure:
            self._fail(case, "failed", str(failure), self._log(f"{case.name}/check"))
            return None
        result = same_model.compare(losses, reference, self._settings.device, tf32=False)
        if not result.passed:
            self._fail(case, "mismatch", same_model.explain(result), self._log(f"{case.name}/check"))
        return result

    def check(self, member: Member, reference: Losses) -> SameModel | None:
        """Hold the member's losses, as it will be timed, against the reference's; a mismatch ends the member."""
        losses = self._with(member, lambda member: self._losses(member.worker, len(reference)))
        if losses is None:
            return None
        result = same_model.compare(losses, reference, self._settings.device, member.prepared.tf32)
        if not result.passed:
            self._drop(member, "mismatch", same_model.explain(result))
        return result

    def calibrate(self, member: Member) -> BlockSize | None:
        """Let the member choose the size of its blocks; None where it fails."""
        seconds = self._settings.limits.request
        chosen = self._with(
            member, lambda member: member.worker.ask(protocol.Calibrate(), protocol.Calibrated, seconds)
        )
        return chosen and BlockSize(steps=chosen.steps, lead_in=chosen.lead_in)

    def run_rounds(self, sizes: dict[str, BlockSize], seconds: float, advance: Callable[[int], None]) -> None:
        """Time one block of every member a round, in random seeded order, after some rounds that are not kept.

        Ends with the preset's rounds or after `seconds`, never by what was measured. `advance` is told how many
        rounds are kept so far.
        """
        preset, spent = self._settings.preset, 0.0
        for i in range(preset.warmup_rounds + preset.rounds):
            number = i - preset.warmup_rounds if i >= preset.warmup_rounds else None
            if not self.members or (number and spent > seconds):  # one round is kept in any case
                break
            began, alive = time.monotonic(), len(self.members)
            order = self._round(sizes, number)
            if len(self.members) == alive:  # waiting for a worker that hangs is not the others' time
                spent += time.monotonic() - began
            if number is not None:
                self.order.append(order)
                advance(number + 1)

    def measure_latency(self, member: Member) -> Latency | str:
        """Time single synchronised steps of the member, or say why not: that costs the latency, not the case."""
        preset = self._settings.preset
        request = protocol.MeasureLatency(steps=preset.latency_steps, seconds=preset.latency_seconds)
        seconds = self._settings.limits.request + preset.latency_seconds
        try:
            done = self._ask_afterwards(member, request, protocol.LatencyDone, seconds)
        except WorkerFailed as failure:
            return str(failure)
        return _latency(done.seconds)

    def take_profile(self, member: Member) -> Profile:
        """Trace some steps of the member for TensorBoard. A trace that fails costs the profile, not the case."""
        folder = Path("tensorboard") / member.case.name.replace("/", "-")
        steps = self._settings.preset.profile_steps
        if member not in self.members:
            return Profile(
                status="failed", folder=str(folder), steps=steps, reason="its worker failed in the latency pass"
            )
        request = protocol.TakeProfile(logdir=str(self._settings.folder / folder), steps=steps)
        try:
            taken = self._ask_afterwards(member, request, protocol.ProfileTaken, self._settings.limits.request)
        except WorkerFailed as failure:
            return Profile(status="failed", folder=str(folder), steps=steps, reason=str(failure))
        return _profile(taken, str(folder), steps)

    def _ask_afterwards(self, member: Member, request: protocol.Message, expected: Any, seconds: float) -> Any:
        """Ask a member whose blocks are done; where that fails it goes, and its case stands. Raises WorkerFailed."""
        member.worker.resume()
        try:
            answer = member.worker.ask(request, expected, seconds)
        except WorkerFailed:
            self.members.remove(member)
            member.worker.end()
            raise
        member.worker.stop()
        return answer

    def replicates(self) -> dict[str, Replicate]:
        """The record of every living member that has timed blocks, by the name of its case."""
        return {member.case.name: self._replicate(member) for member in self.members if member.rounds}

    def end_members(self) -> None:
        """End the workers, to make room for the next group's."""
        for member in self.members:
            member.worker.end()
        self.members.clear()

    def _replicate(self, member: Member) -> Replicate:
        prepared = member.prepared
        return Replicate(
            cohort=self.number,
            start_method=self._server.start_method,
            ready_seconds=member.ready_seconds,
            device_init_seconds=prepared.device_init_seconds,
            trace_seconds=prepared.trace_seconds,
            compile_seconds=prepared.compile_seconds,
            first_step_seconds=prepared.first_step_seconds,
            input_init_seconds=prepared.input_init_seconds,
            device=prepared.device,
            tf32=prepared.tf32,
            rounds=tuple(member.rounds),
            seconds_per_step=tuple(member.seconds_per_step),
        )

    def _round(self, sizes: dict[str, BlockSize], number: int | None) -> tuple[str, ...]:
        order = self._shuffler.sample(self.members, len(self.members))

        def block(member: Member) -> None:
            size = sizes[member.case.measured_as]
            request = protocol.RunBlock(steps=size.steps, lead_in=size.lead_in)
            done = member.worker.ask(request, protocol.BlockDone, self._settings.limits.request)
            if done.traces > 1:
                raise WorkerFailed(f"was traced {done.traces} times: its blocks would time tracing, not steps")
            if number is not None:
                member.rounds.append(number)
                member.seconds_per_step.append(done.seconds / size.steps)

        for member in order:
            self._with(member, block)
        return tuple(member.case.name for member in order if member in self.members)

    def _with(self, member: Member, action: Callable[[Member], Answer]) -> Answer | None:
        """Let only this member run while `action` asks it something; None where it fails and is dropped."""
        member.worker.resume()
        try:
            answer = action(member)
        except WorkerFailed as failure:
            self._drop(member, "failed", str(failure))
            return None
        member.worker.stop()
        return answer

    def _drop(self, member: Member, status: FailureStatus, reason: str) -> None:
        self.members.remove(member)
        member.worker.end()
        self._fail(member.case, status, reason, member.worker.log)

    def _fail(self, case: Case, status: FailureStatus, reason: str, log: Path) -> None:
        relative = str(log.relative_to(self._settings.folder))
        self._report(case, Failure(status=status, reason=reason, cohort=self.number, log=relative))

    def _prepare(self, worker: Worker, case: Case, tf32: bool | None) -> protocol.Prepared:
        settings = self._settings
        request = protocol.Prepare(case=case, device=settings.device, tf32=tf32, seed=settings.seed)
        prepared: protocol.Prepared = worker.ask(request, protocol.Prepared, settings.limits.first_call)
        return prepared

    def _losses(self, worker: Worker, steps: int) -> Losses:
        checked: protocol.Checked = worker.ask(
            protocol.Check(steps=steps), protocol.Checked, self._settings.limits.request
        )
        return checked.losses

    def _log(self, name: str) -> Path:
        return self._settings.folder / "logs" / f"cohort-{self.number}" / (name.replace("/", "-") + ".log")


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


def _profile(taken: protocol.ProfileTaken, folder: str, steps: int) -> Profile:
    reason = None
    if taken.step_markers < steps:
        reason = f"{taken.step_markers} step markers of {steps}"
    elif taken.device_events == 0:
        reason = "no events of the GPU: see the worker's log for lines about CUPTI"
    return Profile(
        status="failed" if reason else "ok",
        folder=folder,
        steps=steps,
        step_markers=taken.step_markers,
        events=taken.events,
        device_events=taken.device_events,
        reason=reason,
    )
