"""The input variants, each a small function: where a step's batches come from, and in its first line why.

Adding one is writing one function, and naming it in PIPELINES. All feed float32 batches of the same rows; with
`shuffled` off they feed the same batches in the same order, bit for bit.
"""

from collections.abc import Callable, Iterator

import tensorflow as tf

from bench.backends import batches
from bench.backends.tensorflow.workload import WORKLOAD, Config, PreparedData

NextBatch = Callable[[], tf.Tensor]
"""Each call gives the next batch, float32 (batch, 784)."""

INDEX_BYTES = 8

# Data sets are built on the host, as the notebook's are (autoencoder/pipeline.py says why).
_HOST = "/CPU:0"


def resident(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """No pipeline: one batch that stays on the device, the bound that every pipeline is held against."""
    with tf.device(device):
        batch = tf.identity(tf.constant(batches.rows_of(prepared.x_train, 0, config.batch_size)))
    return lambda: batch


def prefetch_1(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """The notebook's: repeat, shuffle 60,000 rows, batch, prefetch one."""
    if shuffled:
        return _batches(WORKLOAD.train_data(prepared, config))
    return _batches(_float_rows(prepared, config, shuffled).prefetch(1))


def no_prefetch(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """What prefetching is worth: none at all, TensorFlow's own injection of it switched off."""
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    return _batches(_float_rows(prepared, config, shuffled).with_options(options))


def prefetch_auto(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """What a deeper buffer is worth: as many batches ahead as TensorFlow finds best."""
    return _batches(_float_rows(prepared, config, shuffled).prefetch(tf.data.AUTOTUNE))


def vectorised(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """A quarter of the bytes through the shuffle: rows stay uint8, and whole batches are converted, in parallel."""
    with tf.device(_HOST):
        rows = _order(tf.data.Dataset.from_tensor_slices((prepared.stored_train, prepared.y_train)), shuffled)
        converted = rows.batch(config.batch_size).map(_as_float, num_parallel_calls=tf.data.AUTOTUNE)
        return _batches(converted.prefetch(tf.data.AUTOTUNE))


def shuffle_indices(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """The shuffle without its 188 MB: 60,000 numbers are shuffled, and the rows of a batch gathered at once."""
    with tf.device(_HOST):
        rows, labels = tf.constant(prepared.x_train), tf.constant(prepared.y_train)
        indices = _order(tf.data.Dataset.range(len(prepared.x_train)), shuffled).batch(config.batch_size)
        return _batches(indices.map(lambda chosen: (tf.gather(rows, chosen), tf.gather(labels, chosen))).prefetch(1))


def prefetch_to_device(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """The copy to the device in the background too: batches wait where the step will read them."""
    with tf.device(_HOST):
        return _batches(
            _float_rows(prepared, config, shuffled).apply(tf.data.experimental.prefetch_to_device(device, 1))
        )


def device_resident(prepared: PreparedData, config: Config, device: str, shuffled: bool = True) -> NextBatch:
    """No copies but of row numbers: the whole set lies on the device, and a batch is gathered there."""
    count, size = len(prepared.x_train), config.batch_size
    with tf.device(device):
        rows = tf.identity(tf.constant(prepared.x_train))

    def gather(order: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        return tf.gather(rows, tf.gather(order, (start + tf.range(size, dtype=tf.int64)) % count))

    batch = tf.function(gather)

    def gathered() -> Iterator[tf.Tensor]:
        while True:
            order = shuffled_order(count, device) if shuffled else tf.range(count, dtype=tf.int64)
            # In order, a batch goes over the end into the next round, as those of a repeated data set do.
            starts = range(0, count, size) if shuffled else range(0, count * size, size)
            for start in starts:
                with tf.device(device):
                    found = batch(order, tf.constant(start % count, tf.int64))
                yield found

    generator = gathered()
    return lambda: next(generator)


def shuffled_order(count: int, device: str) -> tf.Tensor:
    """The row numbers in random order, moved to the device once.

    They are int64: TensorFlow keeps int32 numbers in the host's memory, and would copy all of them again and again.
    """
    with tf.device(_HOST):
        order = tf.random.shuffle(tf.range(count, dtype=tf.int64))
    with tf.device(device):
        return tf.identity(order)


PIPELINES: dict[str, Callable[[PreparedData, Config, str], NextBatch]] = {
    "resident": resident,
    "notebook": prefetch_1,
    "no-prefetch": no_prefetch,
    "prefetch-1": prefetch_1,
    "prefetch-auto": prefetch_auto,
    "vectorised": vectorised,
    "shuffle-indices": shuffle_indices,
    "prefetch-to-device": prefetch_to_device,
    "device-resident": device_resident,
}


def bus_bytes(name: str, config: Config) -> int:
    """What a step's input moves from the host to a GPU: a batch, or the numbers of its rows and where they begin."""
    numbers = INDEX_BYTES * (config.batch_size + 1)
    return {"resident": 0, "device-resident": numbers}.get(name, 4 * config.batch_size * config.num_features)


def fixed_batches(prepared: PreparedData, config: Config, count: int, start: int = 0) -> Iterator[tf.Tensor]:
    """Batches number `start` to `count` of the training rows in order, the same for every case: what losses are of."""
    for rows in batches.in_order(prepared.x_train, config.batch_size, start, count):
        yield tf.constant(rows)


def _float_rows(prepared: PreparedData, config: Config, shuffled: bool) -> tf.data.Dataset:
    """Batches of float32 rows with their labels, as the notebook's before its prefetch."""
    with tf.device(_HOST):
        rows = tf.data.Dataset.from_tensor_slices((prepared.x_train, prepared.y_train))
        return _order(rows, shuffled).batch(config.batch_size)


def _order(dataset: tf.data.Dataset, shuffled: bool) -> tf.data.Dataset:
    return dataset.repeat().shuffle(WORKLOAD.shuffle_buffer) if shuffled else dataset.repeat()


def _as_float(stored: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The notebook's conversion, on a batch."""
    return tf.cast(stored, tf.float32) / 255.0, labels


def _batches(dataset: tf.data.Dataset) -> NextBatch:
    iterator = iter(dataset)
    return lambda: next(iterator)[0]
