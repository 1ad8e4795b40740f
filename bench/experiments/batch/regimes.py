"""How a step's time grows with its batch: a fixed part for launching, and a part for every example."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results import estimates
from bench.results.schema import Document, Estimate
from bench.stats import inference

LEAST_SIZES = 3  # of two, any line fits
MISFIT = 0.10  # beyond, one line does not describe the times, and nothing is made of it


@dataclass(frozen=True)
class Regimes:
    """seconds = launch + per_example x batch; at `crossover` examples both parts are equal.

    `worst_misfit` is the largest relative distance of a measured time from the line, over the sizes' medians.
    """

    launch_seconds: Estimate
    per_example_seconds: Estimate
    crossover: Estimate
    worst_misfit: float


def fit(times: Mapping[int, estimates.Processes]) -> Regimes | None:
    """Fit the line in every repetition that has all sizes; intervals are over repetitions, as of any ratio.

    Least squares of relative distances, so that small batches count as much as large ones. None with fewer than
    LEAST_SIZES sizes, without a common repetition, or where a part comes out as nothing: then there is no crossover.
    """
    repetitions = (
        set.intersection(*({r.repetition for r in processes} for processes in times.values())) if times else set()
    )
    if len(times) < LEAST_SIZES or not repetitions:
        return None
    levels = {
        size: {r.repetition: median(r.seconds_per_step) for r in processes if r.repetition in repetitions}
        for size, processes in times.items()
    }
    lines = [line([(size, levels[size][repetition]) for size in sorted(levels)]) for repetition in sorted(repetitions)]
    if any(launch <= 0 or slope <= 0 for launch, slope in lines):
        return None
    launches, slopes = ([math.log(part) for part in parts] for parts in zip(*lines, strict=True))
    crossovers = [launch - slope for launch, slope in zip(launches, slopes, strict=True)]
    launch, slope, crossover = (estimates.ratio(inference.mean(logs)) for logs in (launches, slopes, crossovers))
    assert launch.value is not None
    assert slope.value is not None
    middle = {size: median(of_size.values()) for size, of_size in levels.items()}
    misfit = max(abs((launch.value + slope.value * size) / seconds - 1) for size, seconds in middle.items())
    return Regimes(launch, slope, crossover, misfit)


def line(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """Intercept and slope of the line through (size, seconds) with the least squares of relative distances."""
    weights = [seconds**-2 for _, seconds in points]
    total = sum(weights)
    mean_size = sum(w * size for w, (size, _) in zip(weights, points, strict=True)) / total
    mean_time = sum(w * seconds for w, (_, seconds) in zip(weights, points, strict=True)) / total
    covariance = sum(w * (size - mean_size) * (s - mean_time) for w, (size, s) in zip(weights, points, strict=True))
    variance = sum(w * (size - mean_size) ** 2 for w, (size, _) in zip(weights, points, strict=True))
    slope = covariance / variance
    return mean_time - slope * mean_size, slope


def regimes(document: Document) -> dict[str, Regimes | None]:
    """The fitted line of every mode."""
    times: dict[str, dict[int, estimates.Processes]] = {}
    for benchmark in document.benchmarks:
        case = benchmark.extra_info.case
        if not case.control:
            times.setdefault(case.mode, {})[case.batch_size] = estimates.processes_of(benchmark)
    return {mode: fit(of_mode) for mode, of_mode in _sorted(times).items()}


def _sorted(times: Mapping[str, dict[int, estimates.Processes]]) -> dict[str, dict[int, estimates.Processes]]:
    return {mode: dict(sorted(of_mode.items())) for mode, of_mode in times.items()}


def is_a_line(fitted: Regimes) -> bool:
    """Whether the times are described by it, so that something may be made of its parts."""
    return fitted.worst_misfit <= MISFIT
