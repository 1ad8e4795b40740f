"""When is a case warm? When the ratio to the reference has settled: ten samples agree with the ten before them."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

SAMPLES = 10
TOLERANCE = 0.03  # relative difference of the two tens, as a difference of logarithms
BOUND = 20  # samples of a process that may be given up at most


class Warmup(NamedTuple):
    """How many samples at the start are not kept, and whether the rest had settled; None: too few to tell."""

    samples: int
    steady: bool | None


def find(log_ratios: Sequence[float]) -> Warmup:
    """How many of these within-round log ratios to the reference were warm-up.

    The first twenty samples in a row of which the second ten agree with the first ten are warm, and so is what follows.
    Where there are none within BOUND, that many are given up, if twenty are left, and `steady` is False.
    """
    last = len(log_ratios) - 2 * SAMPLES
    if last < 0:
        return Warmup(0, None)
    for start in range(min(last, BOUND) + 1):
        middle, end = start + SAMPLES, start + 2 * SAMPLES
        if abs(median(log_ratios[middle:end]) - median(log_ratios[start:middle])) <= TOLERANCE:
            return Warmup(start, True)
    return Warmup(BOUND if last >= BOUND else 0, False)


def samples_wanted(log_ratios: Sequence[float], samples: int) -> int:
    """How many samples to measure in all so that this many are kept, as far as can be told by now."""
    if len(log_ratios) < 2 * SAMPLES:
        return samples
    found = find(log_ratios)
    if found.steady:
        return found.samples + samples
    return min(len(log_ratios) + 1, BOUND + max(samples, 2 * SAMPLES))
