"""One child process that measures a case: asked, stopped, continued, ended; and how it died, if it did."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import protocol
from bench.machine import interrupts
from bench.machine.environment import anonymous

# Elsewhere a stopped process would outlive a parent that was killed (see lifeline).
CAN_STOP_WORKERS = sys.platform == "linux"

_MEANWHILE_SECONDS = 0.2

# Of a log's end, where the cause of a death stands as a rule.
_LOG_LINES, _LOG_LENGTH = 200, 240
# The first of these that fits: what ends a process, an error in a log, the last line of Python's, any word for it.
_TELLING = tuple(
    map(
        re.compile,
        (
            r"^F\d{4}|(?i:\bunknown flag)",
            r"^E\d{4}",
            r"^[A-Za-z_.]*(Error|Exception|Exit)\b",
            r"(?i)\b(error|fatal|failed|cannot|could not|no such|not found|invalid)\b",
        ),
    )
)
# What logs of the healthy have too.
_INNOCENT = re.compile(r"^[IW]\d{4} |oneDNN custom operations|Could not find cuda drivers")


@dataclass(frozen=True)
class Timeouts:
    """Seconds after which a silent process counts as hung."""

    server_ready: float = 180.0
    worker_ready: float = 180.0  # a spawned worker imports TensorFlow first
    first_call: float = 180.0
    request: float = 120.0
    join: float = 60.0  # until all ranks of a case have found each other
    collective: float = 90.0  # of an operation that all ranks take part in, by TensorFlow's own clock

    @staticmethod
    def for_device(kind: str) -> "Timeouts":
        """A GPU without matching machine code in the wheel compiles for up to half an hour (tensorflow #62320)."""
        return Timeouts(first_call=2400.0, collective=2400.0) if kind == "gpu" else Timeouts()


class WorkerFailed(Exception):
    """A worker raised, died, hung, or did not understand; the text says which.

    `died` is of its process; `log` is that of the one at fault, where several do a case.
    """

    def __init__(self, reason: str, died: bool = False, log: Path | None = None) -> None:
        super().__init__(reason)
        self.died = died
        self.log = log


class Worker:
    """One child process that measures one case."""

    def __init__(
        self,
        connection: "Connection[bytes, bytes]",
        pid: int,
        log: Path,
        reap: Callable[[], int],
        send_signal: Callable[[int, int], None] | None = None,
    ) -> None:
        self._connection = connection
        self._reap_child = reap
        self._send_signal = send_signal or os.kill
        self._is_here = send_signal is None
        self._alive = True
        self._memory_kills = out_of_memory_kills()
        self.pid = pid
        self.log = log

    @property
    def pids(self) -> tuple[int, ...]:
        """Of all its processes on this host: one, or none where it is on another."""
        return (self.pid,) if self._is_here else ()

    @property
    def connection(self) -> "Connection[bytes, bytes]":
        """To wait for several workers at a time; messages go through `send` and `receive`."""
        return self._connection

    def receive(self, expected: Any, seconds: float, what: str) -> Any:
        """The worker's next message, of a type in `expected`. Sleeps while waiting.

        Raises WorkerFailed, or ServerGone where the worker died with its server.
        """
        try:
            if not answers(self._connection, seconds):
                raise WorkerFailed(f"hung: no answer to {what} within {seconds:g} s")
            reply = protocol.decode(self._connection.recv_bytes(), expected | protocol.Failed)
        except (EOFError, OSError):
            raise WorkerFailed(f"{self._cause_of_death()}, in {what}", died=True) from None
        except protocol.ProtocolError as error:
            raise WorkerFailed(f"sent something unexpected: {error}") from None
        if isinstance(reply, protocol.Failed):
            prefix = "out of memory: " if reply.kind == "memory" else ""
            raise WorkerFailed(f"{prefix}{reply.reason}, in {what}")
        return reply

    def ask(
        self, request: protocol.Message, expected: Any, seconds: float, meanwhile: Callable[[], None] | None = None
    ) -> Any:
        """Send a request and return its reply, which must be of type `expected`. Raises WorkerFailed.

        `meanwhile` is called a few times a second until the reply is there; without it the launcher sleeps.
        """
        what = type(request).__name__
        self.send(request)
        try:
            deadline = time.monotonic() + seconds
            while meanwhile and not self._connection.poll(_MEANWHILE_SECONDS) and time.monotonic() < deadline:
                meanwhile()
        except OSError:
            raise WorkerFailed(f"{self._cause_of_death()}, in {what}", died=True) from None
        return self.receive(expected, seconds, what)

    def send(self, request: protocol.Message) -> None:
        """Send a request whose reply is then to be received. Raises WorkerFailed."""
        try:
            self._connection.send_bytes(protocol.encode(request))
        except OSError:
            raise WorkerFailed(f"{self._cause_of_death()}, in {type(request).__name__}", died=True) from None

    def stop(self) -> None:
        """Stop the idle worker: thread pools of its input pipeline would compute into other cases' samples."""
        if CAN_STOP_WORKERS:
            self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a stopped worker go on."""
        if CAN_STOP_WORKERS:
            self._signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill and reap the worker. Everything it had to say was said in replies, so there is nothing to lose."""
        self.kill()
        self._connection.close()
        if self._alive:
            self._reap()

    def kill(self) -> None:
        """Kill the worker, and leave the reaping to whoever comes."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Until its server reaps it, a dead worker's number belongs to nobody else. Where the server is dead too, the
        # worker died with it and may have been reaped by the machine's first process.
        if self._alive:
            try:
                self._send_signal(self.pid, number)
            except ProcessLookupError:
                self._alive = False

    def _reap(self) -> int:
        self._alive = False
        return self._reap_child()

    def _cause_of_death(self) -> str:
        self._signal(signal.SIGKILL)  # the connection is gone; should the process linger, it must not
        exit_code = self._reap()
        if exit_code >= 0:
            return f"ended with exit code {exit_code}{telling_line(self.log)}"
        name = signal.Signals(-exit_code).name
        if exit_code == -signal.SIGKILL and out_of_memory_kills() > self._memory_kills:
            return f"out of memory: killed by the kernel ({name})"
        return f"killed by {name}{telling_line(self.log)}"


def wait_until_ready(worker: Worker, timeouts: Timeouts) -> None:
    """Wait until a worker can take its first request. Raises WorkerFailed, once it was ended."""
    try:
        ready = worker.receive(protocol.WorkerReady, timeouts.worker_ready, "its start")
        if ready.protocol != protocol.PROTOCOL_VERSION:
            raise WorkerFailed(f"speaks protocol {ready.protocol} instead of {protocol.PROTOCOL_VERSION}")
    except WorkerFailed:
        worker.end()
        raise


def answers(connection: "Connection[bytes, bytes]", seconds: float) -> bool:
    """Whether a message comes within these seconds, those aside in which this process was stopped from its terminal."""
    stopped = interrupts.stopped_seconds()
    while not connection.poll(seconds):
        seconds, stopped = interrupts.stopped_seconds() - stopped, interrupts.stopped_seconds()
        if seconds <= 0:
            return False
    return True


def telling_line(log: Path) -> str:
    """The last line of a log that says what went wrong, as a part of a sentence; empty where none does."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return ""
    lines = [line.strip() for line in lines if not _INNOCENT.search(line)]
    telling = next((line for pattern in _TELLING for line in reversed(lines) if pattern.search(line)), "")
    return f" ({anonymous(telling)[:_LOG_LENGTH]})" if telling else ""


def out_of_memory_kills() -> int:
    """Processes the kernel has killed for want of memory since it booted; 0 where that cannot be read."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
