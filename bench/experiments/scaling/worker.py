"""What a worker measures beside steps: forward and gradients without communication, and communication without them.

Every rank does the same operations as often as the others: how often is agreed on between them, never taken from one's
own clock.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

import tensorflow as tf

from bench import protocol
from bench.backends.tensorflow import shared_step
from bench.backends.tensorflow.handlers import State
from bench.backends.tensorflow.replicas import Replicas, reduced
from bench.backends.tensorflow.workload import WORKLOAD
from bench.experiments.scaling import figures


class _WrongSum(Exception):
    """An all-reduce whose time means nothing."""


Call = Callable[[], Any]
"""Does something, and gives tensors of one number each: they are there once it is done."""

Agree = Callable[[float], float]
"""The mean of a number over all replicas: the same on each, once all of them have come here."""

# Of nccl-tests' range (its all_reduce_perf takes 8 B to 128 MB): a number, and then what fills links more and more.
SIZES = (4, 65_536, 1_048_576, 16_777_216)
_TARGET_SECONDS = 0.06
_LEAST_CALLS, _MOST_CALLS = 3, 2_000
_SAMPLES = 3
_FLOAT_BYTES = 4
_CHAINED = 4  # all-reduces in a call, one after the other, where the call would be a large part of one
_LARGE_BYTES = 4_000_000
_ROUNDING = 1e-5  # of a power of the number of replicas in float32


def gradients(state: State, request: protocol.Measure) -> Mapping[str, float]:
    """Seconds of forward and gradients: of all replicas at the same time, and of each of this process alone."""
    replicas = _replicas(state)
    subject, _ = state.prepared()
    rows = subject.next_input() if subject.next_input else None
    of_rows = shared_step.gradients(subject.parameters, replicas.count)

    def ends(rows: Any) -> list[tf.Tensor]:
        return _ends(replicas, replicas.run(lambda own: of_rows(own)[1], rows))

    together = tf.function(ends)
    agree = _agreement(replicas)
    timed = {figures.GRADIENTS_SECONDS: _seconds(agree, lambda: together(rows))}
    for i, (device, own) in enumerate(zip(replicas.devices, replicas.parts(rows), strict=True)):
        timed[figures.of_replica(replicas.first + i)] = _seconds(agree, _alone(state, device, own, replicas.count))
    return timed


def all_reduce(state: State, request: protocol.Measure) -> Mapping[str, float | str]:
    """Seconds of an all-reduce of what a step reduces, the gradients of the model; and of single vectors by size.

    Where a sum is wrong, what is wrong with it in place of all.
    """
    try:
        return _all_reduce(state)
    except _WrongSum as error:
        return {figures.ALL_REDUCE: str(error)}


def _all_reduce(state: State) -> Mapping[str, float]:
    replicas = _replicas(state)
    agree = _agreement(replicas)
    subject, _ = state.prepared()
    shapes = [variable.shape for variable in subject.trainable]
    timed: dict[str, float] = {
        figures.ALL_REDUCE_SECONDS: _reduce_seconds(replicas, agree, shapes),
        figures.ALL_REDUCE_BYTES: float(_bytes_of(shapes)),
    }
    for size in SIZES:
        timed[figures.of_size(size)] = _reduce_seconds(replicas, agree, [tf.TensorShape([size // _FLOAT_BYTES])])
    return timed


def _alone(state: State, device: str, rows: tf.Tensor, count: int) -> Call:
    """The same on one device, with a model of its own there."""
    with tf.device(device):
        of_rows = shared_step.gradients(WORKLOAD.create(state.config), count)

    def ends(rows: tf.Tensor) -> list[tf.Tensor]:
        with tf.device(device):
            return [_end(gradient) for gradient in of_rows(rows)[1]]

    return partial(tf.function(ends), rows)


def _reduce_seconds(replicas: Replicas, agree: Agree, shapes: list[tf.TensorShape]) -> float:
    """Seconds of one all-reduce of ones in these shapes. Small ones are chained in a call, and share what it costs."""
    chained = _CHAINED if _bytes_of(shapes) < _LARGE_BYTES else 1
    ones = [replicas.values(partial(_ones, shape)) for shape in shapes]

    def on_replica(*own: tf.Tensor) -> list[tf.Tensor]:
        values = list(own)
        for _ in range(chained):
            values = reduced(values)
        return values

    def ends(values: list[Any]) -> list[tf.Tensor]:
        return _ends(replicas, replicas.run(on_replica, *values))

    reduce = partial(tf.function(ends), ones)
    seconds = _seconds(agree, reduce)
    expected = float(replicas.count) ** chained
    if wrong := [float(end) for end in reduce() if abs(float(end) / expected - 1) > _ROUNDING]:
        raise _WrongSum(f"wrong sum: {chained} of ones over {replicas.count} replicas gave {wrong[0]:g}")
    return seconds / chained


def _bytes_of(shapes: list[tf.TensorShape]) -> int:
    return sum(_FLOAT_BYTES * shape.num_elements() for shape in shapes)


def _ones(shape: tf.TensorShape, replica: int) -> tf.Tensor:
    return tf.ones(shape)


def _seconds(agree: Agree, call: Call) -> float:
    """Of a call: the median of some samples of as many calls as all replicas agree on; each begins at the same time."""
    _wait(call())
    seconds = _sample(call, _LEAST_CALLS)
    calls = max(_LEAST_CALLS, min(_MOST_CALLS, round(_TARGET_SECONDS / agree(seconds))))
    samples = []
    for _ in range(_SAMPLES):
        agree(seconds)
        samples.append(_sample(call, calls))
    return median(samples)


def _sample(call: Call, calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        ends = call()
    _wait(ends)
    return (time.perf_counter() - started) / calls


def _agreement(replicas: Replicas) -> Agree:
    def of_all(values: Any) -> tf.Tensor:
        return replicas.mean(replicas.run(lambda own: reduced([own])[0], values)) / replicas.count

    mean = tf.function(of_all)
    return lambda seconds: float(mean(replicas.values(lambda _: tf.constant(seconds))))


def _ends(replicas: Replicas, values: list[Any]) -> list[tf.Tensor]:
    """One number of each value on each device of this process."""
    return [_end(part) for value in values for part in replicas.parts(value)]


def _end(value: tf.Tensor) -> tf.Tensor:
    with tf.device(value.device):
        return tf.reshape(value, [-1])[-1]


def _wait(ends: list[tf.Tensor]) -> None:
    for end in ends:
        end.numpy()


def _replicas(state: State) -> Replicas:
    if state.replicas is None:
        raise RuntimeError("no devices share this step")
    return state.replicas


MEASUREMENTS = {figures.GRADIENTS: gradients, figures.ALL_REDUCE: all_reduce}
