"""An eager step in parts: forward, with gradients, and the whole, each as a call that returns a tensor to wait for."""

from collections.abc import Callable

import tensorflow as tf

from autoencoder import model, training
from autoencoder.config import Config
from bench.backends.tensorflow import optimizers

__all__ = ["Config", "Part", "parts"]

Part = Callable[[], tf.Tensor]


def parts(config: Config, batch: tf.Tensor) -> tuple[Part, Part, Part]:
    """Of one model, on one batch (rows, features)."""
    parameters = model.create_parameters(config)
    optimizer = optimizers.keras(parameters, config)
    variables = model.trainable_variables(parameters)

    def forward() -> tf.Tensor:
        return model.mean_square(model.decoder(parameters, model.encoder(parameters, batch)), batch)

    def gradients() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = forward()
        return tape.gradient(loss, variables)[-1]

    def whole() -> tf.Tensor:
        training.run_optimization(parameters, optimizer, batch)
        return variables[-1].value()

    return forward, gradients, whole
