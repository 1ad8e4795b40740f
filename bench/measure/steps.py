"""How a step is executed in each mode, and what its first call costs, part by part."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from autoencoder import model, training
from autoencoder.config import Config
from autoencoder.model import Parameters
from bench.measure import device


@dataclass(frozen=True)
class Subject:
    """What a worker measures: a step over its own variables, and how often it has been traced."""

    parameters: Parameters
    step: training.Step
    traces: Callable[[], int]
    optimizer_variables: Sequence[keras.Variable] = ()

    @property
    def model_bytes(self) -> int:
        """Weights, biases, and what the optimizer keeps for each."""
        own = [*self.parameters.weights.values(), *self.parameters.biases.values()]
        return sum(_bytes_of(variable) for variable in (*own, *self.optimizer_variables))

    def synchronise(self, loss: tf.Tensor) -> None:
        """Wait until `loss` and all updates before it are done."""
        device.synchronise(loss, self.parameters)


@dataclass(frozen=True)
class FirstCall:
    """Seconds of the parts of a first call, None where a mode has no such part, and the losses of its two steps."""

    trace_seconds: float | None
    compile_seconds: float | None
    first_step_seconds: float
    losses: tuple[tf.Tensor, tf.Tensor]


def _notebook_step(mode: training.Mode) -> Callable[[Config], Subject]:
    def build(config: Config) -> Subject:
        parameters = model.create_parameters(config)
        optimizer = training.create_optimizer(parameters, config)
        step = training.make_step(parameters, optimizer, mode)
        count = getattr(step, "experimental_get_tracing_count", lambda: 0)
        return Subject(parameters, step, count, optimizer.variables)

    return build


STEPS: dict[str, Callable[[Config], Subject]] = {mode: _notebook_step(mode) for mode in training.MODES}


def build(mode: str, config: Config, seed: int) -> Subject:
    """A fresh model with the weights of this seed, ready for its first call."""
    keras.utils.set_random_seed(seed)
    return STEPS[mode](config)


def first_call(subject: Subject, compiled: bool, batches: tuple[tf.Tensor, tf.Tensor]) -> FirstCall:
    """Do the first two steps and take their cost apart.

    A compiling call cannot be split by the clock: it also runs the step. What it takes beyond the second step is
    called compiling, and the second step stands for the first.
    """
    trace_seconds = _trace(subject.step, batches[0])
    first_loss, first_seconds = _timed_step(subject, batches[0])
    second_loss, second_seconds = _timed_step(subject, batches[1])
    losses = (first_loss, second_loss)
    if compiled:
        return FirstCall(trace_seconds, max(0.0, first_seconds - second_seconds), second_seconds, losses)
    return FirstCall(trace_seconds, None, first_seconds, losses)


def _bytes_of(variable: tf.Variable | keras.Variable) -> int:
    return int(np.prod(variable.shape, dtype=np.int64) * tf.as_dtype(variable.dtype).size)


def _trace(step: training.Step, batch: tf.Tensor) -> float | None:
    trace = getattr(step, "get_concrete_function", None)
    if trace is None:
        return None
    started = time.perf_counter()
    trace(batch)
    return time.perf_counter() - started


def _timed_step(subject: Subject, batch: tf.Tensor) -> tuple[tf.Tensor, float]:
    started = time.perf_counter()
    loss = subject.step(batch)
    subject.synchronise(loss)
    return loss, time.perf_counter() - started
