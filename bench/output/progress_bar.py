"""Say what is being measured: a live bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.output.progress import View

_REDRAW_SECONDS = 0.2


class PlainView:
    """Lines with the seconds since the start, one for each stage: for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stage(self, text: str, fraction: float) -> None:
        """One line."""
        self.say(f"[{time.monotonic() - self._started:4.0f} s] {text}")

    def advance(self, text: str, fraction: float) -> None:
        """Nothing: a log does not need every round."""


class LiveView:
    """A bar with what is running, the time passed and the time left.

    It is drawn only when told something, between samples: a redrawing thread would compete with what is measured.
    """

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._task = progress.add_task("starting", total=1.0)
        self._drawn = 0.0

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def stage(self, text: str, fraction: float) -> None:
        """Redraw at once."""
        self._progress.update(self._task, description=text, completed=fraction, refresh=True)
        self._drawn = time.monotonic()

    def advance(self, text: str, fraction: float) -> None:
        """Redraw a few times a second at most."""
        if time.monotonic() - self._drawn > _REDRAW_SECONDS:
            self.stage(text, fraction)


def is_live(console: Console) -> bool:
    """Whether lines can be drawn over again: a terminal that can, not a log of which somebody wants colours."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


@contextmanager
def open_view(console: Console) -> Iterator[View]:
    """The view that fits the console, for the time of a run."""
    if not is_live(console):
        yield PlainView(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TimeElapsedColumn(), TextColumn("left"))
    with Progress(
        *columns, TimeRemainingColumn(), console=console, auto_refresh=False, transient=True, expand=True
    ) as progress:
        yield LiveView(console, progress)
