"""The plot of what was learnt, against the model in NumPy."""

import numpy as np
import tensorflow as tf

from autoencoder.config import Config
from autoencoder.model import create_parameters
from bench.backends.tensorflow import reconstructions


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def test_below_each_image_stands_its_reconstruction(tmp_path):
    tf.keras.utils.set_random_seed(3)
    parameters = create_parameters(Config())
    images = np.random.default_rng(3).random((20, 784), dtype=np.float32)
    reconstructions.save(parameters, images, tmp_path / "new" / "plot.png")
    pixels = tf.io.decode_png((tmp_path / "new" / "plot.png").read_bytes()).numpy()[::3, ::3, 0]
    assert pixels.shape == (2 * 28, 16 * 28)
    weights = {name: variable.numpy() for name, variable in parameters.weights.items()}
    biases = {name: variable.numpy() for name, variable in parameters.biases.items()}
    activation = images[5]
    for layer in ("encoder", "decoder"):
        for i in (1, 2):
            activation = sigmoid(activation @ weights[f"{layer}_h{i}"] + biases[f"{layer}_b{i}"])
    expected = np.vstack([images[5].reshape(28, 28), activation.reshape(28, 28)])
    assert np.abs(pixels[:, 5 * 28 : 6 * 28] / 255 - expected).max() < 1 / 255
