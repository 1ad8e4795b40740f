"""What the ranks of a job say to each other: rank 0, which leads, and those that follow."""

from bench.protocol.message import Message
from bench.results.record import Fact


class Hello(Message, frozen=True, kw_only=True):
    """A rank has found the one that leads, and says what it is. Names of hosts are hashed, since results travel."""

    protocol: int
    suite: str  # versions
    tensorflow: str | None
    rank: int
    ranks: int
    data: str  # SHA-256
    workload: str  # the same
    device: str  # cpu or gpu
    devices: tuple[str, ...]  # that it may use, each by what it is called on every rank of its host; in their order
    host: str  # the same for all ranks on one host, and for no others
    facts: dict[str, Fact]


class Attach(Message, frozen=True, kw_only=True):
    """This connection is for the worker that this rank was asked for by the request of that number."""

    rank: int
    request: int


class Refused(Message, frozen=True, kw_only=True):
    """The job cannot be: whoever gets this ends, with the reason."""

    reason: str


class StartRank(Message, frozen=True, kw_only=True):
    """Start a worker, from a server that is new in every repetition, and connect it to rank 0."""

    request: int
    repetition: int


class RankStarted(Message, frozen=True, kw_only=True):
    """The worker's process there, and a port that was free for its server."""

    request: int
    pid: int
    port: int


class RankNotStarted(Message, frozen=True, kw_only=True):
    """Why there is none."""

    request: int
    reason: str


class EndRank(Message, frozen=True, kw_only=True):
    """Kill a worker and reap it."""

    request: int
    pid: int


class RankEnded(Message, frozen=True, kw_only=True):
    """Its exit code, negative where a signal ended it, and the end of its log."""

    request: int
    exit_code: int
    log: str


class JobEnded(Message, frozen=True, kw_only=True):
    """The run is over: every rank ends with this exit code."""

    exit_code: int


FromFollower = RankStarted | RankNotStarted | RankEnded
ToFollower = Refused | StartRank | EndRank | JobEnded
