"""The plot of the experiment `memory`: stacked bars, a bar for each policy, or for each mode without a GPU."""

from matplotlib.figure import Figure

from bench.output import style
from bench.output.figures import size
from bench.results.memory_figures import Figures, figures
from bench.results.schema import Document

_COLOURS = {
    "model": "#1b6ca8",
    "data": "#7fb3d5",
    "other tensors": "#d95f02",
    "unused reservation (derived)": "#f2c48d",
    "context and libraries": "#8a8a8a",
    "private (USS)": "#1b6ca8",
    "shared with the server": "#c8c8c8",
}

Parts = list[tuple[str, float]]


@style.styled
def draw(document: Document) -> Figure | None:
    """Draw what is known of each case; nothing is drawn where no case has a figure."""
    on_gpu = document.autoencoder_bench.device.kind == "gpu"
    rows = [(b.name, _of_gpu(figures(b)) if on_gpu else _of_host(figures(b))) for b in reversed(document.benchmarks)]
    rows = [(name, parts) for name, parts in rows if parts]
    if not rows:
        return None
    figure, axes = style.begin(len(rows), row_height=0.55)
    unit, scale = ("GB", 1e9) if max(sum(value for _, value in parts) for _, parts in rows) >= 2e9 else ("MB", 1e6)
    for position, (_, parts) in enumerate(rows):
        left = 0.0
        for kind, value in parts:
            axes.barh(position, value / scale, left=left / scale, color=_COLOURS[kind], height=0.42)
            left += value
        label = ", ".join(f"{kind.split(' ')[0].rstrip(',')} {size(value)}" for kind, value in parts)
        axes.annotate(label, (0, position), xytext=(4, -20), textcoords="offset points", fontsize=7, color=style.INK)
        style.annotate_end(axes, size(left), left / scale, position)
    style.legend(
        figure, [(kind, _COLOURS[kind]) for kind in dict.fromkeys(kind for _, parts in rows for kind, _ in parts)]
    )
    axes.set_ylim(-0.75, len(rows) - 0.5)  # room for the words below the last bar
    of = "the GPU, of one process alone on it" if on_gpu else "the host, of one process"
    label = f"memory of {of} ({unit}; median of repetitions)"
    style.finish(axes, [name for name, _ in rows], label, document)
    return figure


def _of_gpu(found: Figures) -> Parts:
    """Kind by kind, in bytes; together they are what NVML counts as used."""
    tensors, reserved, context = found.tensors, found.reserved, found.context
    if tensors is None or reserved is None or context is None:
        return []
    model, data = min(found.model or 0.0, tensors), found.data or 0.0
    data = min(data, tensors - model)
    return [
        ("model", model),
        ("data", data),
        ("other tensors", tensors - model - data),
        ("unused reservation (derived)", max(0.0, reserved - tensors)),
        ("context and libraries", context),
    ]


def _of_host(found: Figures) -> Parts:
    if found.uss is None or found.rss is None:
        return []
    return [("private (USS)", found.uss), ("shared with the server", max(0.0, found.rss - found.uss))]
