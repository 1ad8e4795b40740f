"""What a case has learnt, as a plot: test images, and below each what its weights make of it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from autoencoder import model
from autoencoder.model import Parameters
from autoencoder.plots import IMAGE_SIDE

IMAGES = 16
_MAGNIFIED = 3


def save(parameters: Parameters, x_test: npt.NDArray[np.float32], path: Path) -> None:
    """Write a grey PNG of two rows: the first test images, (n, 784) in [0, 1], and their reconstructions."""
    originals = x_test[:IMAGES]
    reconstructed = model.decoder(parameters, model.encoder(parameters, originals)).numpy()
    rows = [np.hstack(list(images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE))) for images in (originals, reconstructed)]
    pixels = np.kron(np.vstack(rows), np.ones((_MAGNIFIED, _MAGNIFIED)))
    grey = np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)[..., np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(grey).numpy())
