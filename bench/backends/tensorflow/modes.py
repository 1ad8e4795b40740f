"""How the optimisation is executed in each mode, and what its first call costs, part by part."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from bench.backends.backend import STEPS_PER_CALL
from bench.backends.tensorflow import keras_fit, loops, mixed_precision, optimizers, pipelines, shared_step
from bench.backends.tensorflow.optimizers import Create
from bench.backends.tensorflow.replicas import Replicas
from bench.backends.tensorflow.train_step import Subject
from bench.backends.tensorflow.workload import WORKLOAD, Config, PreparedData
from bench.plan import precisions


@dataclass(frozen=True)
class FirstCall:
    """Seconds of the parts of a first call, None where a mode has no such part, and the losses of its two calls."""

    trace_seconds: float | None
    compile_seconds: float | None
    first_step_seconds: float
    losses: tuple[tf.Tensor, tf.Tensor]


def _step(mode: str, create_optimizer: Create = optimizers.keras) -> Callable[[Config], Subject]:
    def build(config: Config) -> Subject:
        parameters = WORKLOAD.create(config)
        optimizer = create_optimizer(parameters, config)
        step = WORKLOAD.make_step(parameters, optimizer, mode)
        count = getattr(step, "experimental_get_tracing_count", lambda: 0)
        return Subject(parameters, step, count, optimizer.variables, compiled=mode == "xla")

    return build


# A batch goes in, as the notebook's step takes it.
STEPS: dict[str, Callable[[Config], Subject]] = {
    **{mode: _step(mode) for mode in WORKLOAD.modes},
    **{f"{mode}-fused": _step(mode, optimizers.fused) for mode in WORKLOAD.modes},
    "function-xla-gradients": shared_step.alone(compiled=True, create_optimizer=optimizers.keras),
}

# These feed themselves.
SELF_FED: dict[str, Callable[[Config, PreparedData, str], Subject]] = {
    "function-loop": loops.looped(compiled=False, create_optimizer=optimizers.keras),
    "xla-loop": loops.looped(compiled=True, create_optimizer=optimizers.keras),
    "function-loop-fused": loops.looped(compiled=False, create_optimizer=optimizers.fused),
    "xla-loop-fused": loops.looped(compiled=True, create_optimizer=optimizers.fused),
    "xla-loop-1-fused": loops.looped(compiled=True, create_optimizer=optimizers.fused, steps=1),
    "keras-fit": keras_fit.fitted(compiled=False, steps_per_call=1),
    "keras-fit-xla": keras_fit.fitted(compiled=True, steps_per_call=1),
    "keras-fit-loop": keras_fit.fitted(compiled=False, steps_per_call=STEPS_PER_CALL),
    "keras-fit-xla-loop": keras_fit.fitted(compiled=True, steps_per_call=STEPS_PER_CALL),
}


def build(
    mode: str,
    config: Config,
    seed: int,
    data: PreparedData | None = None,
    device: str = "/CPU:0",
    replicas: Replicas | None = None,
    precision: str = precisions.DEFAULT,
) -> Subject:
    """A fresh model with the weights of this seed, ready for its first call, on a device or on several.

    Those that feed themselves need data. Raises ValueError for a mode that is not run on several devices, or not in
    this precision; whether TF32 is on is the device's matter.
    """
    policy = mixed_precision.POLICIES.get(precision)
    if policy is not None:
        if replicas is not None:
            raise ValueError(f"{precision}: devices share a step in float32 only")
        keras.utils.set_random_seed(seed)
        return mixed_precision.build(mode, config, policy, device)
    if replicas is not None:
        if data is None:
            raise ValueError("replicas feed themselves: they need data")
        return shared_step.build(mode, config, seed, data, replicas)
    keras.utils.set_random_seed(seed)
    if mode in SELF_FED:
        if data is None:
            raise ValueError(f"{mode} feeds itself: it needs data")
        return SELF_FED[mode](config, data, device)
    return STEPS[mode](config)


def fixed_inputs(subject: Subject, data: PreparedData, config: Config, start: int, stop: int) -> Iterator[Any]:
    """What goes into the calls that do the steps from `start` to `stop` on the batches in order, the same for all."""
    if subject.fixed_inputs:
        return subject.fixed_inputs(start, stop)
    return pipelines.fixed_batches(data, config, stop, start)


def first_call(subject: Subject, inputs: Iterator[Any]) -> FirstCall:
    """Do the first two calls, on the first two of these inputs, and take their cost apart.

    A compiling call cannot be split by the clock: it also runs the step. What it takes beyond the second call is called
    compiling, and the second call stands for the first.
    """
    first = next(inputs)
    trace_seconds = _trace(subject, first)
    first_loss, first_seconds = _timed_call(subject, first)
    second_loss, second_seconds = _timed_call(subject, next(inputs))
    losses = (first_loss, second_loss)
    if subject.compiled:
        return FirstCall(trace_seconds, max(0.0, first_seconds - second_seconds), second_seconds, losses)
    return FirstCall(trace_seconds, None, first_seconds, losses)


def _trace(subject: Subject, put_in: Any) -> float | None:
    trace = getattr(subject.step, "get_concrete_function", None)
    if trace is None:
        return None
    started = time.perf_counter()
    trace(put_in)
    return time.perf_counter() - started


def _timed_call(subject: Subject, put_in: Any) -> tuple[tf.Tensor, float]:
    started = time.perf_counter()
    loss = subject.step(put_in)
    subject.synchronise(loss)
    return loss, time.perf_counter() - started
