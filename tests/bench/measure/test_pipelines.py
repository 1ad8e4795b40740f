"""What the input variants feed."""

import numpy as np
import pytest

from autoencoder import data
from autoencoder.config import Config
from bench.measure import pipelines


@pytest.fixture(scope="module")
def prepared():
    sample = data.load("sample")
    return pipelines.PreparedData(
        data.prepare(sample.train_images), sample.train_labels, data.prepare(sample.test_images), sample.test_labels
    )


def test_resident_is_one_batch_that_stays(prepared):
    next_batch = pipelines.resident(prepared, Config(), "/CPU:0")
    np.testing.assert_array_equal(next_batch(), prepared.x_train[:64])
    assert next_batch() is next_batch()


def test_notebook_feeds_shuffled_training_rows(prepared):
    next_batch = pipelines.notebook(prepared, Config(), "/CPU:0")
    first, second = next_batch().numpy(), next_batch().numpy()
    known = {row.tobytes() for row in prepared.x_train}
    assert all(row.tobytes() in known for row in first)
    assert not np.array_equal(first, second)


def test_fixed_batches_go_round_the_rows_in_order(prepared):
    batches = pipelines.fixed_batches(prepared, Config(), 40)
    np.testing.assert_array_equal(batches[1], prepared.x_train[64:128])
    joined = np.concatenate([batch.numpy() for batch in batches])
    np.testing.assert_array_equal(joined[2_000:2_560], prepared.x_train[:560])
