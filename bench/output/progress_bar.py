"""Say what is being measured: a live bar and the figures so far on a terminal, a few plain lines elsewhere."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.output.progress import View
from bench.results.schema import Document

_REDRAW_SECONDS = 0.2
_LOG_COLUMNS = 100

Render = Callable[[Document], RenderableType]


class PlainView:
    """Lines with the seconds since the start, one for each repetition of an experiment: for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def milestone(self, text: str, fraction: float) -> None:
        """One line."""
        self.say(f"[{time.monotonic() - self._started:4.0f} s] {text}")

    def stage(self, text: str, fraction: float) -> None:
        """Nothing: a log does not need every case."""

    def advance(self, text: str, fraction: float) -> None:
        """Nothing: a log does not need every round."""

    def figures(self, document: Document) -> None:
        """Nothing: they come at the end."""


class _WithFigures(Progress):
    """A bar, and below it what is known so far: a screen that is too low for both keeps the bar."""

    below: RenderableType = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Top to bottom."""
        yield self.make_tasks_table(self.tasks)
        yield self.below


class LiveView:
    """A bar with what is running, the time passed and the time left, and the figures so far.

    It is drawn only when told something, between samples: a redrawing thread would compete with what is measured.
    """

    def __init__(self, console: Console, progress: _WithFigures, render: Render) -> None:
        self._console = console
        self._progress = progress
        self._render = render
        self._task = progress.add_task("starting", total=1.0)
        self._drawn = 0.0

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def milestone(self, text: str, fraction: float) -> None:
        """As any stage: the figures tell the rest."""
        self.stage(text, fraction)

    def stage(self, text: str, fraction: float) -> None:
        """Redraw at once."""
        self._progress.update(self._task, description=text, completed=fraction, refresh=True)
        self._drawn = time.monotonic()

    def advance(self, text: str, fraction: float) -> None:
        """Redraw a few times a second at most."""
        if time.monotonic() - self._drawn > _REDRAW_SECONDS:
            self.stage(text, fraction)

    def figures(self, document: Document) -> None:
        """Redraw them at the next stage."""
        self._progress.below = self._render(document)


def open_console() -> Console:
    """The one of standard output; a log, which has no width of its own, is as wide as the widest table."""
    console = Console(emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        return Console(emoji=False, width=_LOG_COLUMNS)
    return console


def is_live(console: Console) -> bool:
    """Whether lines can be drawn over again: a terminal that can, not a log of which somebody wants colours."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


@contextmanager
def open_view(console: Console, render: Render = lambda document: "") -> Iterator[View]:
    """The view that fits the console, for the time of a run; `render` makes what a terminal shows of a result."""
    if not is_live(console):
        yield PlainView(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TimeElapsedColumn(), TextColumn("left"))
    with _WithFigures(
        *columns, TimeRemainingColumn(), console=console, auto_refresh=False, transient=True, expand=True
    ) as progress:
        yield LiveView(console, progress, render)
