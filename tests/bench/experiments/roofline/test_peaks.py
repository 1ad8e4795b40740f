"""The fewest seconds of a step, from a device with round figures."""

import numpy as np
import pytest
from support.documents import processes

from bench.experiments.roofline import peaks, step_cost
from bench.experiments.roofline.peaks import EagerParts, Peaks

PARTS = EagerParts(forward_seconds=1e-3, with_gradients_seconds=3e-3, step_seconds=15e-3)


def found(flops=1e11, copy=1e10):
    return Peaks(
        eager_op_seconds=1e-5,
        function_call_seconds=1e-4,
        copy_bytes_per_second=copy,
        large_copy_bytes_per_second=copy / 2,
        matmul_flops_per_second=dict.fromkeys(step_cost.PRODUCTS, flops),
        large_matmul_flops_per_second=2 * flops,
        eager_parts=PARTS,
    )


def test_the_products_are_those_of_the_layers():
    """Counted anew: forward, the weights' gradients, and what is handed back through all layers but the first."""
    sizes = [(784, 128), (128, 64), (64, 128), (128, 784)]
    forward = sum(2 * 64 * before * after for before, after in sizes)
    handed_back = sum(2 * 64 * before * after for before, after in sizes[1:])
    assert 2 * forward + handed_back == step_cost.FLOPS == 70_516_736
    assert sum(before * after + after for before, after in sizes) == step_cost.PARAMETERS


def test_the_slower_of_arithmetic_and_memory_is_the_limit():
    assert peaks.arithmetic_seconds(found()) == pytest.approx(70_516_736 / 1e11)
    assert peaks.memory_seconds(found()) == pytest.approx(8 * 4 * 218_192 / 1e10)
    assert peaks.fewest_seconds(found()) == peaks.arithmetic_seconds(found())
    assert peaks.fewest_seconds(found(copy=1e9)) == peaks.memory_seconds(found(copy=1e9))


def test_a_slow_kind_of_product_counts_by_its_share():
    device = found()
    device.matmul_flops_per_second["inner"] = 1e9
    extra = step_cost.PRODUCTS["inner"].flops * (1e-9 - 1e-11)
    assert peaks.arithmetic_seconds(device) == pytest.approx(peaks.arithmetic_seconds(found()) + extra)


def test_the_share_is_taken_repetition_by_repetition():
    """A machine of twice the speed in one repetition moves the limit as it moves the case."""
    fewest = peaks.fewest_seconds(found())
    samples = np.array([[2.0, 2.2, 1.8], [1.0, 1.1, 0.9], [2.0, 2.0, 2.0]]) * fewest * 2
    measured = {1: found(), 2: found(flops=2e11, copy=2e10), 3: found()}
    share = peaks.share_of_roofline(processes(samples), measured)
    assert (share.value, share.repetitions) == (pytest.approx(0.25), 3)
    assert share.low == pytest.approx(share.high)
    assert peaks.share_of_roofline(processes(samples), {1: measured[1], 2: measured[2]}).low is None
    assert peaks.share_of_roofline(processes(samples), {}).value is None
