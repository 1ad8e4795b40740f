"""The servers of a run: for every repetition new ones, started in time and ended with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.launch.server import Server
from bench.launch.worker import Timeouts
from bench.machine.device import DeviceChoice
from bench.measure.entry import BASE, CONTROL_SERVER, NEW, Side

# Servers import TensorFlow for seconds. Two at a time keep two cores busy, and nothing is timed meanwhile.
SERVERS_TOGETHER = 2


@dataclass(frozen=True)
class Launch:
    """What a side's servers are started with."""

    command: tuple[str, ...]
    data: str
    choice: DeviceChoice
    environment: Mapping[str, str]


class Servers:
    """All servers that are alive, by repetition and name: a side's name, or CONTROL_SERVER."""

    def __init__(
        self, launches: Mapping[Side, Launch], folder: Path, timeouts: Timeouts, before_worker: Callable[[], None]
    ) -> None:
        self._launches = launches
        self._before_worker = before_worker
        self._folder = folder
        self._timeouts = timeouts
        self._alive: dict[int, dict[str, Server]] = {}
        self._names: dict[str, Side] = {NEW: NEW}
        if BASE in launches:
            self._names |= {BASE: BASE, CONTROL_SERVER: BASE}

    def are_ready(self, repetition: int) -> bool:
        """Whether the servers of this repetition have been loaded."""
        return repetition in self._alive

    def load(self, repetition: int, last: int) -> None:
        """Start the servers of this repetition, and of as many after it, up to `last`, as can load at the same time.

        Raises BenchError where one does not start.
        """
        repetitions = max(1, SERVERS_TOGETHER // len(self._names))
        new = range(repetition, min(repetition + repetitions - 1, last) + 1)
        for number in new:
            self._alive[number] = {}
            for name, side in self._names.items():
                self._alive[number][name] = self._start(number, name, side)
        for number in new:
            for server in self._alive[number].values():
                server.wait_until_ready()

    def of(self, repetition: int) -> Mapping[str, Server]:
        """The servers of a repetition, by name."""
        return self._alive[repetition]

    def close(self, repetition: int) -> None:
        """End the servers of this repetition and their workers."""
        for server in self._alive.pop(repetition, {}).values():
            server.close()

    def close_all(self) -> None:
        """End all servers and their workers."""
        for repetition in list(self._alive):
            self.close(repetition)

    def _start(self, repetition: int, name: str, side: Side) -> Server:
        logs = logs_folder(self._folder, repetition, side)
        logs.mkdir(parents=True, exist_ok=True)
        launch, log = self._launches[side], logs / ("control-server.log" if name == CONTROL_SERVER else "server.log")
        return Server(launch.data, launch.environment, log, self._timeouts, launch.command, self._before_worker)


def logs_folder(run: Path, repetition: int, side: Side) -> Path:
    """Where the logs of a repetition's servers and workers are; the base side has a folder of its own inside."""
    folder = run / "logs" / f"repetition-{repetition}"
    return folder if side == NEW else folder / side
