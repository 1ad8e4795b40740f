"""Losses as numbers that a message can hold."""

import math

import numpy as np
import numpy.typing as npt


def finite(losses: npt.NDArray[np.float32]) -> list[float | None]:
    """The losses of a call, None where one is no number: JSON has no NaN."""
    return [value if math.isfinite(value) else None for value in losses.ravel().tolist()]
