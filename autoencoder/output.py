"""Standard output and error that outlive what reads them: any letter can be written, and a closed pipe ends nothing.

Whoever reads the output of a command may stop doing so, as `head` does; what was asked for is still done, and its exit
code is the one it would have had.
"""

import errno
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

_told: list[Callable[[], None]] = []


class _Outliving(io.FileIO):
    """A descriptor that takes everything, also when nobody reads it any more."""

    closed_pipe = False
    failure: OSError | None = None  # that what was to be written is not there

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        if not self.closed_pipe:
            try:
                return super().write(content)
            except BrokenPipeError:
                self.closed_pipe = True
                for tell in _told:
                    tell()
            except OSError as error:
                if error.errno != errno.EIO:  # a terminal that has hung up
                    self.failure = error
        return len(content)


def install() -> None:
    """Take the place of this process' standard output and error; once, before anything is written."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this process
            continue
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError):
            continue  # no descriptor is behind it, as in a test
        stream.flush()
        raw = _Outliving(descriptor, "w", closefd=False)
        # A letter that the encoding has not is replaced: a figure must not be lost over the sign before it.
        text = io.TextIOWrapper(
            io.BufferedWriter(cast(Any, raw)), encoding=stream.encoding, errors="replace", line_buffering=raw.isatty()
        )
        setattr(sys, name, text)


def failure() -> OSError | None:
    """Why some of the output was not written, as on a full disk; None where all was, or nobody wanted it."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, _Outliving) else None


@contextmanager
def when_closed(tell: Callable[[], None]) -> Iterator[None]:
    """Inside, `tell` is called when nobody reads the output any more."""
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)
