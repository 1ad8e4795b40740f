"""Turn what ends a run from outside into one exception, so that it ends its workers and saves what it has.

SIGINT, SIGTERM, a terminal that hangs up (SIGHUP), and output that nobody reads any more. A run that is stopped for a
while (Ctrl-Z) goes on, and knows for how long it was.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from autoencoder import output
from bench.errors import Interrupted

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_STOP = getattr(signal, "SIGTSTP", None)

Handler = Callable[[int, FrameType | None], Any] | int | None

_stopped_seconds = 0.0


@contextmanager
def raised_as_interrupted() -> Iterator[None]:
    """Inside, the first of them raises Interrupted in the main thread; later ones are ignored while it unwinds.

    A signal that is ignored already stays so, as SIGHUP is below nohup.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        _ignore()
        raise Interrupted(signal.Signals(number).name)

    def nobody_reads() -> None:
        if any(signal.getsignal(number) == interrupt for number in _SIGNALS):  # else the user has been heard already
            _ignore()
            raise Interrupted(reason="nobody reads the output any more")

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        with output.when_closed(nobody_reads), _stops_timed():
            yield
    finally:
        _restore(before)


@contextmanager
def ignored() -> Iterator[None]:
    """Inside, signals are ignored: the user has been heard, and what was saved is being shown."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    _ignore()
    try:
        yield
    finally:
        _restore(before)


def ignore_from_now_on() -> None:
    """Ignore them until this process ends, which it does by itself: its exit code is to be the one that it has."""
    _ignore()


def stopped_seconds() -> float:
    """For how long this process has been stopped from its terminal so far: time in which it measured nothing."""
    return _stopped_seconds


@contextmanager
def _stops_timed() -> Iterator[None]:
    """Inside, a stop from the terminal is taken note of."""
    if _STOP is None or signal.getsignal(_STOP) == signal.SIG_IGN:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        global _stopped_seconds
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGSTOP)
        _stopped_seconds += time.monotonic() - began

    before = signal.signal(_STOP, stop)
    try:
        yield
    finally:
        signal.signal(_STOP, before)


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _restore(handlers: Mapping[signal.Signals, Handler]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
