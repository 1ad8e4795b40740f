"""Many steps in one call: the loop is part of the graph, and gathers its batches from the set on the device."""

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from bench.backends.backend import STEPS_PER_CALL
from bench.backends.tensorflow import pipelines
from bench.backends.tensorflow.optimizers import Create
from bench.backends.tensorflow.train_step import Subject
from bench.backends.tensorflow.workload import WORKLOAD, Config, PreparedData

Place = tuple[tf.Tensor, tf.Tensor]
"""An order of the rows, and where in it a call begins."""

Carried = tuple[Any, ...]
"""What each turn of a loop hands to the next: tensors, or arrays of them."""


def looped(
    compiled: bool, create_optimizer: Create, steps: int = STEPS_PER_CALL
) -> Callable[[Config, PreparedData, str], Subject]:
    """A builder of the notebook's step in a loop of so many on the device, compiled by XLA or not."""

    def build(config: Config, data: PreparedData, device: str) -> Subject:
        parameters = WORKLOAD.create(config)
        optimizer = create_optimizer(parameters, config)
        count, size = len(data.x_train), config.batch_size
        rows = tf.identity(tf.constant(data.x_train))

        def call(place: Place) -> tf.Tensor:
            order, start = place

            def once(i: tf.Tensor, carried: Carried) -> Carried:
                places = start + tf.cast(i, tf.int64) * size + tf.range(size, dtype=tf.int64)
                batch = tf.gather(rows, tf.gather(order, places % count))
                return (carried[0].write(i, WORKLOAD.optimise(parameters, optimizer, batch)),)

            (losses,) = repeat(steps, once, (tf.TensorArray(tf.float32, size=steps),))
            return losses.stack()

        step = tf.function(call, jit_compile=compiled)
        return Subject(
            parameters,
            step,
            step.experimental_get_tracing_count,
            optimizer.variables,
            compiled=compiled,
            steps_per_call=steps,
            next_input=_shuffled(count, size * steps, device),
            bus_bytes=pipelines.INDEX_BYTES * size,
            fixed_inputs=lambda start, stop: _in_order(count, size, range(start, stop, steps)),
        )

    return build


def repeat(count: int, once: Callable[[tf.Tensor, Carried], Carried], carried: Carried) -> Carried:
    """Call `once(i, carried)` for each i below `count` in a loop of the graph, whose count XLA knows.

    AutoGraph's own `for` over a range ends on two conditions at a time, of which XLA makes out no count: then a GPU
    copies the condition to the host and waits for it before every turn.
    """
    _, *result = tf.while_loop(
        lambda i, *_: i < count, lambda i, *had: (i + 1, *once(i, had)), (tf.constant(0), *carried)
    )
    return tuple(result)


def _shuffled(count: int, examples: int, device: str) -> Callable[[], Place]:
    def places() -> Iterator[Place]:
        while True:
            order = pipelines.shuffled_order(count, device)
            for start in range(0, count, examples):
                with tf.device(device):
                    begin = tf.constant(start, tf.int64)
                yield order, begin

    generator = places()
    return lambda: next(generator)


def _in_order(count: int, size: int, steps: range) -> Iterator[Place]:
    for step in steps:
        yield tf.range(count, dtype=tf.int64), tf.constant(step * size % count, tf.int64)
