"""One optimisation step, the three ways to execute it, and the notebook's training loop."""

from collections.abc import Callable
from typing import Literal, get_args

import tensorflow as tf

from autoencoder.config import Config
from autoencoder.model import Parameters, decoder, encoder, mean_square, trainable_variables

Mode = Literal["eager", "function", "xla"]
MODES: tuple[Mode, ...] = get_args(Mode)

Step = Callable[[tf.Tensor], tf.Tensor]
"""A batch (batch, 784) in, its loss before the update out; updates the variables on the way."""


def create_optimizer(parameters: Parameters, config: Config) -> tf.optimizers.Optimizer:
    """Keras' Adam, its slots built: a traced function must not create variables on its first call."""
    optimizer = tf.optimizers.Adam(learning_rate=config.learning_rate)
    optimizer.build(trainable_variables(parameters))
    return optimizer


def run_optimization(parameters: Parameters, optimizer: tf.optimizers.Optimizer, x: tf.Tensor) -> tf.Tensor:
    """Do one step on a batch (batch, 784) and return its loss, as the notebook's function of this name."""
    with tf.GradientTape() as g:
        reconstructed_image = decoder(parameters, encoder(parameters, x))
        loss = mean_square(reconstructed_image, x)
    variables = trainable_variables(parameters)
    gradients = g.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return loss


def make_step(parameters: Parameters, optimizer: tf.optimizers.Optimizer, mode: Mode) -> Step:
    """`run_optimization` bound to its variables: as it stands, as a `tf.function`, or compiled by XLA."""

    def step(x: tf.Tensor) -> tf.Tensor:
        return run_optimization(parameters, optimizer, x)

    if mode == "eager":
        return step
    compiled: Step = tf.function(step, jit_compile=True) if mode == "xla" else tf.function(step)
    return compiled


def train(
    step: Step,
    train_data: tf.data.Dataset,
    config: Config,
    on_step: Callable[[int, tf.Tensor], None] = lambda step, loss: None,
) -> list[tf.Tensor]:
    """Train `training_steps + 1` steps and return their losses.

    `on_step` is told each step's number and loss. Reading a loss waits for the device; the loop itself never does.
    """
    train_loss_results = []
    for number, (batch_x, _) in enumerate(train_data.take(config.training_steps + 1)):
        loss = step(batch_x)
        train_loss_results.append(loss)
        on_step(number, loss)
    return train_loss_results
