"""A table without its looks, and its looks: in a terminal and in Markdown."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table
from rich.text import Text

Row = tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Cells below headings; the first column names the rows."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: str


def rich(grid: Grid, colour: Callable[[str], str | None] = lambda cell: None, folding: bool = False) -> Table:
    """For a terminal; cells that do not fit are folded, or else the table is as wide as it has to be."""
    table = Table(
        title=escape(grid.title),
        caption=escape(grid.caption),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=not folding,
    )
    for i, heading in enumerate(grid.headings):
        # A console that is narrower would cut figures: print with crop=False.
        widest = max(cell_len(cell) for cell in (heading, *(row[i] for row in grid.rows)))
        table.add_column(
            escape(heading),
            justify="right" if i else "left",
            no_wrap=not folding,
            overflow="fold",
            min_width=None if folding else widest,
        )
    for row in grid.rows:
        table.add_row(*(_coloured(cell, colour(cell)) for cell in row))
    return table


@dataclass(frozen=True)
class Compact:
    """A grid for a screen of many: its title heads the first column, and its caption is left to whoever prints it.

    On a narrow console the last columns go: the first stays, and no figure is cut.
    """

    grid: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, and how many columns it has more."""
        grid, shown = self.grid, _columns_that_fit(self.grid, options.max_width)
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
        for i, heading in enumerate((grid.title, *grid.headings[1:])[:shown]):
            table.add_column(escape(heading), justify="right" if i else "left", no_wrap=bool(i), overflow="fold")
        for row in grid.rows:
            table.add_row(*(escape(cell) for cell in row[:shown]))
        yield table
        if hidden := len(grid.headings) - shown:
            yield Text(f"({hidden} more column{'s' if hidden > 1 else ''} on a wider terminal)", style="dim")


_GAP = 2


def _columns_that_fit(grid: Grid, width: int) -> int:
    shown, taken = 0, 0
    for i, heading in enumerate((grid.title, *grid.headings[1:])):
        taken += max(cell_len(cell) for cell in (heading, *(row[i] for row in grid.rows))) + (_GAP if i else 0)
        if i and taken > width:
            break
        shown += 1
    return shown


def markdown(grid: Grid) -> list[str]:
    """The lines of a section with the table; nothing in a cell is taken for Markdown or HTML."""
    heading = [f"### {literal(grid.title)}", ""] if grid.title else []
    ruler = "|" + "|".join(["---"] + ["---:"] * (len(grid.headings) - 1)) + "|"
    caption = [literal(grid.caption), ""] if grid.caption else []
    return [*heading, _line(grid.headings), ruler, *(_line(row) for row in grid.rows), "", *caption]


def literal(text: str) -> str:
    """Names and reasons come from files: nothing in them is to be taken for Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|!#&$~])", r"\\\1", " ".join(text.split("\n")))


def _coloured(cell: str, colour: str | None) -> str:
    return f"[{colour}]{escape(cell)}[/]" if colour else escape(cell)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(literal(cell) for cell in cells) + " |"
