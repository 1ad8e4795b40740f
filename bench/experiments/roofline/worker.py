"""What a device can do at best, inside a worker: matrix products, copies, launches; and an eager step in parts."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from bench.backends.tensorflow import device, eager_step, loops, pipelines
from bench.backends.tensorflow.handlers import State
from bench.backends.tensorflow.workload import Config
from bench.experiments.roofline import cuda_driver, peaks
from bench.experiments.roofline.peaks import DriverTimes, EagerParts, Peaks, Transfer
from bench.experiments.roofline.step_cost import PARAMETERS, PRODUCTS
from bench.protocol import Measure

LARGE = {"cpu": 1024, "gpu": 4096}  # rows and columns of the large product
LARGE_TRANSFER_BYTES = 2**26
LARGE_COPY_BYTES = {"cpu": 2**26, "gpu": 2**28}  # beyond the caches
_CALL_SECONDS = 0.01  # a call does as many repeats as take so long
_MOST_TIMES = 1_000  # that more repeats are tried than before
_TRIES_SECONDS = 0.15
_UNROLLED = 4  # products in a row for one step of the loop around them
_ROUNDS, _STEPS = 8, 6  # of the parts of an eager step
_LAUNCHES = 500
_LEAST_TRIES = 7


Launch = Callable[[], tf.Tensor]


def measure(kind: str, config: Config, seed: int, batch: tf.Tensor) -> Peaks:
    """All of it, on a device of this kind; the fastest of several tries, since it is the best that is looked for."""
    tf.random.set_seed(seed)
    sizes = (4 * config.batch_size * config.num_features, LARGE_TRANSFER_BYTES)
    driver = cuda_driver.measure(sizes) if kind == "gpu" else "a CPU has no driver in between"
    with tf.device(device.scope(kind)):
        scalar = tf.constant(1.0)
        add = tf.function(lambda x: x + 1.0)
        return Peaks(
            eager_op_seconds=_per_launch(lambda: tf.add(scalar, 1.0)),
            function_call_seconds=_per_launch(lambda: add(scalar)),
            copy_bytes_per_second=_copies(4 * PARAMETERS),
            large_copy_bytes_per_second=_copies(LARGE_COPY_BYTES[kind]),
            matmul_flops_per_second={
                name: max(_products(*product.shape, compiled) for compiled in (False, True))
                for name, product in PRODUCTS.items()
            },
            large_matmul_flops_per_second=_products(LARGE[kind], LARGE[kind], LARGE[kind], False),
            eager_parts=_eager_parts(config, batch),
            synchronise_seconds=_reading(scalar, _LAUNCHES),
            transfers=tuple(transfer for size in sizes for transfer in _transfers(size)),
            driver=driver if isinstance(driver, DriverTimes) else None,
            driver_reason=driver if isinstance(driver, str) else None,
        )


def _products(rows: int, inner: int, columns: int, compiled: bool) -> float:
    """Floating-point operations per second of products (rows, inner) x (inner, columns), each needing the one before.

    The factor is followed by its transpose, so every second product has the sizes the other way round, and as many
    operations. It is a part of a Householder reflection, with orthonormal rows or columns: values neither grow nor
    vanish.
    """
    largest = max(inner, columns)
    normal = np.random.default_rng(0).normal(size=largest).astype(np.float32)
    reflection = np.eye(largest, dtype=np.float32) - np.outer(normal, 2 * normal / np.dot(normal, normal))
    there = tf.constant(reflection[:inner, :columns])
    back = tf.transpose(there)

    start = tf.random.normal([rows, inner])

    def products(x: tf.Tensor) -> tf.Tensor:
        for _ in range(_UNROLLED):
            x = tf.matmul(tf.matmul(x, there), back)
        return x

    operations = 2 * 2 * _UNROLLED * rows * inner * columns
    return operations / _fastest(lambda repeats: _repeated(products, start, repeats, compiled))


def _copies(size: int) -> float:
    """Bytes per second, read and written, of a pass over an array of `size` bytes."""
    start = tf.zeros([size // 4])
    return 2 * size / _fastest(lambda repeats: _repeated(lambda x: x + 1.0, start, repeats, compiled=False))


def _transfers(size: int) -> Iterator[Transfer]:
    """A NumPy array of `size` bytes to the device, and a tensor back, as a program in TensorFlow moves them."""
    array = np.zeros(size // 4, np.float32)
    tensor = tf.identity(tf.constant(array))
    tries = max(_LEAST_TRIES, _LAUNCHES * 1024 // size)
    # A copy to the device is only queued, so a number of it is read back: the cost of that stands beside.
    there = _median([lambda: tf.constant(array)[0].numpy()] * (tries + 1))
    yield Transfer(to="device", memory="numpy", bytes=size, seconds=there)
    yield Transfer(to="host", memory="numpy", bytes=size, seconds=_reading(tensor, tries))


def _reading(tensor: tf.Tensor, tries: int) -> float:
    """Seconds of reading a tensor that is there already, the median of so many.

    Each is another one: of what was read once TensorFlow keeps a copy on the host, and reads that the next time
    (tensorflow/core/common_runtime/eager/core.cc, `TensorHandle::Resolve`).
    """
    fresh = [tensor + 0.0 for _ in range(tries + 1)]
    tf.reshape(fresh[-1] + 0.0, [-1])[0].numpy()  # what is queued in order is done then, and none of them was read
    return _median([one.numpy for one in fresh])


def _median(calls: Sequence[Callable[[], object]]) -> float:
    """Seconds of a call, the median of these, of which the first is not counted."""
    first, *rest = calls
    first()
    seconds = []
    for call in rest:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _repeated(once: Callable[[tf.Tensor], tf.Tensor], start: tf.Tensor, repeats: int, compiled: bool) -> Launch:
    """A call that does `once` so many times, each on what the one before gave, and returns a number of the last."""

    def many() -> tf.Tensor:
        return tf.reshape(loops.repeat(repeats, lambda _, x: (once(x[0]),), (start,))[0], [-1])[0]

    function: Launch = tf.function(many, jit_compile=compiled, autograph=False)
    return function


def _fastest(of: Callable[[int], Launch]) -> float:
    """Seconds of one repeat, where `of(n)` is a call that does n of them: as many as take a while."""
    repeats = 1
    while True:
        call = of(repeats)
        _seconds(call)  # traced and compiled
        best = _seconds(call)
        if best >= _CALL_SECONDS:
            break
        # Each count is traced and compiled anew, so it is aimed at and not crept up on.
        repeats *= min(_MOST_TIMES, math.ceil(1.2 * _CALL_SECONDS / best))
    begun = time.perf_counter()
    while time.perf_counter() - begun < _TRIES_SECONDS:
        best = min(best, _seconds(call))
    return best / repeats


def _seconds(call: Launch) -> float:
    started = time.perf_counter()
    call().numpy()
    return time.perf_counter() - started


def _per_launch(launch: Launch) -> float:
    """Seconds of one of many launches in a row, waited for once."""

    def seconds() -> float:
        started = time.perf_counter()
        for _ in range(_LAUNCHES):
            last = launch()
        last.numpy()
        return time.perf_counter() - started

    seconds()
    return min(seconds() for _ in range(5)) / _LAUNCHES


def _eager_parts(config: Config, batch: tf.Tensor) -> EagerParts:
    """Seconds of an eager step, of one without its optimizer, and of one without gradients too; turn by turn."""
    parts = eager_step.parts(config, batch)
    times: list[list[float]] = [[] for _ in parts]
    for number in range(_ROUNDS + 1):
        for part, seconds in zip(parts, times, strict=True):
            started = time.perf_counter()
            for _ in range(_STEPS):
                last = part()
            last.numpy()
            if number:  # the first round warms up
                seconds.append((time.perf_counter() - started) / _STEPS)
    return EagerParts(*(statistics.median(seconds) for seconds in times))


def _measure(state: State, request: Measure) -> Mapping[str, float | str]:
    device.start(request.device, "growth", request.tf32)
    (batch,) = pipelines.fixed_batches(state.data, state.config, 1)
    return peaks.write(measure(request.device, state.config, request.seed, batch))


MEASUREMENTS: Mapping[str, Callable[[State, Measure], Mapping[str, float | str]]] = {peaks.PEAKS: _measure}
