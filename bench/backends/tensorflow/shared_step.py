"""The step that devices share: each takes its rows of the batch, and all make the update of the sum of gradients."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from bench.backends.batches import rows_of
from bench.backends.tensorflow import optimizers
from bench.backends.tensorflow.optimizers import Create
from bench.backends.tensorflow.replicas import Replicas, reduced
from bench.backends.tensorflow.train_step import Subject
from bench.backends.tensorflow.workload import WORKLOAD, Config, PreparedData, Variables

OneReplica = Callable[[tf.Tensor], tf.Tensor]
"""What a replica does with its rows of a batch: its step; gives its loss before the update."""

Gradients = Callable[[tf.Tensor], tuple[tf.Tensor, list[tf.Tensor]]]
"""Of a replica's rows: the loss, and its share of the gradients of the whole batch's loss."""


def gradients(parameters: Variables, count: int, compiled: bool = False) -> Gradients:
    """Forward and gradients of one of `count` replicas with as many rows each; `compiled` by XLA."""
    variables = WORKLOAD.trainable(parameters)

    def of_rows(rows: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            loss = WORKLOAD.loss(WORKLOAD.forward(parameters, rows), rows)
            # The gradients of all replicas are summed, and the loss of the batch is the mean of theirs.
            share = loss / count
        return loss, tape.gradient(share, variables)

    return tf.function(of_rows, jit_compile=True) if compiled else of_rows


def _keras_step(parameters: Variables, config: Config, count: int, compiled: bool) -> tuple[OneReplica, Any]:
    """Keras' Adam sums the gradients of all replicas by itself (keras/src/backend/tensorflow/optimizer.py)."""
    optimizer, variables = optimizers.keras(parameters, config), WORKLOAD.trainable(parameters)
    of_rows = gradients(parameters, count, compiled)

    def step(rows: tf.Tensor) -> tf.Tensor:
        loss, found = of_rows(rows)
        optimizer.apply_gradients(zip(found, variables, strict=True))
        return loss

    return step, optimizer


def _fused_step(parameters: Variables, config: Config, count: int, compiled: bool) -> tuple[OneReplica, Any]:
    """The fused Adam knows of one device: the gradients are summed before it."""
    optimizer, variables = optimizers.fused(parameters, config), WORKLOAD.trainable(parameters)
    of_rows = gradients(parameters, count, compiled)

    def step(rows: tf.Tensor) -> tf.Tensor:
        loss, found = of_rows(rows)
        optimizer.apply_gradients(zip(reduced(found), variables, strict=True))
        return loss

    return step, optimizer


Make = Callable[[Variables, Config, int, bool], tuple[OneReplica, Any]]

# XLA compiles no step with a collective operation in it, so at most the gradients (docs/experiments/scaling.md).
STEPS: dict[str, tuple[Make, bool]] = {
    "function": (_keras_step, False),
    "function-fused": (_fused_step, False),
    "function-xla-gradients": (_keras_step, True),
}


def build(mode: str, config: Config, seed: int, data: PreparedData, replicas: Replicas) -> Subject:
    """A fresh model with the weights of this seed, a copy on each device. Raises ValueError for another mode's name."""
    if mode not in STEPS:
        raise ValueError(f"{mode} is no mode of a step that devices share. Known: {', '.join(STEPS)}")
    make, compiled = STEPS[mode]
    keras.utils.set_random_seed(seed)
    with replicas.strategy.scope():  # outside of it the optimizer would count for itself, without an error
        parameters = WORKLOAD.create(config)
        one, optimizer = make(parameters, config, replicas.count, compiled)
    step = tf.function(lambda rows: replicas.mean(replicas.run(one, rows)))
    resident = _rows(data, config, replicas, 0)
    return Subject(
        parameters,
        step,
        step.experimental_get_tracing_count,
        optimizer.variables,
        compiled=compiled,
        next_input=lambda: resident,
        fixed_inputs=lambda start, stop: _fixed(data, config, replicas, start, stop),
        copies=replicas.parts,
    )


def alone(compiled: bool, create_optimizer: Create) -> Callable[[Config], Subject]:
    """A builder of the same step on a single device, for what only a step that is shared has a name for."""

    def build(config: Config) -> Subject:
        parameters = WORKLOAD.create(config)
        optimizer, variables = create_optimizer(parameters, config), WORKLOAD.trainable(parameters)
        of_rows = gradients(parameters, 1, compiled)

        def once(rows: tf.Tensor) -> tf.Tensor:
            loss, found = of_rows(rows)
            optimizer.apply_gradients(zip(found, variables, strict=True))
            return loss

        step = tf.function(once)
        return Subject(parameters, step, step.experimental_get_tracing_count, optimizer.variables, compiled=compiled)

    return build


def _fixed(data: PreparedData, config: Config, replicas: Replicas, start: int, stop: int) -> Iterator[Any]:
    for number in range(start, stop):
        yield _rows(data, config, replicas, number)


def _rows(data: PreparedData, config: Config, replicas: Replicas, number: int) -> Any:
    """Batch `number` of the training rows in order, each replica's part of it on its device."""
    own, begin = config.batch_size // replicas.count, number * config.batch_size

    def of_replica(replica: int) -> tf.Tensor:
        return tf.constant(rows_of(data.x_train, begin + replica * own, begin + (replica + 1) * own))

    return replicas.values(of_replica)
