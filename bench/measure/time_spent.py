"""Where the time of a run goes, stage by stage: what is not spent in samples is the price of measuring."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Stage = Literal[
    "servers", "first_calls", "checks", "warm_up", "samples", "separate_measurements", "profiles", "writing"
]
STAGES: tuple[Stage, ...] = get_args(Stage)


class TimeSpent:
    """Seconds by stage. A stage inside another takes its time from that one, so that nothing counts twice."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seconds: dict[Stage, float] = {}
        self._inner = 0.0  # seconds of the stages that are over inside the present one

    @property
    def seconds(self) -> dict[str, float]:
        """Of every stage that there was, in the order in which a run goes through them."""
        return {stage: self._seconds[stage] for stage in STAGES if stage in self._seconds}

    @contextmanager
    def on(self, stage: Stage) -> Iterator[None]:
        """The time inside is the stage's."""
        began, before = self._now(), self._inner
        self._inner = 0.0
        try:
            yield
        finally:
            whole = self._now() - began
            self._seconds[stage] = self._seconds.get(stage, 0.0) + whole - self._inner
            self._inner = before + whole
