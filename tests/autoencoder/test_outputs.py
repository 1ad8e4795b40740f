"""What a training leaves, against the notebook's own last cell."""

import numpy as np

from autoencoder import data, model, outputs, pipeline
from autoencoder.config import Config


def test_image_i_of_batch_i_is_shown():
    sample = data.load("sample")
    x_test = data.prepare(sample.test_images)
    parameters = model.create_parameters(Config())
    strips = outputs.reconstruct(parameters, pipeline.test_data(x_test, sample.test_labels, Config()))
    assert strips.originals.shape == (28, 28 * 16)
    for i in range(16):
        row = x_test[(64 * i + i) % len(x_test)]
        part = slice(i * 28, (i + 1) * 28)
        np.testing.assert_array_equal(strips.originals[:, part], row.reshape(28, 28))
        encoded = model.encoder(parameters, row[None])
        np.testing.assert_allclose(
            strips.encodings[10:18, i * 28 + 10 : i * 28 + 18], encoded.numpy().reshape(8, 8), rtol=1e-5
        )
        reconstructed = model.decoder(parameters, encoded).numpy().reshape(28, 28)
        np.testing.assert_allclose(strips.reconstructions[:, part], reconstructed, rtol=1e-5)


def test_losses_can_be_told_apart_again(tmp_path):
    values = np.array([0.1, np.nextafter(np.float32(0.1), np.float32(1))], np.float32)
    outputs.save_losses([float(value) for value in values], tmp_path / "losses.csv")
    read = np.genfromtxt(tmp_path / "losses.csv", delimiter=",", names=True)["loss"].astype(np.float32)
    np.testing.assert_array_equal(read, values)
