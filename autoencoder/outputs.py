"""What a training leaves behind: losses, plots and weights, as files in one folder."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from autoencoder.config import Config
from autoencoder.model import Parameters, decoder, encoder
from autoencoder.plots import Strips, draw_strips, save_architecture, save_loss_curve, save_strip

TEST_IMAGES_SHOWN = 16


def reconstruct(parameters: Parameters, test_data: tf.data.Dataset, n: int = TEST_IMAGES_SHOWN) -> Strips:
    """Encode and decode n batches and lay out image i of batch i, as the notebook's last cell does."""
    triples = []
    for i, (batch_x, _) in enumerate(test_data.take(n)):
        encoded_images = encoder(parameters, batch_x)
        reconstructed_images = decoder(parameters, encoded_images)
        triples.append((batch_x[i].numpy(), encoded_images[i].numpy(), reconstructed_images[i].numpy()))
    return draw_strips(triples)


def save_plots(losses: Sequence[float], strips: Strips, folder: Path) -> None:
    """Write loss.png, originals.png, encodings.png and reconstructions.png."""
    save_loss_curve(losses, folder / "loss.png")
    save_strip(strips.originals, folder / "originals.png")
    save_strip(strips.encodings, folder / "encodings.png")
    save_strip(strips.reconstructions, folder / "reconstructions.png")


def save_losses(losses: Sequence[float], path: Path) -> None:
    """Write `step,loss` rows, losses with the nine digits that tell any two float32 apart."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss"])
        writer.writerows((step, f"{loss:.9g}") for step, loss in enumerate(losses))


def save_weights(parameters: Parameters, path: Path) -> None:
    """Write all variables under their names as one NumPy archive."""
    variables = {**parameters.weights, **parameters.biases}
    np.savez(path, **{name: variable.numpy() for name, variable in variables.items()})


def save_all(
    losses: Sequence[float], parameters: Parameters, test_data: tf.data.Dataset, config: Config, folder: Path
) -> None:
    """Write everything the notebook shows, the architecture and the weights included."""
    save_losses(losses, folder / "losses.csv")
    save_weights(parameters, folder / "weights.npz")
    save_architecture(config, folder / "architecture.png")
    save_plots(losses, reconstruct(parameters, test_data), folder)
