"""The servers of a run: for every repetition new ones, started in time and ended with it."""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.launch.server import OTHER_INTERPRETER, FailedServer, Server
from bench.launch.worker import Timeouts
from bench.machine.device import DeviceChoice
from bench.measure.entry import NEW, ServerKey, Side
from bench.plan import environments, frameworks

# Servers import TensorFlow for seconds. Two at a time keep two cores busy, and nothing is timed meanwhile.
SERVERS_TOGETHER = 2


AnyServer = Server | FailedServer


@dataclass(frozen=True)
class Launch:
    """What a side's servers are started with: a command for each framework, and variables over those inherited."""

    commands: Mapping[str, tuple[str, ...]]
    data: str
    choice: DeviceChoice
    environment: Mapping[str, str]


class Servers:
    """All servers that are alive, by repetition and key.

    Of those that are not plain one may fail: then its cases do, and the others go on.
    """

    def __init__(
        self,
        launches: Mapping[Side, Launch],
        keys: Sequence[ServerKey],
        folder: Path,
        timeouts: Timeouts,
        before_worker: Callable[[], None],
    ) -> None:
        self._launches = launches
        self._keys = keys
        self._before_worker = before_worker
        self._folder = folder
        self._timeouts = timeouts
        self._alive: dict[int, dict[ServerKey, AnyServer]] = {}
        self._given_up: dict[ServerKey, FailedServer] = {}

    def give_up(self, side: Side, framework: str, reason: str, log: Path) -> None:
        """Have no servers of this framework on this side any more, now or later: its cases fail, for this reason."""
        for key in (key for key in self._keys if (key.side, key.framework) == (side, framework)):
            self._given_up[key] = FailedServer(reason, log)
            for alive in self._alive.values():
                alive[key].close()
                alive[key] = self._given_up[key]

    def are_ready(self, repetition: int) -> bool:
        """Whether the servers of this repetition have been loaded."""
        return repetition in self._alive

    def load(self, repetition: int, last: int) -> None:
        """Start the servers of this repetition, and of as many after it, up to `last`, as can load at the same time.

        Raises BenchError where a plain one does not start.
        """
        repetitions = max(1, SERVERS_TOGETHER // len(self._keys))
        new = range(repetition, min(repetition + repetitions - 1, last) + 1)
        for number in new:
            self._alive[number] = {}
            for key in self._keys:
                self._alive[number][key] = self._given_up.get(key) or self._start(number, key)
        for number in new:
            for key, server in self._alive[number].items():
                if isinstance(server, Server):
                    self._alive[number][key] = _ready(key, server)

    def of(self, repetition: int) -> Mapping[ServerKey, AnyServer]:
        """The servers of a repetition."""
        return self._alive[repetition]

    def close(self, repetition: int) -> None:
        """End the servers of this repetition and their workers."""
        for server in self._alive.pop(repetition, {}).values():
            server.close()

    def close_all(self) -> None:
        """End all servers and their workers."""
        for repetition in list(self._alive):
            self.close(repetition)

    def _start(self, repetition: int, key: ServerKey) -> Server:
        logs = logs_folder(self._folder, repetition, key.side)
        logs.mkdir(parents=True, exist_ok=True)
        launch = self._launches[key.side]
        command = launch.commands[key.framework]
        elsewhere = {} if command[0] == sys.executable else OTHER_INTERPRETER
        return Server(
            launch.data,
            {**launch.environment, **elsewhere, **environments.parse(key.environment)},
            logs / f"{_name(key)}.log",
            self._timeouts,
            command,
            self._before_worker,
            dispensable=not key.is_plain,
        )


def plain(servers: Mapping[ServerKey, AnyServer], side: Side) -> Server:
    """The server without which a side cannot be measured."""
    found = servers[ServerKey(side)]
    assert isinstance(found, Server)
    return found


def _ready(key: ServerKey, server: Server) -> AnyServer:
    """The server once it is loaded; one that may fail, as what it failed of. Raises BenchError of a plain one."""
    try:
        server.wait_until_ready()
    except BenchError as error:
        if key.is_plain:
            raise
        server.close()
        return FailedServer(str(error).partition(": see ")[0], server.log)  # a result has the log without its folder
    return server


def _name(key: ServerKey) -> str:
    """Of its log; what an environment is, in a few letters and a hash."""
    parts = ["control-server" if key.control else "server"]
    if key.framework != frameworks.TENSORFLOW:
        parts.append(key.framework)
    if key.environment != environments.USUAL:
        parts.append(hashlib.sha256(key.environment.encode()).hexdigest()[:8])
    return "-".join(parts)


def logs_folder(run: Path, repetition: int, side: Side) -> Path:
    """Where the logs of a repetition's servers and workers are; the base side has a folder of its own inside."""
    folder = run / "logs" / f"repetition-{repetition}"
    return folder if side == NEW else folder / side
