"""The ranks of a job on other hosts, as rank 0 sees them: each starts workers there when it is asked to."""

import ipaddress
import itertools
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import protocol
from bench.errors import UsageError
from bench.launch import wire
from bench.launch.place import Place
from bench.launch.ranks import Member, free_addresses
from bench.launch.wire import NoAnswer
from bench.launch.worker import Timeouts, Worker, WorkerFailed, wait_until_ready
from bench.results.record import Fact

# A worker there is forked like one here; its server may have to load TensorFlow first.
_START_SECONDS = 240.0
_END_SECONDS = 30.0
_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Follower:
    """Another rank: what it said of itself, and the connection to it. `address` is where its host was seen.

    Requests are numbered: a reply that comes after nobody waited for it any more is of no interest.
    """

    hello: protocol.Hello
    link: "Connection[bytes, bytes]"
    address: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def name(self) -> str:
        """In sentences."""
        return f"Rank {self.hello.rank}"

    def reply(self, request: int, seconds: float) -> Any:
        """The reply to the request of this number. Raises NoAnswer."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            found = wire.receive(self.link, protocol.FromFollower, left, self.name)
            if found.request == request:
                return found


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
    def _every(self) -> list[protocol.Hello]:
        return [self._own, *(follower.hello for follower in self._followers)]

    @property
    def facts(self) -> dict[str, dict[str, Fact]]:
        """What every rank said of its host, group by group."""
        return {f"rank_{hello.rank}": {"host": Fact(value=hello.host), **hello.facts} for hello in self._every}

    def members(
        self, start: Callable[[Path], tuple[Worker, float]], repetition: int, timeouts: Timeouts
    ) -> list[Member]:
        """What starts each rank; `start` is for the first, on this host."""
        first, *others = seats(self._every)
        own = free_addresses(1, _host(self._address))[0]
        return [
            Member(start, own.__str__, *first),
            *(
                self._member(follower, repetition, timeouts, seat)
                for follower, seat in zip(self._followers, others, strict=True)
            ),
        ]

    def end(self, exit_code: int) -> None:
        """Tell all ranks that the run is over, with its exit code; it may be said again."""
        for follower in self._followers:
            with suppress(NoAnswer):
                wire.send(follower.link, protocol.JobEnded(exit_code=exit_code), follower.name)
            follower.link.close()
        self._followers = []
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
        request = next(follower.numbers)
        try:
            wire.send(follower.link, protocol.StartRank(request=request, repetition=repetition), follower.name)
            link, started = self._attached(follower, request)
        except NoAnswer as gone:
            raise WorkerFailed(str(gone).rstrip("."), died=True) from None
        pid = started.pid
        return Worker(link, pid, log, lambda: _reap(follower, pid, log), _only_a_kill), started.port

    def _attached(self, follower: Follower, request: int) -> "tuple[Connection[bytes, bytes], protocol.RankStarted]":
        """The connection that the worker makes, and what its rank says of it. Raises NoAnswer, WorkerFailed.

        Anything else that connects meanwhile is sent away.
        """
        link: Connection[bytes, bytes] | None = None
        deadline = time.monotonic() + _START_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if link is None and not follower.link.poll(0):
                link = self._connected(follower, request, min(left, _EVERY_SECONDS))
                continue
            reply = wire.receive(follower.link, protocol.FromFollower, left, follower.name)
            if reply.request != request:
                continue
            if isinstance(reply, protocol.RankNotStarted):
                if link:
                    link.close()
                raise WorkerFailed(f"cannot start a worker: {reply.reason}")
            # It has connected before it says that it has started: the connection is in the queue.
            link = link or self._connected(follower, request, _END_SECONDS)
            if link and isinstance(reply, protocol.RankStarted):
                return link, reply
            raise NoAnswer(f"{follower.name} made no connection for its worker.")
        raise NoAnswer(f"{follower.name} does not answer within {_START_SECONDS:g} s.")

    def _connected(self, follower: Follower, request: int, seconds: float) -> "Connection[bytes, bytes] | None":
        """The next connection, if it is the one for that request."""
        accepted = wire.accept(self._listening, seconds)
        if accepted is None:
            return None
        link, _ = accepted
        with suppress(NoAnswer):
            found = wire.receive(link, protocol.Attach, _END_SECONDS, follower.name)
            if (found.rank, found.request) == (follower.hello.rank, request):
                return link
        link.close()
        return None


def gather(own: protocol.Hello, place: Place, seconds: float, say: Callable[[str], None]) -> Job:
    """Wait for all other ranks, and check that they fit to each other. Raises UsageError, which all ranks are told."""
    listening = wire.listen(place.host, place.port, seconds)
    found: dict[int, Follower] = {}
    try:
        if why := _why_alone(listening, place):
            say(why)
        deadline = time.monotonic() + seconds
        while len(found) + 1 < place.ranks:
            if (left := deadline - time.monotonic()) <= 0:
                missing = ", ".join(str(rank) for rank in range(1, place.ranks) if rank not in found)
                raise UsageError(
                    f"Of {place.ranks} ranks these have not come within {seconds:g} s: {missing}. Start `bench rank` "
                    f"once for each, with rank 0's address {place.host}:{place.port}."
                )
            if follower := _next(listening, left, own, found):
                found[follower.hello.rank] = follower
                say(f"Rank {follower.hello.rank} of {place.ranks} has come.")
        if why := _why_no_seats([own, *(follower.hello for follower in found.values())]):
            raise UsageError(why)
    except BaseException as error:
        why = str(error) if isinstance(error, UsageError) else "Rank 0 was ended before all ranks had come."
        for follower in found.values():
            _refuse(follower.link, why)
        listening.close()
        raise
    return Job(own, place.host, list(found.values()), listening)


def _next(
    listening: socket.socket, seconds: float, own: protocol.Hello, found: Mapping[int, Follower]
) -> Follower | None:
    """The next rank that comes; None where it is none. Raises UsageError for one that does not fit."""
    accepted = wire.accept(listening, seconds)
    if accepted is None:
        return None
    link, address = accepted
    try:
        hello = _hello(link, own)
    except NoAnswer:
        link.close()
        return None
    except UsageError as error:
        _refuse(link, str(error))
        raise
    if why := _why_not(own, hello, found):
        _refuse(link, why)
        raise UsageError(why)
    return Follower(hello, link, address)


def _hello(link: "Connection[bytes, bytes]", own: protocol.Hello) -> protocol.Hello:
    """What a rank says of itself; of another protocol only the number is understood. Raises NoAnswer, UsageError."""
    raw = wire.receive_bytes(link, _END_SECONDS, "A rank")
    try:
        greeting = protocol.decode(raw, protocol.Greeting)
        if greeting.protocol != own.protocol:
            raise UsageError(_disagree("protocol", own.protocol, greeting.protocol, "another rank"))
        found: protocol.Hello = protocol.decode(raw, protocol.Hello)
    except protocol.ProtocolError as error:
        raise NoAnswer(f"A rank sent something unexpected: {error}") from None
    return found


def _refuse(link: "Connection[bytes, bytes]", why: str) -> None:
    """Tell a rank why it cannot be; one that is gone need not know."""
    with suppress(NoAnswer):
        wire.send(link, protocol.Refused(reason=why), "A rank")
    link.close()


def _why_alone(listening: socket.socket, place: Place) -> str | None:
    """A remark where only ranks on this host can find rank 0: distributions give a host's own name to the loopback."""
    address = listening.getsockname()[0]
    if place.host == address or not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        return None
    return f"{place.host} is {address} here, which other hosts cannot reach: for those say rank 0's own address."


def _why_not(own: protocol.Hello, other: protocol.Hello, found: Mapping[int, Follower]) -> str | None:
    """Why a rank does not fit; None where it does."""
    for what, ours, theirs in (
        ("suite", own.suite, other.suite),
        ("TensorFlow", own.tensorflow, other.tensorflow),
        ("number of ranks", own.ranks, other.ranks),
        ("data (SHA-256)", own.data[:12], other.data[:12]),
        ("workload (SHA-256)", own.workload[:12], other.workload[:12]),
        ("device", own.device, other.device),
    ):
        if ours != theirs:
            return _disagree(what, ours, theirs, f"rank {other.rank}")
    if other.device == "cpu" and not all(re.fullmatch("[0-9]{1,6}", device) for device in other.devices):
        return f"Rank {other.rank} does not say by their numbers which cores it may use."
    if not 0 < other.rank < own.ranks:
        others = own.ranks - 1
        return f"A rank says that it is number {other.rank} of {own.ranks}: besides rank 0 there are 1 to {others}."
    if other.rank in found:
        return f"Two processes say that they are rank {other.rank}: each rank is started once."
    return None


def _disagree(what: str, ours: object, theirs: object, who: str) -> str:
    return f"Ranks have to agree: the {what} of rank 0 is {ours}, that of {who} is {str(theirs)[:60]}."


def _why_no_seats(every: Sequence[protocol.Hello]) -> str | None:
    """Why not every rank has a device of its own; None where it has."""
    for hello, taken in _taken(every):
        if taken is None:
            here = [other for other in every if other.host == hello.host]
            have = len({device for other in here for device in other.devices})
            what = "GPUs" if hello.device == "gpu" else "cores"
            ranks = ", ".join(str(other.rank) for other in here)
            return f"Ranks {ranks} are on one host with {have} {what} that may be used: start at most {have} there."
    return None


def seats(every: Sequence[protocol.Hello]) -> list[tuple[int, tuple[int, ...]]]:
    """For every rank, the number of its device among those that it sees, and the core that it is pinned to."""
    return [
        (hello.devices.index(taken), ()) if hello.device == "gpu" else (0, (int(taken),))
        for hello, taken in _taken(every)
        if taken is not None
    ]


def _taken(every: Sequence[protocol.Hello]) -> Iterator[tuple[protocol.Hello, str | None]]:
    """For every rank the first of its devices that no rank before it on its host has taken; None where none is left."""
    taken: set[tuple[str, str]] = set()
    for hello in every:
        device = next((device for device in hello.devices if (hello.host, device) not in taken), None)
        if device is not None:
            taken.add((hello.host, device))
        yield hello, device


def _only_a_kill(pid: int, number: int) -> None:
    """A kill reaches another host with the reaping, and ranks are never stopped."""
    assert number == signal.SIGKILL


def _reap(follower: Follower, pid: int, log: Path) -> int:
    """End the worker there; its log comes here, and its exit code. One that cannot be asked is lost."""
    request = next(follower.numbers)
    try:
        wire.send(follower.link, protocol.EndRank(request=request, pid=pid), follower.name)
        ended = follower.reply(request, _END_SECONDS)
    except NoAnswer as gone:
        log.write_text(f"its rank cannot be asked why: {gone}\n")
        return 1
    if not isinstance(ended, protocol.RankEnded):
        return 1
    log.write_text(ended.log, errors="replace")
    return ended.exit_code


def _host(address: str) -> str:
    """As it stands before a port."""
    return f"[{address}]" if ":" in address else address
