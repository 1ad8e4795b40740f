"""What the plots of a result have in common: one house style, colours of the modes, how bars are drawn."""

import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from rich.cells import cell_len

from bench.output.figures import printable
from bench.results.schema import Document

# Of all lines and letters: a page may replace it by the colour of its own text (bench/report/svg.py).
INK = "#1b1b1f"

STYLE: Any = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "svg.fonttype": "none",  # letters stay letters: small, searchable, in the reader's own font
    "text.color": INK,
    "text.parse_math": False,  # names come from machines and files: a dollar sign in them starts no formula
    "xtick.color": INK,
    "ytick.color": INK,
}

_MODES = {"eager": "#8a8a8a", "function": "#1b6ca8", "xla": "#d95f02"}
_OTHER = "#7d6b91"
_WIDTH = 9.0  # inches
_LONGEST_NAME = 40
_WIDEST_CAPTION = 110  # letters

Origin = tuple[str, str, str, str]
"""What every plot says: machine, date, and the versions of TensorFlow and of the suite."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function draw in the house style."""

    @wraps(draw)
    def in_style(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with mpl.rc_context(STYLE), warnings.catch_warnings():
            # A machine's name may be in any script: a browser has letters that the font here has not.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            return draw(*args, **kwargs)

    return in_style


@styled
def save(figure: Figure, path: Path) -> None:
    """Write a PNG."""
    figure.savefig(path, dpi=110)


def colour_of(mode: str) -> str:
    """The same mode has the same colour in every plot, however it is varied."""
    return _MODES.get(mode.split("-")[0], _OTHER)


def origin(document: Document) -> Origin:
    """Where the plots of a result come from."""
    section = document.autoencoder_bench
    return (
        printable(section.device.name, 60),
        printable(document.datetime, 40)[:10],
        f"TensorFlow {printable(section.software.tensorflow or 'unknown', 20)}",
        f"autoencoder-bench {printable(section.software.suite, 20)}",
    )


def caption(figure: Figure, origin: Origin) -> None:
    """Say in small letters at the top where the plot comes from: in one line, or in two where one is too narrow."""
    text = " | ".join(origin)
    if cell_len(text) > _WIDEST_CAPTION:
        text = "\n".join(" | ".join(half) for half in (origin[:2], origin[2:]))
    figure.suptitle(text, x=0.01, ha="left", fontsize=8, parse_math=False)


def begin(rows: int, row_height: float = 0.5, around: float = 1.8) -> tuple[Figure, Axes]:
    """A figure for so many bars; sizes in inches."""
    figure = Figure(figsize=(_WIDTH, around + row_height * rows), layout="constrained")
    return figure, figure.add_subplot()


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows from below; names of files may be longer than a plot is wide."""
    axes.set_yticks(range(len(names)), [shortened(name) for name in names], parse_math=False)


def shortened(name: str) -> str:
    """At most as much of a name as a plot has room for."""
    return printable(name, _LONGEST_NAME - 3)


def finish(axes: Axes, names: Sequence[str], label: str, document: Document) -> None:
    """Name the bars and the axis, and say what machine it is."""
    name_rows(axes, names)
    axes.set_xlabel(label)
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    figure = axes.get_figure(root=True)
    assert figure is not None
    caption(figure, origin(document))


def legend(figure: Figure, colours: Sequence[tuple[str, str]]) -> None:
    """What the colours mean, below the plot."""
    handles = [Patch(color=colour, label=shortened(kind)) for kind, colour in colours]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def plain_log(axis: Axis) -> None:
    """A logarithmic axis with numbers as people write them."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def range_of(axes: Axes, value: float, low: float, high: float, position: float) -> None:
    """A line from the lowest to the highest, across a bar's end or a dot."""
    axes.errorbar(value, position, xerr=[[value - low], [high - value]], color=INK, capsize=3, linewidth=1)


def annotate_end(axes: Axes, text: str, end: float, position: float) -> None:
    """Write a figure just beyond a bar's end."""
    axes.annotate(text, (end, position), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10)
