"""Start servers, which preload, and the workers that come from them. No TensorFlow here."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import protocol
from bench.errors import BenchError
from bench.launch.worker import Timeouts, Worker, WorkerFailed, answers, telling_line, wait_until_ready

# What would make another interpreter import this one's packages; empty counts as not set.
OTHER_INTERPRETER = {"PYTHONPATH": "", "PYTHONHOME": ""}

# -P: a folder called bench where the user happens to stand must not be taken for this package.
SERVER_COMMAND = (sys.executable, "-P", "-m", "bench.worker.server")


class ServerGone(BenchError):
    """The server died or hangs, and its workers with it. That is no case's fault, and ends the measuring."""


class FailedServer:
    """One that did not start, or died, and without which a run goes on: its workers fail, with the reason."""

    unsound = None
    start_method = "fork"

    def __init__(self, reason: str, log: Path) -> None:
        self._reason = reason
        self._log = log

    def start_worker(self, log: Path) -> tuple[Worker, float]:
        """Raises WorkerFailed."""
        raise WorkerFailed(self._reason, died=True, log=self._log)

    def close(self) -> None:
        """Nothing is left of it."""


class Server:
    """A preloaded process and the workers that came from it.

    Of one that is `dispensable` the death is its workers' only: they fail, and nothing raises ServerGone.
    """

    def __init__(
        self,
        data: str,
        environment: Mapping[str, str],
        log: Path,
        timeouts: Timeouts,
        command: Sequence[str] = SERVER_COMMAND,
        before_worker: Callable[[], None] = lambda: None,
        dispensable: bool = False,
    ) -> None:
        # What its workers leave in there, as TensorFlow does what it makes of every traced function, ends with it.
        self._temporary = _temporary_folder()
        variables = {**environment, "TMPDIR": self._temporary} if self._temporary else environment
        self._arguments = (data, variables, command)
        self._before_worker = before_worker
        self._timeouts = timeouts
        self.log = log
        self._dispensable = dispensable
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
            if not answers(self._connection, self._timeouts.server_ready):
                raise BenchError(f"The server was not ready after {self._timeouts.server_ready:g} s: see {self.log}")
            self._ready = self._decode_ready(self._connection.recv_bytes())
        except (EOFError, OSError):
            why = telling_line(self.log)
            raise BenchError(f"The server ended while it loaded its framework{why}: see {self.log}") from None
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
        try:
            self._send(protocol.Reap(pid=pid))
            return int(self._receive(protocol.Reaped).exit_code)
        except WorkerFailed:  # a dispensable server is gone, and the kernel has ended its workers with it
            return -signal.SIGKILL

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
            if not answers(self._connection, self._timeouts.request):
                self._process.kill()  # a late answer would be taken for that of the next request
                raise self._gone(f"did not answer within {self._timeouts.request:g} s")
            return protocol.decode(self._connection.recv_bytes(), expected)
        except (EOFError, OSError):
            raise self._gone("ended") from None
        except protocol.ProtocolError as error:
            raise self._gone(f"sent something unexpected ({error})") from None

    def _gone(self, what: str) -> ServerGone | WorkerFailed:
        if self._dispensable:
            return WorkerFailed(f"its server {what}{telling_line(self.log)}", died=True, log=self.log)
        return ServerGone(f"The server, the parent of all workers, {what}: see {self.log}")


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


def _temporary_folder() -> str | None:
    """A new one; None where there is no room for any, and the processes do with what they find."""
    try:
        return tempfile.mkdtemp(prefix="autoencoder-bench-")
    except OSError:
        return None
