"""The input variants, each a small function: where a step's batches come from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from autoencoder import pipeline
from autoencoder.config import Config

NextBatch = Callable[[], tf.Tensor]
"""Each call gives the next batch, float32 (batch, 784)."""


@dataclass(frozen=True)
class PreparedData:
    """Rows (n, 784) float32 in [0, 1] with labels (n,), training and test, shared by all workers of a server."""

    x_train: npt.NDArray[np.float32]
    y_train: npt.NDArray[np.uint8]
    x_test: npt.NDArray[np.float32]
    y_test: npt.NDArray[np.uint8]


def resident(data: PreparedData, config: Config, device: str) -> NextBatch:
    """No pipeline: one batch that stays on the device, the bound that every pipeline is held against."""
    with tf.device(device):
        batch = tf.identity(tf.constant(data.x_train[: config.batch_size]))
    return lambda: batch


def notebook(data: PreparedData, config: Config, device: str) -> NextBatch:
    """The notebook's: repeat, shuffle 60,000 rows, batch, prefetch one."""
    iterator = iter(pipeline.train_data(data.x_train, data.y_train, config))
    return lambda: next(iterator)[0]


PIPELINES: dict[str, Callable[[PreparedData, Config, str], NextBatch]] = {
    function.__name__: function for function in (resident, notebook)
}


def fixed_batches(data: PreparedData, config: Config, count: int) -> list[tf.Tensor]:
    """The first `count` batches of the training rows in order, the same for every case: what losses are compared on."""
    rows = np.arange(count * config.batch_size).reshape(count, config.batch_size) % len(data.x_train)
    return [tf.constant(data.x_train[indices]) for indices in rows]
