"""The picture of the experiment `memory`: stacked bars, a bar for each policy, or for each mode without a GPU."""

from pathlib import Path

from matplotlib.figure import Figure

from bench.present.memory import Figures, figures, size
from bench.results.schema import Document

_COLOURS = {
    "model": "#1b6ca8",
    "data": "#7fb3d5",
    "other tensors": "#d95f02",
    "reserved, unused (derived)": "#f2c48d",
    "context and libraries": "#8a8a8a",
    "private": "#1b6ca8",
    "shared with the server": "#c8c8c8",
}

Parts = list[tuple[str, float]]


def save(document: Document, path: Path) -> None:
    """Draw what is known of each case; nothing is drawn where no case has a figure."""
    section = document.autoencoder_bench
    on_gpu = section.device.kind == "gpu"
    bars = [(b.name, _of_card(figures(b)) if on_gpu else _of_host(figures(b))) for b in reversed(document.benchmarks)]
    bars = [(name, parts) for name, parts in bars if parts]
    if not bars:
        return
    figure = Figure(figsize=(9, 1.8 + 0.5 * len(bars)), layout="constrained")
    axes = figure.add_subplot()
    unit, scale = ("GB", 1e9) if max(sum(value for _, value in parts) for _, parts in bars) >= 2e9 else ("MB", 1e6)
    for position, (_, parts) in enumerate(bars):
        left = 0.0
        for kind, value in parts:
            axes.barh(position, value / scale, left=left / scale, color=_COLOURS[kind], height=0.65)
            left += value
        label = ", ".join(f"{kind.split(' ')[0].rstrip(',')} {size(value)}" for kind, value in parts)
        axes.annotate(label, (0, position), xytext=(4, -17), textcoords="offset points", fontsize=7, color="#404040")
        axes.annotate(
            size(left), (left / scale, position), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10
        )
    kinds = list(dict.fromkeys(kind for _, parts in bars for kind, _ in parts))
    handles = [axes.barh(0, 0, color=_COLOURS[kind], label=kind) for kind in kinds]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False, fontsize=9)
    axes.set_yticks(range(len(bars)), [name for name, _ in bars])
    of = "the card, of one process alone on it" if on_gpu else "the host, of one process"
    axes.set_xlabel(f"memory of {of} ({unit}; median of cohorts)")
    axes.margins(x=0.15)
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    # Names come from the machine or from files: a dollar sign in them must not start a formula.
    title = f"{section.device.name[:60]}, TensorFlow {section.software.tensorflow}"
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    figure.savefig(path, dpi=110)


def _of_card(found: Figures) -> Parts:
    """Kind by kind, in bytes; together they are what the card lost."""
    tensors, reserved, context = found.tensors, found.reserved, found.context
    if tensors is None or reserved is None or context is None:
        return []
    model, data = min(found.model or 0.0, tensors), found.data or 0.0
    data = min(data, tensors - model)
    return [
        ("model", model),
        ("data", data),
        ("other tensors", tensors - model - data),
        ("reserved, unused (derived)", max(0.0, reserved - tensors)),
        ("context and libraries", context),
    ]


def _of_host(found: Figures) -> Parts:
    if found.private is None or found.resident is None:
        return []
    return [("private", found.private), ("shared with the server", max(0.0, found.resident - found.private))]
