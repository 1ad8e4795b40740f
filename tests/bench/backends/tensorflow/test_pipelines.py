"""What the input variants feed."""

import numpy as np
import pytest

from autoencoder import data
from autoencoder.config import Config
from bench.backends.tensorflow import pipelines
from bench.backends.tensorflow.workload import WORKLOAD


@pytest.fixture(scope="module")
def prepared():
    return WORKLOAD.prepare(data.load("sample"))


def test_resident_is_one_batch_that_stays(prepared):
    next_batch = pipelines.resident(prepared, Config(), "/CPU:0")
    np.testing.assert_array_equal(next_batch(), prepared.x_train[:64])
    assert next_batch() is next_batch()


FED = [name for name in pipelines.PIPELINES if name != "resident"]


@pytest.mark.parametrize("name", FED)
def test_all_feed_the_same_numbers_in_a_fixed_order(prepared, name):
    """Over the end of the data too, which 64 does not divide: bit for bit what NumPy prepares."""
    next_batch = pipelines.PIPELINES[name](prepared, Config(), "/CPU:0", shuffled=False)
    expected = np.concatenate([prepared.x_train, prepared.x_train])
    for number in range(40):
        found = next_batch()
        assert (found.dtype.name, tuple(found.shape)) == ("float32", (64, 784))
        np.testing.assert_array_equal(found.numpy(), expected[64 * number : 64 * (number + 1)])


@pytest.mark.parametrize("name", FED)
def test_all_feed_shuffled_training_rows(prepared, name):
    next_batch = pipelines.PIPELINES[name](prepared, Config(), "/CPU:0")
    known = {row.tobytes() for row in prepared.x_train}
    batches = [next_batch().numpy() for _ in range(3)]
    assert all(row.tobytes() in known for batch in batches for row in batch)
    assert not np.array_equal(batches[0], batches[1])
    assert not np.array_equal(batches[0], prepared.x_train[:64])


def test_the_whole_set_on_the_device_goes_round_once_an_epoch(prepared):
    next_batch = pipelines.device_resident(prepared, Config(batch_size=500), "/CPU:0")
    rows = np.concatenate([next_batch().numpy() for _ in range(4)])
    assert {row.tobytes() for row in rows} == {row.tobytes() for row in prepared.x_train}


def test_fixed_batches_go_round_the_rows_in_order(prepared):
    batches = list(pipelines.fixed_batches(prepared, Config(), 40))
    np.testing.assert_array_equal(batches[1], prepared.x_train[64:128])
    joined = np.concatenate([batch.numpy() for batch in batches])
    np.testing.assert_array_equal(joined[2_000:2_560], prepared.x_train[:560])


def test_a_batch_that_is_larger_than_the_set_has_all_its_rows(prepared):
    """It begins again at the first row, as a repeated data set does."""
    count = len(prepared.x_train)
    batch = pipelines.resident(prepared, Config(batch_size=2 * count + 3), "/CPU:0")()
    expected = np.concatenate([prepared.x_train, prepared.x_train, prepared.x_train[:3]])
    np.testing.assert_array_equal(batch.numpy(), expected)
