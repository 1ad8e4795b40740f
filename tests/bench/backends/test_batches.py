"""Rows in order, beginning again where they end."""

import numpy as np
import pytest

from bench.backends import batches

ROWS = np.arange(2_000 * 3, dtype=np.float32).reshape([2_000, 3])


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 5), (1990, 2000), (1990, 2010), (3999, 4003), (0, 2000), (7, 9007), (2000, 2000)]
)
def test_rows_go_on_from_the_first_where_the_set_ends(start, stop):
    np.testing.assert_array_equal(batches.rows_of(ROWS, start, stop), ROWS[np.arange(start, stop) % len(ROWS)])


def test_batches_in_order_are_the_rows_one_after_another():
    joined = np.concatenate(list(batches.in_order(ROWS, 64, 30, 33)))
    np.testing.assert_array_equal(joined, ROWS[np.arange(30 * 64, 33 * 64) % len(ROWS)])
