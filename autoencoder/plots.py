"""The notebook's plots: loss curve, architecture, and the strips of originals, encodings and reconstructions."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoencoder.config import Config

Canvas = npt.NDArray[np.float64]

IMAGE_SIDE = 28
ENCODING_SIDE = 8


@dataclass(frozen=True)
class Strips:
    """Three plots of n images side by side, each (28, 28 n), values in [0, 1]."""

    originals: Canvas
    encodings: Canvas
    reconstructions: Canvas


def draw_strips(
    rows: Iterable[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]],
) -> Strips:
    """Lay out triples of one original (784,), its encoding (64,) and its reconstruction (784,).

    Encodings are 8 x 8 pixels, centred on a white strip as high as the images.
    """
    triples = list(rows)
    originals = np.hstack([original.reshape(IMAGE_SIDE, IMAGE_SIDE) for original, _, _ in triples])
    reconstructions = np.hstack([image.reshape(IMAGE_SIDE, IMAGE_SIDE) for _, _, image in triples])
    encodings = np.ones((IMAGE_SIDE, IMAGE_SIDE * len(triples)))
    margin = (IMAGE_SIDE - ENCODING_SIDE) // 2
    for i, (_, encoding, _) in enumerate(triples):
        left = i * IMAGE_SIDE + margin
        encodings[margin : margin + ENCODING_SIDE, left : left + ENCODING_SIDE] = encoding.reshape(
            ENCODING_SIDE, ENCODING_SIDE
        )
    return Strips(originals.astype(np.float64), encodings, reconstructions.astype(np.float64))


def save_strip(canvas: Canvas, path: Path) -> None:
    """Write one strip as a grey plot, one inch an image, without axes."""
    images = canvas.shape[1] // IMAGE_SIDE
    figure = Figure(figsize=(images, 1), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(canvas, origin="upper", cmap="gray")
    figure.savefig(path)


def save_loss_curve(losses: Sequence[float], path: Path) -> None:
    """Write the loss over the steps. The notebook labels this axis "Epoch", but steps are what it shows."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_ylabel("Loss", fontsize=14)
    axes.set_xlabel("Step", fontsize=14)
    axes.plot(losses, linewidth=1)
    figure.savefig(path, dpi=100)


def save_architecture(config: Config, path: Path) -> None:
    """Write the plot the notebook refers to as autoencode.png: the layers, their widths, what joins them."""
    widths = [config.num_features, config.num_hidden_1, config.num_hidden_2, config.num_hidden_1, config.num_features]
    names = ["input", "encoder 1", "encoding", "decoder 1", "reconstruction"]
    joints = ["encoder_h1, b1", "encoder_h2, b2", "decoder_h1, b1", "decoder_h2, b2"]
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    for i, (width, name) in enumerate(zip(widths, names, strict=True)):
        _draw_layer(axes, i, width, name)
    for i, joint in enumerate(joints):
        _draw_joint(axes, i, widths[i], widths[i + 1], joint)
    axes.set_xlim(-0.5, 4.5)
    axes.set_ylim(-0.68, 0.62)
    axes.axis("off")
    figure.savefig(path, dpi=100)


def _half_height(width: int) -> float:
    return 0.5 * math.sqrt(width / 784)


def _draw_layer(axes: Axes, position: int, width: int, name: str) -> None:
    half = _half_height(width)
    colour = "#d95f02" if name == "encoding" else "#1b6ca8"
    axes.bar(position, 2 * half, bottom=-half, width=0.22, color=colour)
    axes.text(position, half + 0.03, str(width), ha="center", va="bottom", fontsize=13)
    axes.text(position, -0.54, name, ha="center", va="top", fontsize=11)


def _draw_joint(axes: Axes, position: int, left: int, right: int, name: str) -> None:
    inner = [position + 0.11, position + 0.89]
    top = [_half_height(left), _half_height(right)]
    axes.fill_between(inner, [-top[0], -top[1]], top, color="#8a8a8a", alpha=0.18, linewidth=0)
    axes.text(position + 0.5, 0.0, f"{name}\nsigmoid", ha="center", va="center", fontsize=8)
