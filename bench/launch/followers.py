"""The ranks of a job on other hosts, as rank 0 sees them: each starts workers there when it is asked to."""

import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench import protocol
from bench.errors import UsageError
from bench.launch import wire
from bench.launch.launcher import Timeouts, Worker, WorkerFailed, wait_until_ready
from bench.launch.place import Place
from bench.launch.ranks import Member, free_addresses
from bench.launch.wire import NoAnswer
from bench.results.record import Fact

# A worker over there is forked like one here; its server may have to load TensorFlow first.
_START_SECONDS = 240.0
_END_SECONDS = 30.0


@dataclass(frozen=True)
class Follower:
    """Another rank: what it said of itself, and the connection to it. `address` is where its host was seen."""

    hello: protocol.Hello
    link: "Connection[bytes, bytes]"
    address: str

    @property
    def name(self) -> str:
        """In sentences."""
        return f"Rank {self.hello.rank}"


class Job:
    """All ranks of a job, seen from rank 0: `own` is what that one would say of itself."""

    def __init__(
        self, own: protocol.Hello, address: str, followers: Sequence[Follower], listening: socket.socket
    ) -> None:
        self._own = own
        self._address = address
        self._followers = sorted(followers, key=lambda follower: follower.hello.rank)
        self._listening = listening

    @property
    def ranks(self) -> int:
        """How many there are."""
        return len(self._followers) + 1

    @property
    def facts(self) -> dict[str, dict[str, Fact]]:
        """What every rank said of its host, group by group."""
        every = (self._own, *(follower.hello for follower in self._followers))
        return {f"rank_{hello.rank}": {"host": Fact(value=hello.host), **hello.facts} for hello in every}

    def members(
        self, start: Callable[[Path], tuple[Worker, float]], repetition: int, timeouts: Timeouts
    ) -> list[Member]:
        """What starts each rank; `start` is for the first, on this host."""
        own = free_addresses(1, _host(self._address))[0]
        seats = _seats([self._own, *(follower.hello for follower in self._followers)])
        first = Member(start, own.__str__, *seats[0])
        return [
            first,
            *(
                self._member(follower, repetition, timeouts, seat)
                for follower, seat in zip(self._followers, seats[1:], strict=True)
            ),
        ]

    def end(self, exit_code: int) -> None:
        """Tell all ranks that the run is over, with its exit code."""
        for follower in self._followers:
            try:
                wire.send(follower.link, protocol.JobEnded(exit_code=exit_code), follower.name)
            except NoAnswer:
                continue
            finally:
                follower.link.close()
        self._listening.close()

    def _member(
        self, follower: Follower, repetition: int, timeouts: Timeouts, seat: tuple[int, tuple[int, ...]]
    ) -> Member:
        ports: list[int] = []

        def start(log: Path) -> tuple[Worker, float]:
            began = time.perf_counter()
            worker, port = self._start(follower, repetition, log)
            ports.append(port)
            wait_until_ready(worker, timeouts)
            return worker, time.perf_counter() - began

        return Member(start, lambda: f"{_host(follower.address)}:{ports[-1]}", *seat)

    def _start(self, follower: Follower, repetition: int, log: Path) -> tuple[Worker, int]:
        """A worker there, on a connection of its own, and a port for its server. Raises WorkerFailed."""
        try:
            wire.send(follower.link, protocol.StartRank(repetition=repetition), follower.name)
            link = self._attached(follower)
            expected = protocol.RankStarted | protocol.RankNotStarted
            reply = wire.receive(follower.link, expected, _START_SECONDS, follower.name)
        except NoAnswer as gone:
            raise WorkerFailed(str(gone).rstrip("."), died=True) from None
        if isinstance(reply, protocol.RankNotStarted):
            link.close()
            raise WorkerFailed(f"{follower.name} cannot start a worker: {reply.reason}")
        pid = reply.pid
        return Worker(
            link, pid, log, lambda: _reap(follower, pid, log), lambda pid, number: _signal(follower, pid, number)
        ), reply.port

    def _attached(self, follower: Follower) -> "Connection[bytes, bytes]":
        """The connection for the worker that was asked for; anything else that connects meanwhile is sent away."""
        deadline = time.monotonic() + _START_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if follower.link.poll(0):  # it answers without having connected: it could not start one
                break
            accepted = wire.accept(self._listening, min(left, 1.0))
            if accepted is None:
                continue
            link, _ = accepted
            try:
                found = wire.receive(link, protocol.Attach, _END_SECONDS, follower.name)
            except NoAnswer:
                link.close()
                continue
            if found.rank == follower.hello.rank:
                return link
            link.close()
        reply = wire.receive(follower.link, protocol.RankNotStarted, _END_SECONDS, follower.name)
        raise WorkerFailed(f"{follower.name} cannot start a worker: {reply.reason}")


def gather(own: protocol.Hello, place: Place, seconds: float, say: Callable[[str], None]) -> Job:
    """Wait for all other ranks, and check that they fit to each other. Raises UsageError, which all ranks are told."""
    listening = wire.listen(place.host, place.port, seconds)
    found: dict[int, Follower] = {}
    deadline = time.monotonic() + seconds
    try:
        while len(found) + 1 < place.ranks:
            missing = ", ".join(str(rank) for rank in range(1, place.ranks) if rank not in found)
            if (left := deadline - time.monotonic()) <= 0:
                raise UsageError(
                    f"Of {place.ranks} ranks these have not come within {seconds:g} s: {missing}. Start `bench rank` "
                    f"once for each, with rank 0's address {place.host}:{place.port}."
                )
            accepted = wire.accept(listening, left)
            if accepted is None:
                continue
            link, address = accepted
            try:
                follower = Follower(wire.receive(link, protocol.Hello, _END_SECONDS, "A rank"), link, address)
            except NoAnswer:
                link.close()
                continue
            if why := _why_not(own, follower.hello, found):
                wire.send(link, protocol.Refused(reason=why), follower.name)
                raise UsageError(why)
            found[follower.hello.rank] = follower
            say(f"Rank {follower.hello.rank} of {place.ranks} has come.")
        if why := _why_no_seats([own, *(follower.hello for follower in found.values())]):
            raise UsageError(why)
    except BaseException as error:
        for follower in found.values():
            wire.send(follower.link, protocol.Refused(reason=str(error) or "Rank 0 has ended."), follower.name)
        listening.close()
        raise
    return Job(own, place.host, list(found.values()), listening)


def _why_not(own: protocol.Hello, other: protocol.Hello, found: Mapping[int, Follower]) -> str | None:
    """Why a rank does not fit; None where it does."""
    for what, ours, theirs in (
        ("protocol", own.protocol, other.protocol),
        ("suite", own.suite, other.suite),
        ("TensorFlow", own.tensorflow, other.tensorflow),
        ("number of ranks", own.ranks, other.ranks),
        ("data (SHA-256)", own.data[:12], other.data[:12]),
        ("workload (SHA-256)", own.workload[:12], other.workload[:12]),
        ("device", own.device, other.device),
    ):
        if ours != theirs:
            return f"Ranks have to agree: the {what} of rank 0 is {ours}, that of rank {other.rank} is {theirs}."
    if not 0 < other.rank < own.ranks:
        return (
            f"A rank says that it is number {other.rank} of {own.ranks}: besides rank 0 there are 1 to {own.ranks - 1}."
        )
    if other.rank in found:
        return f"Two processes say that they are rank {other.rank}: each rank is started once."
    return None


def _why_no_seats(every: Sequence[protocol.Hello]) -> str | None:
    """Why not every rank has a device of its own; None where it has."""
    for host, count in Counter(hello.host for hello in every).items():
        here = [hello for hello in every if hello.host == host]
        if here[0].device == "gpu":
            have, what = max(hello.device_count for hello in here), "GPUs that may be used"
        else:
            have, what = len({core for hello in here for core in hello.cores}), "cores that may be used"
        # Each sees its own alone where the scheduler gives every rank a GPU.
        if have < count and not (here[0].device == "gpu" and have == 1):
            ranks = ", ".join(str(hello.rank) for hello in here)
            return f"Ranks {ranks} are on one host with {have} {what}: start at most {have} there."
    return None


def _seats(every: Sequence[protocol.Hello]) -> list[tuple[int, tuple[int, ...]]]:
    """For every rank, the number of its device among those that it sees, and the core that it is pinned to."""
    taken: dict[str, list[int]] = {}
    seats: list[tuple[int, tuple[int, ...]]] = []
    for hello in every:
        before = taken.setdefault(hello.host, [])
        if hello.device == "gpu":
            seats.append((len(before) if hello.device_count > 1 else 0, ()))
            before.append(len(before))
            continue
        core = next((core for core in hello.cores if core not in before), None)
        before.append(-1 if core is None else core)
        seats.append((0, () if core is None else (core,)))
    return seats


def _signal(follower: Follower, pid: int, number: int) -> None:
    """Only a kill reaches another host, and that with the reaping: ranks are never stopped."""
    assert number == signal.SIGKILL


def _reap(follower: Follower, pid: int, log: Path) -> int:
    """End the worker over there; its log comes here, and its exit code. One that cannot be asked is lost."""
    try:
        wire.send(follower.link, protocol.EndRank(pid=pid), follower.name)
        ended: protocol.RankEnded = wire.receive(follower.link, protocol.RankEnded, _END_SECONDS, follower.name)
    except NoAnswer:
        return 1
    log.write_text(ended.log)
    return ended.exit_code


def _host(address: str) -> str:
    """As it stands before a port."""
    return f"[{address}]" if ":" in address else address
