"""A step in mixed precision over the workload's own variables: what is cast where, the same in every mode.

| part of a step | type |
|---|---|
| weights, biases, Adam's moments, Adam's update | float32 |
| the batch, and each weight and bias, as the forward pass takes them | cast to the compute type |
| products, the addition of biases, sigmoids, and the gradients of these | compute type |
| reconstruction, difference to the batch, square, mean | cast to float32, float32 |
| gradients of weights and biases | cast to float32, by the gradient of the cast |

That is what Keras' policies of these names do with dense layers (keras/src/dtype_policies/dtype_policy.py; losses in
keras/src/losses/loss.py). In float16 small gradients would be 0: the loss is scaled by Keras' LossScaleOptimizer, which
begins with 2**15, skips a step with a gradient that is not finite and halves the scale, and doubles it after 2,000
steps without one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from bench.backends.tensorflow import optimizers
from bench.backends.tensorflow.train_step import Subject
from bench.backends.tensorflow.workload import WORKLOAD, Config, Variables
from bench.plan import precisions


@dataclass(frozen=True)
class Policy:
    """The compute type, and whether the loss is scaled."""

    compute: tf.DType
    scales_loss: bool = False


POLICIES = {
    precisions.MIXED_BFLOAT16: Policy(tf.bfloat16),  # the exponents of float32: no gradient is lost
    precisions.MIXED_FLOAT16: Policy(tf.float16, scales_loss=True),
}

# As the workload's own programme makes its step (`WORKLOAD.make_step`).
_MODES: dict[str, Callable[[Any], Any]] = {
    "eager": lambda step: step,
    "function": tf.function,
    "xla": partial(tf.function, jit_compile=True),
}


def build(mode: str, config: Config, policy: Policy, device: str) -> Subject:
    """A fresh model and its step under this policy. Raises ValueError for a mode in which nothing is cast."""
    if mode not in _MODES:
        raise ValueError(f"{mode} is not run in mixed precision. Known: {', '.join(_MODES)}")
    if policy.compute == tf.float16 and "GPU" not in device:
        _keep_products_apart()
    parameters = WORKLOAD.create(config)
    optimizer = create_optimizer(policy, parameters, config)

    def step(batch: tf.Tensor) -> tf.Tensor:
        return optimise(policy, parameters, optimizer, batch)

    wrapped = _MODES[mode](step)
    count = getattr(wrapped, "experimental_get_tracing_count", lambda: 0)
    return Subject(parameters, wrapped, count, optimizer.variables, compiled=mode == "xla")


def create_optimizer(policy: Policy, parameters: Variables, config: Config) -> Any:
    """The workload's own, in what scales the loss where that is needed; built, as a traced function needs it."""
    inner = optimizers.keras(parameters, config)
    if not policy.scales_loss:
        return inner
    scaling = keras.optimizers.LossScaleOptimizer(inner)
    scaling.build(WORKLOAD.trainable(parameters))
    return scaling


def optimise(policy: Policy, parameters: Variables, optimizer: Any, batch: tf.Tensor) -> tf.Tensor:
    """One step on a batch (rows, features), float32; gives its loss before the update, float32 and not scaled."""
    variables = WORKLOAD.trainable(parameters)
    with tf.GradientTape() as tape:
        made = WORKLOAD.forward(WORKLOAD.cast(parameters, policy.compute), tf.cast(batch, policy.compute))
        loss = WORKLOAD.loss(tf.cast(made, tf.float32), batch)
        scaled = optimizer.scale_loss(loss) if policy.scales_loss else loss
    optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables, strict=True))
    return loss


def _keep_products_apart() -> None:
    """Have TensorFlow's graphs not fuse a product with the addition of a bias, in the whole process.

    On a CPU the fused operation has no fast kernel for float16: TensorFlow 2.21 took 110 ms for 64 rows times
    (784, 128), and 0.4 ms for the product alone.
    """
    tf.config.optimizer.set_experimental_options({"remapping": False})
