"""The notebook's pipelines: order, endlessness, batches, and where they live."""

import numpy as np

from autoencoder import pipeline
from autoencoder.config import Config

CONFIG = Config(num_features=2, batch_size=8)


def rows(count):
    return np.repeat(np.arange(count, dtype=np.float32)[:, None], 2, axis=1), np.zeros(count, np.uint8)


def test_test_data_repeats_in_order():
    batches = [x.numpy()[:, 0] for x, _ in pipeline.test_data(*rows(20), CONFIG).take(5)]
    np.testing.assert_array_equal(np.concatenate(batches), np.arange(40) % 20)


def test_train_data_shuffles_across_epochs():
    first = np.concatenate([x.numpy()[:, 0] for x, _ in pipeline.train_data(*rows(20), CONFIG).take(5)])
    assert len(set(first[:20])) < 20  # repeat comes before shuffle: the first twenty are no single epoch


def test_batches_are_float32_with_labels_on_the_host():
    x, y = next(iter(pipeline.train_data(*rows(20), CONFIG)))
    assert (tuple(x.shape), x.dtype.name, tuple(y.shape), y.dtype.name) == ((8, 2), "float32", (8,), "uint8")
    assert "CPU:0" in x.device
