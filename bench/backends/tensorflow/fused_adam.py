"""Adam as one operation for each variable: TensorFlow's ResourceApplyAdam, in the place of Keras' optimizer."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from bench.backends.keras_adam import BETA_1, BETA_2, EPSILON

# The operation takes 1 - beta in float32, Keras in float64: its moments come out larger by these factors, which would
# make the step another one by 6 millionths. The rate and epsilon take them back.
_FIRST_FACTOR = float(np.float32(1) - np.float32(BETA_1)) / (1 - BETA_1)
_SECOND_FACTOR = float(np.float32(1) - np.float32(BETA_2)) / (1 - BETA_2)


class FusedAdam:
    """The same update as Keras' Adam, with slots of its own (Kingma & Ba 2015, end of section 2).

    `apply_gradients` is all that a step asks of an optimizer.
    """

    def __init__(self, variables: Sequence[tf.Variable], learning_rate: float) -> None:
        self._learning_rate = learning_rate * math.sqrt(_SECOND_FACTOR) / _FIRST_FACTOR
        self._epsilon = EPSILON * math.sqrt(_SECOND_FACTOR)
        self._iterations = tf.Variable(0, dtype=tf.int64)
        self._first = {variable.ref(): tf.Variable(tf.zeros_like(variable)) for variable in variables}
        self._second = {variable.ref(): tf.Variable(tf.zeros_like(variable)) for variable in variables}

    @property
    def variables(self) -> list[tf.Variable]:
        """Everything that it keeps beside the model."""
        return [self._iterations, *self._first.values(), *self._second.values()]

    def apply_gradients(self, gradients: Iterable[tuple[tf.Tensor, tf.Variable]]) -> None:
        """Move every variable by its gradient."""
        # By the handle, as the updates below: of several devices each counts for itself, and none asks the others.
        iterations = self._iterations.handle
        tf.raw_ops.AssignAddVariableOp(resource=iterations, value=tf.constant(1, tf.int64))
        step = tf.cast(tf.raw_ops.ReadVariableOp(resource=iterations, dtype=tf.int64), tf.float32)
        power_1, power_2 = tf.pow(BETA_1, step), tf.pow(BETA_2, step)
        for gradient, variable in gradients:
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._first[variable.ref()].handle,
                v=self._second[variable.ref()].handle,
                beta1_power=power_1,
                beta2_power=power_2,
                lr=self._learning_rate,
                beta1=BETA_1,
                beta2=BETA_2,
                epsilon=self._epsilon,
                grad=gradient,
            )
