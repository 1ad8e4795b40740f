"""The training run of a run's folder: its losses and plots, read as files of anywhere are, with care."""

import base64
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from bench.output import style
from bench.output.grid import Grid
from bench.output.style import Origin

MOST_BYTES = 4_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PLOT_BYTES = 500_000
_SHOWN = 10


def read_losses(folder: Path) -> list[float]:
    """The loss of every step, from plots/losses.csv; none where that is missing or not what it should be."""
    path = folder / "plots" / "losses.csv"
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return []
    try:
        lines = path.read_text().splitlines()
        losses = [float(line.split(",")[1]) for line in lines[1:]]
    except (ValueError, IndexError):
        return []
    return losses if all(math.isfinite(loss) and loss > 0 for loss in losses) else []


@style.styled
def draw(losses: Sequence[float], origin: Origin) -> Figure:
    """The loss over the steps, on a logarithmic axis; `origin` says where the plot comes from."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.add_subplot()
    every = max(1, len(losses) // 500)  # a page is to be small, and no eye tells more points apart
    axes.plot(range(0, len(losses), every), losses[::every], color="#1b6ca8", linewidth=1)
    axes.set_yscale("log")
    style.plain_log(axes.yaxis)
    axes.set_xlabel("step")
    axes.set_ylabel("mean square loss of the batch")
    style.caption(figure, origin)
    return figure


def table(losses: Sequence[float]) -> Grid:
    """The loss at some steps, evenly apart, the first and the last among them."""
    last = len(losses) - 1
    steps = sorted({round(i * last / _SHOWN) for i in range(_SHOWN + 1)}) if losses else []
    return Grid(
        title="Loss of single batches",
        headings=("step", "loss"),
        rows=tuple((f"{step:,}", f"{losses[step]:.4f}") for step in steps),
        caption="of one training run from one seed, so without an interval; all losses are in plots/losses.csv",
    )


def image(path: Path, alt: str) -> str | None:
    """A PNG as an element with its content inside; None where there is none, or it is too large."""
    if not path.is_file() or path.stat().st_size > _MOST_PLOT_BYTES:
        return None
    content = path.read_bytes()
    if not content.startswith(_PNG):
        return None
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
