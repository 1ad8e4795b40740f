"""The rows that batches are made of, and in which order: the same in every framework."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
"""Training rows, (rows, features) in [0, 1]."""


def rows_of(rows: Rows, start: int, stop: int) -> Rows:
    """The rows from `start` to `stop`, beginning again where they end: a batch may be larger than the set."""
    count = len(rows)
    first, wanted = start % count, stop - start
    # Whole stretches: to pick each row of a batch of hundreds of thousands takes longer than the step.
    rounds = math.ceil((first + wanted) / count)
    if rounds <= 1:
        return rows[first : first + wanted]
    return np.concatenate([rows[first:], *[rows] * (rounds - 2), rows[: first + wanted - (rounds - 1) * count]])


def in_order(rows: Rows, size: int, start: int, stop: int) -> Iterator[Rows]:
    """Batches number `start` to `stop` of the rows in order, the same for every case: what losses are of."""
    for number in range(start, stop):
        yield rows_of(rows, number * size, (number + 1) * size)
