"""What a case has learnt, as a plot: test images, and below each what its weights make of it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from bench.backends.tensorflow.workload import WORKLOAD, Variables

IMAGES = 16
_MAGNIFIED = 3


def save(parameters: Variables, x_test: npt.NDArray[np.float32], path: Path) -> None:
    """Write a grey PNG of two rows: the first test images, (n, 784) in [0, 1], and their reconstructions."""
    originals = x_test[:IMAGES]
    reconstructed = WORKLOAD.forward(parameters, originals).numpy()
    side = WORKLOAD.image_side
    rows = [np.hstack(list(images.reshape(-1, side, side))) for images in (originals, reconstructed)]
    pixels = np.kron(np.vstack(rows), np.ones((_MAGNIFIED, _MAGNIFIED)))
    grey = np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)[..., np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(grey).numpy())
