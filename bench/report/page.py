"""What a page consists of, without its looks: sections with words, plots, and the tables behind them."""

from dataclasses import dataclass

from bench.experiments.base import Headline
from bench.output.grid import Grid


@dataclass(frozen=True)
class Plot:
    """A plot and its words; `markup` is SVG, or an image with its content inside, made by this package alone."""

    markup: str
    caption: str


@dataclass(frozen=True)
class Section:
    """What stands below one heading. `notes` are below the tables, `code` is a command to copy, `folded` opens."""

    title: str
    anchor: str
    points: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    grids: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()
    code: str = ""
    headlines: tuple[Headline, ...] = ()
    folded: "tuple[Section, ...]" = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        grids = [grid for grid in self.grids if grid.rows]
        folded = [section for section in self.folded if not section.is_empty]
        return not (self.headlines or self.points or self.plots or grids or self.notes or self.code or folded)


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    subtitle: str
    legend: str  # how its figures are written
    sections: tuple[Section, ...]
    version: str  # of the suite that wrote it
