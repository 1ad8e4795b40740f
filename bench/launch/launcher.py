"""Start servers and workers, ask them, stop and continue them, and find out how they died. No TensorFlow here."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import protocol
from bench.errors import BenchError
from bench.machine import interrupts
from bench.machine.environment import anonymous

# -P: a folder called bench where the user happens to stand must not be taken for this package.
SERVER_COMMAND = (sys.executable, "-P", "-m", "bench.worker.server")

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


class ServerGone(BenchError):
    """The server died or hangs, and its workers with it. That is no case's fault, and ends the measuring."""


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
        self._memory_kills = _out_of_memory_kills()
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
            if not _answers(self._connection, seconds):
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
            return f"ended with exit code {exit_code}{_telling_line(self.log)}"
        name = signal.Signals(-exit_code).name
        if exit_code == -signal.SIGKILL and _out_of_memory_kills() > self._memory_kills:
            return f"out of memory: killed by the kernel ({name})"
        return f"killed by {name}{_telling_line(self.log)}"


class Server:
    """A preloaded process and the workers that came from it."""

    def __init__(
        self,
        data: str,
        environment: Mapping[str, str],
        log: Path,
        timeouts: Timeouts,
        command: Sequence[str] = SERVER_COMMAND,
        before_worker: Callable[[], None] = lambda: None,
    ) -> None:
        # What its workers leave in there, as TensorFlow does what it makes of every traced function, ends with it.
        self._temporary = _temporary_folder()
        variables = {**environment, "TMPDIR": self._temporary} if self._temporary else environment
        self._arguments = (data, variables, command)
        self._before_worker = before_worker
        self._timeouts = timeouts
        self._log = log
        try:
            self._process, self._connection = _start("server", log, *self._arguments)
        except BaseException:
            self._remove_temporary()
            raise
        self._workers: list[Worker] = []
        self._ready: protocol.ServerReady | None = None

    @property
    def start_method(self) -> str:
        """How workers come to be: fork, or spawn where forking would be unsound."""
        return "spawn" if self.unsound else "fork"

    @property
    def unsound(self) -> str | None:
        """Why the server must not fork, None where it may."""
        return self.ready.unsound

    @property
    def ready(self) -> protocol.ServerReady:
        """What the server said of itself; only after `wait_until_ready`."""
        assert self._ready is not None
        return self._ready

    def wait_until_ready(self) -> None:
        """Wait for the preloading. Raises BenchError where it fails: then nothing can be measured."""
        try:
            if not _answers(self._connection, self._timeouts.server_ready):
                raise BenchError(f"The server was not ready after {self._timeouts.server_ready:g} s: see {self._log}")
            self._ready = self._decode_ready(self._connection.recv_bytes())
        except (EOFError, OSError):
            why = _telling_line(self._log)
            raise BenchError(f"The server ended while it loaded TensorFlow{why}: see {self._log}") from None
        except protocol.ProtocolError as error:
            raise BenchError(f"The server speaks another protocol: {error}") from None

    def start_worker(self, log: Path) -> tuple[Worker, float]:
        """A fresh worker and the seconds until it was ready for its first request, once `before_worker` is done.

        Raises WorkerFailed, or ServerGone.
        """
        self._before_worker()
        asked = time.perf_counter()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            pid, reap = self._start_for(theirs, log)
            worker = Worker(Connection(ours.detach()), pid, log, reap)
        self._workers.append(worker)
        wait_until_ready(worker, self._timeouts)
        return worker, time.perf_counter() - asked

    def start_for(self, theirs: socket.socket, log: Path) -> tuple[int, Callable[[], int]]:
        """A fresh worker for whoever is at the other end of a socket: its process, and what waits for its exit code.

        Raises WorkerFailed, or ServerGone.
        """
        self._before_worker()
        return self._start_for(theirs, log)

    def _decode_ready(self, raw: bytes) -> protocol.ServerReady:
        greeting = protocol.decode(raw, protocol.Greeting)
        if greeting.protocol != protocol.PROTOCOL_VERSION:
            raise BenchError(
                f"The server speaks protocol {greeting.protocol}, this suite {protocol.PROTOCOL_VERSION}: "
                "install revisions of the suite that speak the same one on both sides."
            )
        ready: protocol.ServerReady = protocol.decode(raw, protocol.ServerReady)
        return ready

    def _reap(self, pid: int) -> int:
        """The exit code of a forked worker that has ended."""
        self._send(protocol.Reap(pid=pid))
        return int(self._receive(protocol.Reaped).exit_code)

    def close(self) -> None:
        """Kill all workers and the server, without asking the server for anything: it may be what hangs."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()
        self._connection.close()
        self._process.kill()
        self._process.wait()
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _start_for(self, theirs: socket.socket, log: Path) -> tuple[int, Callable[[], int]]:
        if self.unsound:
            process = _start_with(theirs, "worker", log, *self._arguments)
            return process.pid, process.wait
        self._send(protocol.Fork(log=str(log)))
        try:
            reduction.send_handle(self._connection, theirs.fileno(), self._process.pid)
        except OSError:
            raise self._gone("ended") from None
        pid = int(self._receive(protocol.Forked).pid)
        return pid, lambda: self._reap(pid)

    def _send(self, request: protocol.Message) -> None:
        try:
            self._connection.send_bytes(protocol.encode(request))
        except OSError:
            raise self._gone("ended") from None

    def _receive(self, expected: Any) -> Any:
        try:
            if not _answers(self._connection, self._timeouts.request):
                self._process.kill()  # a late answer would be taken for that of the next request
                raise self._gone(f"did not answer within {self._timeouts.request:g} s")
            return protocol.decode(self._connection.recv_bytes(), expected)
        except (EOFError, OSError):
            raise self._gone("ended") from None
        except protocol.ProtocolError as error:
            raise self._gone(f"sent something unexpected ({error})") from None

    def _gone(self, what: str) -> ServerGone:
        return ServerGone(f"The server, the parent of all workers, {what}: see {self._log}")


def wait_until_ready(worker: Worker, timeouts: Timeouts) -> None:
    """Wait until a worker can take its first request. Raises WorkerFailed, once it was ended."""
    try:
        ready = worker.receive(protocol.WorkerReady, timeouts.worker_ready, "its start")
        if ready.protocol != protocol.PROTOCOL_VERSION:
            raise WorkerFailed(f"speaks protocol {ready.protocol} instead of {protocol.PROTOCOL_VERSION}")
    except WorkerFailed:
        worker.end()
        raise


def _start(
    role: str, log: Path, data: str, environment: Mapping[str, str], command: Sequence[str]
) -> "tuple[subprocess.Popen[bytes], Connection[bytes, bytes]]":
    """A process, and the connection to it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = _start_with(theirs, role, log, data, environment, command)
        return process, Connection(ours.detach())


def _start_with(
    theirs: socket.socket, role: str, log: Path, data: str, environment: Mapping[str, str], command: Sequence[str]
) -> "subprocess.Popen[bytes]":
    """Start a process in its own session, so that a terminal's Ctrl-C reaches only the launcher.

    What is empty in `environment` is taken out of the process' variables.
    """
    variables = {**os.environ, **environment}
    with log.open("ab") as output:
        return subprocess.Popen(
            [*command, role, str(theirs.fileno()), str(os.getpid()), data],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={name: value for name, value in variables.items() if value or name not in environment},
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )


def _answers(connection: "Connection[bytes, bytes]", seconds: float) -> bool:
    """Whether a message comes within these seconds, those aside in which this process was stopped from its terminal."""
    stopped = interrupts.stopped_seconds()
    while not connection.poll(seconds):
        seconds, stopped = interrupts.stopped_seconds() - stopped, interrupts.stopped_seconds()
        if seconds <= 0:
            return False
    return True


def _temporary_folder() -> str | None:
    """A new one; None where there is no room for any, and the processes do with what they find."""
    try:
        return tempfile.mkdtemp(prefix="autoencoder-bench-")
    except OSError:
        return None


def _telling_line(log: Path) -> str:
    """The last line of a log that says what went wrong, as a part of a sentence; empty where none does."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return ""
    lines = [line.strip() for line in lines if not _INNOCENT.search(line)]
    telling = next((line for pattern in _TELLING for line in reversed(lines) if pattern.search(line)), "")
    return f" ({anonymous(telling)[:_LOG_LENGTH]})" if telling else ""


def _out_of_memory_kills() -> int:
    """Processes the kernel has killed for want of memory since it booted; 0 where that cannot be read."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
