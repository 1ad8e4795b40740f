"""The real server, with an input that counts its batches and one that is never done computing ahead."""

import os
import sys
import time

import numpy as np
import tensorflow as tf

from bench.backends.tensorflow import pipelines
from bench.worker import server

COUNTER = "TESTS_BATCHES"  # the file that a byte is added to for every batch
_SLEEP_SECONDS = 0.01


def _counting(prepared, config, device):
    """Takes its time for every batch, writes that it made it, and never has as many ahead as it would."""
    batch = prepared.x_train[: config.batch_size]

    def take(number):
        time.sleep(_SLEEP_SECONDS)
        with open(os.environ[COUNTER], "ab") as counter:
            counter.write(b".")
        return batch

    dataset = tf.data.Dataset.range(10**9).map(lambda number: tf.numpy_function(take, [number], np.float32))
    iterator = iter(dataset.prefetch(100_000))
    return lambda: tf.ensure_shape(next(iterator), [config.batch_size, 784])


def _busy(prepared, config, device):
    """Computes ahead as fast as it can, without an end."""
    rows = tf.constant(prepared.x_train[: config.batch_size])
    dataset = tf.data.Dataset.range(10**9).map(lambda number: tf.nn.relu(rows), num_parallel_calls=2)
    iterator = iter(dataset.prefetch(100_000))
    return lambda: next(iterator)


pipelines.PIPELINES |= {"counting": _counting, "busy": _busy}

if __name__ == "__main__":
    server.main(sys.argv[1:])
