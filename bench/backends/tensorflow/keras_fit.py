"""The same network as a user of Keras would write it, and the call that `fit` makes for each batch, or for many."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from bench.backends.batches import rows_of
from bench.backends.tensorflow.train_step import Subject
from bench.backends.tensorflow.workload import WORKLOAD, Config, PreparedData


def fitted(compiled: bool, steps_per_call: int) -> Callable[[Config, PreparedData, str], Subject]:
    """A builder of `keras.Sequential` with `jit_compile` and `steps_per_execution` of `compile` as given.

    What is timed is the function that `fit` calls again and again, on a data set that repeats one batch: callbacks, and
    what `fit` does once for an epoch, are left out.
    """

    def build(config: Config, data: PreparedData, device: str) -> Subject:
        network, parameters = WORKLOAD.create_keras(config)
        network.compile(
            optimizer=keras.optimizers.Adam(config.learning_rate),
            loss=WORKLOAD.keras_loss,
            jit_compile=compiled,
            steps_per_execution=steps_per_call,
        )
        network.optimizer.build(network.trainable_variables)
        network.make_train_function()
        function = network.train_function
        batch = rows_of(data.x_train, 0, config.batch_size)
        repeated = iter(_moved(_pairs(np.expand_dims(batch, 0)).repeat(), device))

        def fixed(start: int, stop: int) -> Iterator[tf.data.Iterator]:
            for first in range(start, stop, steps_per_call):
                rows = rows_of(data.x_train, first * config.batch_size, (first + steps_per_call) * config.batch_size)
                network.reset_metrics()  # the loss it gives is a mean since then
                batches = rows.reshape([steps_per_call, *batch.shape])
                yield iter(_moved(_pairs(batches), device))

        return Subject(
            parameters,
            lambda iterator: function(iterator)["loss"],
            lambda: 0,  # Keras does not let it be counted
            network.optimizer.variables,
            compiled=compiled,
            steps_per_call=steps_per_call,
            bus_bytes=2 * batch.nbytes,  # what goes in, and what shall come out
            next_input=lambda: repeated,
            fixed_inputs=fixed,
            loss_is_mean=True,
        )

    return build


def _moved(dataset: tf.data.Dataset, device: str) -> tf.data.Dataset:
    """Copied to a GPU in the background, a batch ahead, as a careful user would."""
    if "GPU" not in device:
        return dataset
    with tf.device("/CPU:0"):
        return dataset.apply(tf.data.experimental.prefetch_to_device(device, 1))


def _pairs(batches: np.typing.NDArray[np.float32]) -> tf.data.Dataset:
    with tf.device("/CPU:0"):
        return tf.data.Dataset.from_tensor_slices((batches, batches))
