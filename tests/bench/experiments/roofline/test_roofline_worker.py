"""What a device can do at best is measured on the real TensorFlow; its speeds are the machine's own affair."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support import hlo

from autoencoder.config import Config
from bench.experiments.roofline import worker
from bench.experiments.roofline.step_cost import PRODUCTS


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(worker, "_TRIES_SECONDS", 0.001)
    monkeypatch.setattr(worker, "_CALL_SECONDS", 0.0001)
    monkeypatch.setattr(worker, "_LAUNCHES", 3)
    monkeypatch.setattr(worker, "_ROUNDS", 1)
    monkeypatch.setattr(worker, "_STEPS", 1)
    monkeypatch.setitem(worker.LARGE, "cpu", 64)
    monkeypatch.setitem(worker.LARGE_COPY_BYTES, "cpu", 2**16)


def test_everything_is_measured_and_a_number(hurried):
    found = worker.measure("cpu", Config(), 1, tf.zeros([64, 784]))
    assert found.matmul_flops_per_second.keys() == PRODUCTS.keys()
    parts = found.eager_parts
    some = [
        found.eager_op_seconds,
        found.function_call_seconds,
        found.synchronise_seconds,
        *(transfer.seconds for transfer in found.transfers),
        found.copy_bytes_per_second,
        found.large_copy_bytes_per_second,
        found.large_matmul_flops_per_second,
        *found.matmul_flops_per_second.values(),
        parts.forward_seconds,
        parts.with_gradients_seconds,
        parts.step_seconds,
    ]
    assert all(math.isfinite(value) and value > 0 for value in some)
    # A batch of the notebook's, 64 x 784 float32, and 64 MiB; either way.
    sizes = [(transfer.to, transfer.bytes) for transfer in found.transfers]
    assert sizes == [("device", 200_704), ("host", 200_704), ("device", 2**26), ("host", 2**26)]
    assert (found.driver, found.driver_reason) == (None, "a CPU has no driver in between")


@pytest.mark.parametrize("shape", [product.shape for product in PRODUCTS.values()])
def test_a_chain_of_products_neither_grows_nor_vanishes_and_its_operations_are_counted(hurried, monkeypatch, shape):
    """Of the chain itself: what it gives after many repeats is what NumPy has after one."""
    tf.random.set_seed(1)
    seen = []
    monkeypatch.setattr(worker, "_fastest", lambda of: seen.append([float(of(n)()) for n in (1, 50)]) or 2.0)
    flops = worker._products(*shape, compiled=False)
    once, often = seen[0]
    # float32, over 400 products: each machine rounds in its own way.
    assert often == pytest.approx(once, rel=1e-3, abs=1e-3)
    assert once != 0
    assert flops == 2 * np.prod(shape) * 2 * worker._UNROLLED / 2.0


def test_xla_knows_how_often_a_product_is_repeated(hurried, monkeypatch):
    """A loop whose count it does not know waits for the host at every turn on a GPU."""
    seen = []
    monkeypatch.setattr(worker, "_fastest", lambda of: seen.append(hlo.trip_counts(of(9))) or 2.0)
    worker._products(64, 784, 128, compiled=True)
    assert seen == [[9]]


def test_repeats_are_raised_until_a_call_takes_a_while(monkeypatch):
    tried, now = [], [0.0]

    def of(repeats):
        tried.append(repeats)

        def call():
            now[0] += 1e-4 + 1e-6 * repeats
            return np.float32(0).reshape(())

        return lambda: Number(call())

    monkeypatch.setattr(worker.time, "perf_counter", lambda: now[0])
    seconds = worker._fastest(of)
    assert seconds == pytest.approx(1e-6, rel=0.02)
    assert len(tried) <= 4  # each is compiled anew


class Number:
    """What is waited for by reading it."""

    def __init__(self, value):
        self.value = value

    def numpy(self):
        return self.value


def test_no_tensor_is_read_twice(monkeypatch):
    """TensorFlow keeps what was read on the host (`TensorHandle::Resolve`), so a second reading asks no device."""
    read = []

    class Tensor:
        def __add__(self, number):
            return Tensor()

        def numpy(self):
            read.append(id(self))
            alive.append(self)

    alive = []
    monkeypatch.setattr(worker.tf, "reshape", lambda tensor, shape: [tensor])
    assert worker._reading(Tensor(), 9) >= 0
    assert len(read) == len(set(read)) == 1 + 1 + 9  # the wait before, one that is not counted, and those that are


def test_the_median_leaves_the_first_call_out(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(worker.time, "perf_counter", lambda: now[0])
    calls = [lambda seconds=seconds: now.__setitem__(0, now[0] + seconds) for seconds in (100.0, 1.0, 5.0, 3.0)]
    assert worker._median(calls) == pytest.approx(3.0)
