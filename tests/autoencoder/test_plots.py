"""The strips against the notebook's own way of filling canvases, and that pictures are pictures."""

import matplotlib.image
import numpy as np
import pytest

from autoencoder import plots
from autoencoder.config import Config


@pytest.fixture
def triples():
    generator = np.random.default_rng(0)
    return [tuple(generator.random(size, dtype=np.float32) for size in (784, 64, 784)) for _ in range(16)]


def test_strips_are_the_notebooks_canvases(triples):
    n = 16
    originals, encodings, reconstructions = np.empty((28, 28 * n)), np.ones((28, 28 * n)), np.empty((28, 28 * n))
    for i, (original, encoding, reconstruction) in enumerate(triples):
        originals[0:28, i * 28 : (i + 1) * 28] = original.reshape([28, 28])
        encodings[10:18, i * 28 + 10 : i * 28 + 18] = encoding.reshape([8, 8])
        reconstructions[0:28, i * 28 : (i + 1) * 28] = reconstruction.reshape([28, 28])
    strips = plots.draw_strips(triples)
    np.testing.assert_array_equal(strips.originals, originals)
    np.testing.assert_array_equal(strips.encodings, encodings)
    np.testing.assert_array_equal(strips.reconstructions, reconstructions)


def test_a_saved_strip_is_one_inch_an_image_and_grey(triples, tmp_path):
    plots.save_strip(plots.draw_strips(triples).encodings, tmp_path / "strip.png")
    picture = matplotlib.image.imread(tmp_path / "strip.png")
    assert picture.shape[:2] == (100, 1600)
    np.testing.assert_array_equal(picture[..., 0], picture[..., 1])
    assert picture[0].min() == 1.0  # the margin above the encodings is white


def test_the_loss_curve_is_labelled_with_what_it_shows(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(plots.Figure, "savefig", lambda figure, *rest, **options: drawn.append(figure))
    plots.save_loss_curve([0.2, 0.1, 0.05], tmp_path / "loss.png")
    (axes,) = drawn[0].axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Step", "Loss")
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [0.2, 0.1, 0.05])


def test_loss_curve_and_architecture_are_drawn(tmp_path):
    plots.save_loss_curve([0.2, 0.1, 0.05], tmp_path / "loss.png")
    plots.save_architecture(Config(), tmp_path / "architecture.png")
    for name in ("loss.png", "architecture.png"):
        assert matplotlib.image.imread(tmp_path / name).std() > 0.01
