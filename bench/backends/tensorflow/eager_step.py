"""An eager step in parts: forward, with gradients, and the whole, each as a call that returns a tensor to wait for."""

from collections.abc import Callable

import tensorflow as tf

from bench.backends.tensorflow import optimizers
from bench.backends.tensorflow.workload import WORKLOAD, Config

Part = Callable[[], tf.Tensor]


def parts(config: Config, batch: tf.Tensor) -> tuple[Part, Part, Part]:
    """Of one model, on one batch (rows, features)."""
    parameters = WORKLOAD.create(config)
    optimizer = optimizers.keras(parameters, config)
    variables = WORKLOAD.trainable(parameters)

    def forward() -> tf.Tensor:
        return WORKLOAD.loss(WORKLOAD.forward(parameters, batch), batch)

    def gradients() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = forward()
        return tape.gradient(loss, variables)[-1]

    def whole() -> tf.Tensor:
        WORKLOAD.optimise(parameters, optimizer, batch)
        return variables[-1].value()

    return forward, gradients, whole
