"""A table without its looks, and its looks: in a terminal and in Markdown."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

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
