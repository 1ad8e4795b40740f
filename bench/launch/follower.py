"""A rank that follows: says what it is, starts workers for rank 0 when it is asked to, and ends with it."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from bench import protocol
from bench.errors import BenchError, UsageError
from bench.launch import wire
from bench.launch.place import Place
from bench.launch.ranks import free_addresses
from bench.launch.server import Server
from bench.launch.wire import NoAnswer
from bench.launch.worker import WorkerFailed

LEADER = "Rank 0"
_LOG_BYTES = 20_000
_CONNECT_SECONDS = 30.0


class Follower:
    """Serves rank 0. `open_server` starts a server whose log is at that path."""

    def __init__(self, place: Place, open_server: Callable[[Path], Server], folder: Path) -> None:
        self._place = place
        self._open_server = open_server
        self._folder = folder
        self._server: Server | None = None
        self._repetition = 0
        self._reapers: dict[int, tuple[Callable[[], int], Path]] = {}

    def serve(self, link: "Connection[bytes, bytes]", seconds: float | None = None) -> int:
        """Do what rank 0 asks, until it says that the run is over; returns the exit code.

        It may be silent for as long as it measures something else: then without `seconds`. Raises UsageError where it
        refuses this rank, NoAnswer where it is gone.
        """
        while True:
            request = wire.receive(link, protocol.ToFollower, seconds, LEADER)
            match request:
                case protocol.Refused():
                    raise UsageError(request.reason)
                case protocol.JobEnded():
                    return int(request.exit_code)
                case protocol.StartRank():
                    wire.send(link, self._start(request), LEADER)
                case protocol.EndRank():
                    wire.send(link, self._end(request), LEADER)

    def close(self) -> None:
        """End the server and its workers."""
        if self._server:
            self._server.close()

    def _start(self, asked: protocol.StartRank) -> protocol.Message:
        """A worker that speaks to rank 0 by itself, on a connection that is made for it here."""
        log = self._folder / f"worker-{asked.request}.log"
        try:
            server = self._server_of(asked.repetition)
            attached = wire.connect(self._place.host, self._place.port, _CONNECT_SECONDS)
            wire.send(attached, protocol.Attach(rank=self._place.rank, request=asked.request), LEADER)
            with wire.handed_over(attached) as theirs:
                pid, reap = server.start_for(theirs, log)
        except (BenchError, WorkerFailed, OSError) as error:
            return protocol.RankNotStarted(request=asked.request, reason=str(error))
        self._reapers[pid] = (reap, log)
        port = int(free_addresses(1)[0].rpartition(":")[2])
        return protocol.RankStarted(request=asked.request, pid=pid, port=port)

    def _server_of(self, repetition: int) -> Server:
        """New in every repetition, as rank 0's are."""
        if self._server and repetition != self._repetition:
            self._server.close()
            self._server, self._reapers = None, {}
        if self._server is None:
            server = self._open_server(self._folder / f"server-{repetition}.log")
            try:
                server.wait_until_ready()
            except BaseException:
                server.close()
                raise
            self._server, self._repetition = server, repetition
        return self._server

    def _end(self, asked: protocol.EndRank) -> protocol.RankEnded:
        """Kill and reap one of our own workers, and nobody else's process."""
        exit_code, text = -int(signal.SIGKILL), ""
        if asked.pid in self._reapers:
            reap, log = self._reapers.pop(asked.pid)
            with suppress(OSError):
                os.kill(asked.pid, signal.SIGKILL)
            with suppress(OSError):
                text = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace")
            with suppress(BenchError):
                exit_code = reap()
        return protocol.RankEnded(request=asked.request, exit_code=exit_code, log=text)


def join(place: Place, hello: protocol.Hello, seconds: float) -> "Connection[bytes, bytes]":
    """The connection to rank 0, which has been told what this rank is. Raises UsageError where it does not answer."""
    try:
        link = wire.connect(place.host, place.port, seconds)
        wire.send(link, hello, LEADER)
    except NoAnswer as error:
        raise UsageError(str(error)) from None
    return link
