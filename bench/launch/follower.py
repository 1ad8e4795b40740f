"""A rank that follows: says what it is, starts workers for rank 0 when it is asked to, and ends with it."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from bench import protocol
from bench.errors import BenchError, UsageError
from bench.launch import wire
from bench.launch.launcher import Server, WorkerFailed
from bench.launch.place import Place
from bench.launch.ranks import free_addresses
from bench.launch.wire import NoAnswer

LEADER = "Rank 0"
_LOG_BYTES = 20_000
_EVERY_SECONDS = 3_600.0  # rank 0 may measure others for as long as it likes: that it is gone shows at once


class Follower:
    """Serves rank 0. `open_server` starts a server whose log is at that path."""

    def __init__(self, place: Place, open_server: Callable[[Path], Server], folder: Path) -> None:
        self._place = place
        self._open_server = open_server
        self._folder = folder
        self._server: Server | None = None
        self._repetition = 0
        self._reapers: dict[int, tuple[Callable[[], int], Path]] = {}

    def serve(self, link: "Connection[bytes, bytes]") -> int:
        """Do what rank 0 asks, until it says that the run is over; returns the exit code.

        Raises UsageError where it refuses this rank, NoAnswer where it is gone.
        """
        try:
            while True:
                request = wire.receive(link, protocol.ToFollower, _EVERY_SECONDS, LEADER)
                match request:
                    case protocol.Refused():
                        raise UsageError(request.reason)
                    case protocol.JobEnded():
                        return int(request.exit_code)
                    case protocol.StartRank():
                        wire.send(link, self._start(request.repetition), LEADER)
                    case protocol.EndRank():
                        wire.send(link, self._end(request.pid), LEADER)
        finally:
            if self._server:
                self._server.close()

    def _start(self, repetition: int) -> protocol.Message:
        """A worker that speaks to rank 0 by itself, on a connection that is made for it here."""
        log = self._folder / f"rank-{self._place.rank}-{repetition}-{len(self._reapers)}.log"
        try:
            server = self._server_of(repetition)
            attached = wire.connect(self._place.host, self._place.port, seconds=30.0)
            wire.send(attached, protocol.Attach(rank=self._place.rank), LEADER)
            with socket.socket(fileno=os.dup(attached.fileno())) as theirs:
                attached.close()
                pid, reap = server.start_for(theirs, log)
        except (BenchError, WorkerFailed, OSError) as error:
            return protocol.RankNotStarted(reason=str(error))
        self._reapers[pid] = (reap, log)
        port = int(free_addresses(1)[0].rpartition(":")[2])
        return protocol.RankStarted(pid=pid, port=port)

    def _server_of(self, repetition: int) -> Server:
        """New in every repetition, as rank 0's are."""
        if self._server and repetition != self._repetition:
            self._server.close()
            self._server, self._reapers = None, {}
        if self._server is None:
            self._server, self._repetition = self._open_server(self._folder / f"server-{repetition}.log"), repetition
            self._server.wait_until_ready()
        return self._server

    def _end(self, pid: int) -> protocol.RankEnded:
        """Kill and reap one of our own workers, and nobody else's process."""
        if pid not in self._reapers:
            return protocol.RankEnded(exit_code=-signal.SIGKILL, log="")
        reap, log = self._reapers.pop(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        text = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace") if log.is_file() else ""
        try:
            return protocol.RankEnded(exit_code=reap(), log=text)
        except BenchError:
            return protocol.RankEnded(exit_code=-signal.SIGKILL, log=text)


def join(
    place: Place, hello: protocol.Hello, seconds: float, waiting: Callable[[], None]
) -> "Connection[bytes, bytes]":
    """The connection to rank 0, which has been told what this rank is. Raises UsageError where it does not answer."""
    try:
        link = wire.connect(place.host, place.port, seconds, waiting)
        wire.send(link, hello, LEADER)
    except NoAnswer as error:
        raise UsageError(str(error)) from None
    return link
