"""The notebook's two `tf.data` pipelines, built on the host."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from autoencoder.config import Config

SHUFFLE_BUFFER = 60_000  # rows: with the whole training set, 188 MB, filled before the first batch

# from_tensor_slices puts the whole array on the default device. On a GPU that would hold 188 MB of images beside a
# 3 MB model (tensorflow issue 71744), so both are pinned to the host.
_HOST = "/CPU:0"


def train_data(x: npt.NDArray[np.float32], y: npt.NDArray[np.uint8], config: Config) -> tf.data.Dataset:
    """Endless shuffled batches (batch_size, 784) with labels (batch_size,); repeat before shuffle mixes epochs."""
    with tf.device(_HOST):
        dataset = tf.data.Dataset.from_tensor_slices((x, y))
        return dataset.repeat().shuffle(SHUFFLE_BUFFER).batch(config.batch_size).prefetch(1)


def test_data(x: npt.NDArray[np.float32], y: npt.NDArray[np.uint8], config: Config) -> tf.data.Dataset:
    """Endless batches in order, otherwise as `train_data`."""
    with tf.device(_HOST):
        dataset = tf.data.Dataset.from_tensor_slices((x, y))
        return dataset.repeat().batch(config.batch_size).prefetch(1)
