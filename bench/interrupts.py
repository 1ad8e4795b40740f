"""Turn SIGINT and SIGTERM into one exception, so that a run ends its workers and saves what it has."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bench.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def raised_as_interrupted() -> Iterator[None]:
    """Inside, the first signal raises Interrupted in the main thread; later ones are ignored while it unwinds."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _ignore()
        raise Interrupted(signal.Signals(number).name)

    before = [signal.signal(number, interrupt) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def ignored() -> Iterator[None]:
    """Inside, signals are ignored: the user has been heard, and what was saved is being shown."""
    before = [signal.signal(number, signal.SIG_IGN) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
