"""Statistics over plain numbers: means with Student's t, their differences, Holm's adjustment, variance components."""

import math
from collections.abc import Sequence
from math import fsum
from statistics import fmean
from typing import NamedTuple

# NumPy and SciPy are imported where they are used: a quarter of a second that listing and checking need not wait for.

CONFIDENCE = 0.95
LEAST_REPETITIONS = 3  # under three, an interval over repetitions says nothing

# Two processes of the same case on different servers differ by at least this, as a standard deviation of the log
# ratio: 1% for each of the two. A few repetitions that happen to agree better are luck, not precision.
LEAST_DEVIATION = math.sqrt(2) * 0.01


class Mean(NamedTuple):
    """A mean of logarithms over repetitions, the square of its standard error, and the degrees of freedom of that.

    `squared_error` is None under LEAST_REPETITIONS values, and then there is neither interval nor p-value.
    """

    value: float
    squared_error: float | None
    degrees: float
    repetitions: int


class Variances(NamedTuple):
    """Variance of single samples within a repetition, and of repetitions beyond what their samples explain."""

    within: float
    between: float


def mean(logs: Sequence[float]) -> Mean:
    """The mean of at least one value, with Student's standard error over the values."""
    count = len(logs)
    value = fmean(logs)
    if count < LEAST_REPETITIONS:
        return Mean(value, None, count - 1, count)
    return Mean(value, _variance(logs) / count, count - 1, count)


def difference(left: Mean, right: Mean, *further: tuple[float, float]) -> Mean:
    """`left` minus `right`, independent of each other, with Welch's and Satterthwaite's degrees of freedom.

    `further` are errors that neither mean shows: (squared error, degrees of freedom), infinite where it is assumed.
    """
    value, count = left.value - right.value, min(left.repetitions, right.repetitions)
    if left.squared_error is None or right.squared_error is None:
        return Mean(value, None, 0, count)
    parts = [(left.squared_error, left.degrees), (right.squared_error, right.degrees), *further]
    total = sum(part for part, _ in parts)
    weight = sum(part**2 / degrees for part, degrees in parts)
    return Mean(value, total, total**2 / weight if weight else math.inf, count)


def half_width(of: Mean, confidence: float = CONFIDENCE) -> float | None:
    """Half the width of the interval around the mean, None where there is none."""
    if of.squared_error is None:
        return None
    return quantile(of.degrees, confidence) * math.sqrt(of.squared_error)


def p_value(of: Mean) -> float | None:
    """Two-sided, for a true mean of 0; None where there is no standard error."""
    from scipy.special import stdtr

    if of.squared_error is None:
        return None
    if of.squared_error == 0:
        return 1.0 if of.value == 0 else 0.0
    return 2 * float(stdtr(of.degrees, -abs(of.value) / math.sqrt(of.squared_error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that all of them together are wrong as seldom as a single one (Holm, 1979)."""
    import numpy as np

    order = np.argsort(p_values)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def half_width_to_stop_on(logs: Sequence[float]) -> float | None:
    """The half-width by which measuring may end: the deviation of the repetitions counts as LEAST_DEVIATION at least.

    Without that floor, ending on the width of the interval prefers repetitions that agree by chance: intervals that
    should cover the truth in 95% did so in 91.5% (simulated, docs/statistics.md).
    """
    count = len(logs)
    if count < LEAST_REPETITIONS:
        return None
    deviation = max(math.sqrt(_variance(logs)), LEAST_DEVIATION)
    return quantile(count - 1, CONFIDENCE) * deviation / math.sqrt(count)


def repetitions_for(half_width: float, deviation: float, most: int = 200) -> int | None:
    """The fewest repetitions whose interval would be this narrow, None where `most` are not enough."""
    for count in range(LEAST_REPETITIONS, most + 1):
        if quantile(count - 1, CONFIDENCE) * deviation / math.sqrt(count) <= half_width:
            return count
    return None


def variances(repetitions: Sequence[Sequence[float]]) -> Variances | None:
    """Variance components of log ratios, a sequence of samples for each repetition; None under two of two samples.

    What the repetitions' medians vary by beyond their samples; a median's variance is pi/2 times that of a mean.
    """
    import numpy as np

    usable = [np.asarray(values) for values in repetitions if len(values) > 1]
    if len(usable) < 2:
        return None
    # From quartiles: a sample that something else disturbed must not decide.
    deviations = [(np.quantile(values, 0.75) - np.quantile(values, 0.25)) / 1.349 for values in usable]
    within = float(np.mean(np.square(deviations)))
    explained = float(np.mean([math.pi / 2 * within / len(values) for values in usable]))
    between = float(np.var([np.median(values) for values in usable], ddof=1)) - explained
    return Variances(within, max(0.0, between))


def samples_per_repetition(
    of: Variances, sample_seconds: float, repetition_seconds: float, least: int, most: int
) -> int:
    """How many samples a repetition should hold, for the narrowest interval in a given time.

    sqrt((v1 / v2) (c2 / c1)) of Kalibera & Jones, "Rigorous benchmarking in reasonable time", ISMM 2013: v1 and v2 are
    the variances within and between, c1 and c2 the seconds of a sample and of a repetition without its samples. v2 is
    at least 1% squared.
    """
    best = math.sqrt(of.within / max(of.between, 0.01**2) * repetition_seconds / sample_seconds)
    return min(most, max(least, math.ceil(best)))


def _variance(values: Sequence[float]) -> float:
    """Of a handful of values, for which NumPy's start-up costs more than the sum."""
    centre = fmean(values)
    return fsum((value - centre) ** 2 for value in values) / (len(values) - 1)


def quantile(degrees: float, confidence: float = CONFIDENCE) -> float:
    """Student's t of a two-sided interval of this confidence."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + confidence) / 2))
