"""The processes that do one case together, one for each of its ranks: asked at the same time, they answer as one."""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

import msgspec

from bench import protocol
from bench.backends import clock
from bench.launch.server import Server
from bench.launch.worker import Timeouts, Worker, WorkerFailed
from bench.machine import interrupts
from bench.plan.case import Case

LOOPBACK = "127.0.0.1"
NOT_BY_TIME = "several processes cannot take as many steps as fit into a time"

# After one rank has failed, the others tell what they know of it within so many seconds, or are silent.
GRACE_SECONDS = 2.0
_EVERY_SECONDS = 0.2
_STEPS_BEFORE_TRACE = 1  # a call that a backend makes before it begins to trace

# What one of them can answer for all: no step is done for it.
_OF_FIRST = (protocol.Reconstruct, protocol.ReadMemory)


class Ranks:
    """The workers of one case in the order of their ranks; in use like a single worker.

    They are never stopped: the engine takes a rank for dead that it has not heard of for some seconds. Between two
    requests each of them waits for the next one. What one rank does by the clock, all have to do as often: such
    requests are refused, or answered by counted ones.
    """

    def __init__(self, workers: Sequence[Worker], kind: str) -> None:
        self._workers = tuple(workers)
        self._kind = kind
        self.log = workers[0].log  # of the rank that failed, once one has

    @property
    def pid(self) -> int:
        """The first rank's."""
        return self._workers[0].pid

    @property
    def pids(self) -> tuple[int, ...]:
        """Of all ranks on this host."""
        return tuple(pid for worker in self._workers for pid in worker.pids)

    def ask(
        self, request: protocol.Message, expected: Any, seconds: float, meanwhile: Callable[[], None] | None = None
    ) -> Any:
        """Send a request to all ranks and return their replies as one. Raises WorkerFailed, which names the rank.

        `meanwhile` is called a few times a second until all replies are there.
        """
        if isinstance(request, protocol.Calibrate):
            return self._calibrate(seconds)
        if isinstance(request, protocol.MeasureLatency | protocol.Sustain) and len(self._workers) > 1:
            raise WorkerFailed(NOT_BY_TIME)
        if isinstance(request, _OF_FIRST):
            return self._workers[0].ask(request, expected, seconds, meanwhile)
        requests = [_of_rank(request, i) for i in self._numbers]
        return _as_one(self.exchange(requests, expected | protocol.SampleDone, seconds, meanwhile))

    def exchange(
        self,
        requests: Sequence[protocol.Message],
        expected: Any,
        seconds: float,
        meanwhile: Callable[[], None] | None = None,
    ) -> list[Any]:
        """Send each rank its own request, and return their replies in order. Raises WorkerFailed."""
        what = type(requests[0]).__name__
        outcome: dict[int, Any] = {}
        for i, (worker, request) in enumerate(zip(self._workers, requests, strict=True)):
            try:
                worker.send(request)
            except WorkerFailed as failure:
                outcome[i] = failure
        # Those that were asked wait for one that is not there any more.
        deadline = time.monotonic() + (min(seconds, GRACE_SECONDS) if outcome else seconds)
        stopped = interrupts.stopped_seconds()
        while (
            len(outcome) < len(self._workers) and time.monotonic() < deadline + interrupts.stopped_seconds() - stopped
        ):
            waiting = {self._workers[i].connection: i for i in self._numbers if i not in outcome}
            for ready in connection.wait(list(waiting), _EVERY_SECONDS):
                number = waiting[ready]  # type: ignore[index]  # what is ready is one of those that were waited for
                try:
                    outcome[number] = self._workers[number].receive(expected, 0.0, what)
                except WorkerFailed as failure:
                    outcome[number] = failure
                    deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
            if meanwhile:
                meanwhile()
        if len(outcome) < len(self._workers) or any(isinstance(one, WorkerFailed) for one in outcome.values()):
            raise self._failed(outcome, what, seconds)
        return [outcome[i] for i in self._numbers]

    def stop(self) -> None:
        """Leave them as they are."""

    def resume(self) -> None:
        """They were not stopped."""

    def end(self) -> None:
        """Kill and reap all ranks."""
        self.kill()
        for worker in self._workers:
            worker.end()

    def kill(self) -> None:
        """Kill all ranks at once: none of them is to see another one end."""
        for worker in self._workers:
            worker.kill()

    @property
    def _numbers(self) -> range:
        return range(len(self._workers))

    def _calibrate(self, seconds: float) -> protocol.Calibrated:
        """Choose the steps of a sample here: each rank for itself would choose another number."""
        rules = clock.GPU_RULES if self._kind == "gpu" else clock.CPU_RULES

        def time_steps(count: int) -> float:
            request = protocol.RunSample(steps=count, warmup_steps=rules.least_warmup_steps)
            return float(self.ask(request, protocol.SampleDone, seconds).seconds)

        steps, warmup_steps = clock.choose_steps(time_steps, rules)
        return protocol.Calibrated(steps=steps, warmup_steps=warmup_steps)

    def _failed(self, outcome: Mapping[int, Any], what: str, seconds: float) -> WorkerFailed:
        """Which rank is at fault, and why: one that died, else one that is silent, else one that complains."""
        failures = {i: one for i, one in sorted(outcome.items()) if isinstance(one, WorkerFailed)}
        silent = [i for i in self._numbers if i not in outcome]
        died = next((i for i, failure in failures.items() if failure.died), None)
        if died is not None:
            return self._blame(died, f"{self._name(died)}: {failures[died]}")
        if silent and failures:
            first, complaint = next(iter(failures.items()))
            return self._blame(
                silent[0], f"{self._name(silent[0])} is silent in {what}; rank {first} says: {complaint}"
            )
        if silent:
            names = " and ".join(f"rank {i}" for i in silent)
            return self._blame(silent[0], f"hung: no answer to {what} from {names} within {seconds:g} s")
        first = next(iter(failures))
        return self._blame(first, f"{self._name(first)}: {failures[first]}")

    def _blame(self, number: int, reason: str) -> WorkerFailed:
        self.log = self._workers[number].log
        return WorkerFailed(reason, log=self.log)

    def _name(self, number: int) -> str:
        return f"rank {number} of {len(self._workers)}"


@dataclass(frozen=True)
class Member:
    """A rank that is to be started, and its place.

    `start` gives its worker and the seconds that took; `address`, asked afterwards, is where its server is to listen.
    `cores` are what it is pinned to, none where the system chooses.
    """

    start: Callable[[Path], tuple[Worker, float]]
    address: Callable[[], str]
    device_number: int = 0  # among those that its process sees
    cores: tuple[int, ...] = ()


def on_this_host(server: Server, count: int, kind: str, cores: Sequence[int]) -> list[Member]:
    """So many ranks on this host: each on a free port of the loopback, with a device and a core of its own."""
    return [
        Member(server.start_worker, address.__str__, i if kind == "gpu" else 0, (cores[i],) if cores else ())
        for i, address in enumerate(free_addresses(count))
    ]


def free_addresses(count: int, host: str = LOOPBACK) -> list[str]:
    """Ports that are free now."""
    with ExitStack() as stack:  # all are open at once, so that no port is found twice
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("", 0))
        return [f"{host}:{one.getsockname()[1]}" for one in sockets]


def start(
    members: Sequence[Member], case: Case, kind: str, log: Callable[[int], Path], timeouts: Timeouts
) -> tuple[Ranks, float]:
    """The ranks of a case, which have found each other, and the seconds until they could take their first request.

    Raises WorkerFailed where one of them does not start or is not found, after the others were ended. Whoever is
    interrupted meanwhile ends their servers, and them with it.
    """
    workers: list[Worker] = []
    try:
        seconds = 0.0
        for i, member in enumerate(members):
            try:
                worker, ready_seconds = member.start(log(i))
            except WorkerFailed as failure:
                raise WorkerFailed(f"rank {i} of {len(members)}: {failure}", log=log(i)) from None
            workers.append(worker)
            seconds += ready_seconds
        ranks, addresses = Ranks(workers, kind), tuple(member.address() for member in members)
        requests = [
            protocol.Join(
                case=case,
                device=kind,
                rank=i,
                addresses=addresses,
                device_number=member.device_number,
                cores=member.cores,
                timeout_seconds=timeouts.collective,
            )
            for i, member in enumerate(members)
        ]
        joined = ranks.exchange(requests, protocol.Joined, timeouts.join)
    except WorkerFailed:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.end()
        raise
    return ranks, seconds + max(one.seconds for one in joined)


def _of_rank(request: protocol.Message, rank: int) -> protocol.Message:
    """The request as a rank gets it: one trace is enough, and for the first rank's the others do as many steps."""
    if isinstance(request, protocol.TakeProfile) and rank > 0:
        return protocol.RunSample(steps=request.calls, warmup_steps=_STEPS_BEFORE_TRACE)
    return request


def _as_one(replies: Sequence[Any]) -> Any:
    """The replies of all ranks as one: the slowest's times, the mean of their losses, else what the first says."""
    first = replies[0]
    match first:
        case protocol.SampleDone():
            return protocol.SampleDone(
                seconds=max(one.seconds for one in replies), traces=max(one.traces for one in replies)
            )
        case protocol.Checked():
            losses = [_mean([one.losses[i] for one in replies]) for i in range(len(first.losses))]
            return protocol.Checked(losses=losses, mean_of=first.mean_of)
        case protocol.Measured():
            names = dict.fromkeys(name for one in replies for name in one.values)
            return protocol.Measured(
                values={name: max(one.values[name] for one in replies if name in one.values) for name in names},
                reasons={name: reason for one in reversed(replies) for name, reason in one.reasons.items()},
            )
        case protocol.Prepared():
            slowest = {
                name: max(times)
                for name in protocol.Prepared.__struct_fields__
                if name.endswith("_seconds")
                and (times := [time for one in replies if (time := getattr(one, name)) is not None])
            }
            cores = tuple(sorted({core for one in replies for core in one.pinned_cores}))
            return msgspec.structs.replace(first, **slowest, pinned_cores=cores)
    return first


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return sum(known) / len(known) if len(known) == len(losses) else None
