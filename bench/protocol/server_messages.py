"""What launcher and server say to each other."""

from typing import Any

from bench.protocol.message import Message


class ServerReady(Message, frozen=True, kw_only=True):
    """The server has preloaded everything. `unsound` says why it must not fork, None where it may."""

    protocol: int
    preload_seconds: float  # since the process began
    unsound: str | None
    suite: str
    python: str
    numpy: str | None
    machine_info: dict[str, Any]  # as pytest-benchmark writes them, both
    commit_info: dict[str, Any]
    workload: str  # SHA-256 of what a step is
    answers: tuple[str, ...]  # the requests that its workers can take


class Fork(Message, frozen=True, kw_only=True):
    """Start a worker; the descriptor of its connection follows. Its output goes to the file `log`."""

    log: str


class Forked(Message, frozen=True, kw_only=True):
    """The worker's process id."""

    pid: int


class Reap(Message, frozen=True, kw_only=True):
    """Wait for an ended worker."""

    pid: int


class Reaped(Message, frozen=True, kw_only=True):
    """Its exit code, negative where a signal ended it."""

    exit_code: int


ServerRequest = Fork | Reap
