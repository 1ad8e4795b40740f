"""What a worker measures: a call that does one optimisation step or many, and what goes into it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bench.backends.tensorflow import device
from bench.backends.tensorflow.workload import WORKLOAD, Variables


@dataclass(frozen=True)
class Subject:
    """A call over its own variables, and how often it has been traced.

    A plain one takes a batch and gives its loss. Others feed themselves, and may do `steps_per_call` steps at once:
    `next_input` gives what goes into a call, and `fixed_inputs(start, stop)` that of the calls which do the steps from
    start to stop on the batches in order; `bus_bytes` is what the input of a step moves to a GPU. A call gives the
    losses of all its steps, or their mean. `compiled` says that the first call compiles with XLA. `copies` gives
    what a variable is on every device, where several share a step.
    """

    parameters: Variables
    step: Callable[[Any], tf.Tensor]
    traces: Callable[[], int]
    optimizer_variables: Sequence[tf.Variable | keras.Variable] = ()
    compiled: bool = False
    steps_per_call: int = 1
    next_input: Callable[[], Any] | None = None
    fixed_inputs: Callable[[int, int], Iterator[Any]] | None = None
    bus_bytes: int = 0
    loss_is_mean: bool = False
    copies: Callable[[tf.Variable], Sequence[tf.Variable]] = lambda variable: (variable,)

    @property
    def model_bytes(self) -> int:
        """Weights, biases, and what the optimizer keeps for each."""
        return sum(_bytes_of(variable) for variable in (*self.trainable, *self.optimizer_variables))

    @cached_property  # a sample ends with reading the last of them, inside of what is timed
    def trainable(self) -> list[tf.Variable]:
        """The variables that a step updates, in the order of the updates."""
        return WORKLOAD.trainable(self.parameters)

    @property
    def mean_of(self) -> int:
        """How many steps a loss that its call gives is the mean of."""
        return self.steps_per_call if self.loss_is_mean else 1

    @cached_property
    def last(self) -> Sequence[tf.Variable]:
        """What a step updates last, on every device."""
        return self.copies(self.trainable[-1])

    def synchronise(self, loss: tf.Tensor) -> None:
        """Wait until `loss` and all updates before it are done."""
        device.synchronise(loss, self.last)

    def wait_for(self, loss: tf.Tensor) -> None:
        """Wait until `loss` is there."""
        device.wait_for(loss)


def _bytes_of(variable: tf.Variable | keras.Variable) -> int:
    return int(np.prod(variable.shape, dtype=np.int64) * tf.as_dtype(variable.dtype).size)
