"""What the pictures of a result have in common: colours of the modes, the machine's name, and how bars are drawn."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.results.schema import Document

_MODES = {"eager": "#8a8a8a", "function": "#1b6ca8", "xla": "#d95f02"}
_OTHER = "#4d4d4d"


def colour_of(mode: str) -> str:
    """The same mode has the same colour in every picture, however it is varied."""
    return _MODES.get(mode.split("-")[0], _OTHER)


def name_machine(axes: Axes, document: Document) -> None:
    """Say above the picture what was measured."""
    section = document.autoencoder_bench
    # Names come from the machine or from files: a dollar sign in them must not start a formula.
    title = f"{section.device.name[:60]}, TensorFlow {section.software.tensorflow}"
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)


def begin(rows: int, row_height: float = 0.5, around: float = 1.8) -> tuple[Figure, Axes]:
    """A figure for so many bars; sizes in inches."""
    figure = Figure(figsize=(9, around + row_height * rows), layout="constrained")
    return figure, figure.add_subplot()


def finish(figure: Figure, axes: Axes, names: Sequence[str], label: str, document: Document, path: Path) -> None:
    """Name the bars and the axis, say what machine it is, and save."""
    axes.set_yticks(range(len(names)), list(names))
    axes.set_xlabel(label)
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    name_machine(axes, document)
    figure.savefig(path, dpi=110)


def legend(figure: Figure, colours: Sequence[tuple[str, str]]) -> None:
    """What the colours mean, below the picture."""
    handles = [Patch(color=colour, label=kind) for kind, colour in colours]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def annotate_end(axes: Axes, text: str, end: float, position: float) -> None:
    """Write a figure just beyond a bar's end."""
    axes.annotate(text, (end, position), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10)
