"""What a device can do at best is measured on the real TensorFlow; its speeds are the machine's own affair."""

import math

import numpy as np
import pytest
import tensorflow as tf

from autoencoder.config import Config
from bench.measure import limits
from bench.products import PRODUCTS


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(limits, "_TRIES_SECONDS", 0.001)
    monkeypatch.setattr(limits, "_CALL_SECONDS", 0.0001)
    monkeypatch.setattr(limits, "_LAUNCHES", 3)
    monkeypatch.setattr(limits, "_ROUNDS", 1)
    monkeypatch.setattr(limits, "_STEPS", 1)
    monkeypatch.setitem(limits.LARGE, "cpu", 64)
    monkeypatch.setitem(limits.LARGE_COPY_BYTES, "cpu", 2**16)


def test_everything_is_measured_and_a_number(hurried):
    found = limits.measure("cpu", Config(), 1, tf.zeros([64, 784]))
    assert found.matmul_flops_per_second.keys() == PRODUCTS.keys()
    parts = found.eager_parts
    some = [
        found.eager_op_seconds,
        found.function_call_seconds,
        found.copy_bytes_per_second,
        found.large_copy_bytes_per_second,
        found.large_matmul_flops_per_second,
        *found.matmul_flops_per_second.values(),
        parts.forward_seconds,
        parts.with_gradients_seconds,
        parts.step_seconds,
    ]
    assert all(math.isfinite(value) and value > 0 for value in some)


@pytest.mark.parametrize("shape", [product.shape for product in PRODUCTS.values()])
def test_a_chain_of_products_neither_grows_nor_vanishes_and_its_operations_are_counted(hurried, monkeypatch, shape):
    """Of the chain itself: what it gives after many repeats is what NumPy has after one."""
    tf.random.set_seed(1)
    seen = []
    monkeypatch.setattr(
        limits, "_fastest", lambda call: seen.append([float(call(tf.constant(n))) for n in (1, 50)]) or 2.0
    )
    flops = limits._products(*shape, compiled=False)
    once, often = seen[0]
    # float32, over 400 products: each machine rounds in its own way.
    assert often == pytest.approx(once, rel=1e-3, abs=1e-3)
    assert once != 0
    assert flops == 2 * np.prod(shape) * 2 * limits._UNROLLED / 2.0
