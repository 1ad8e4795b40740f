"""From samples to figures with intervals: paired ratios and throughput, the cohort being the unit of statistics.

All statistics of a run have their place here. The method is described in docs/method.md.
"""

import itertools
import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from scipy.special import stdtrit

from bench.results.record import Replicate
from bench.results.schema import Benchmark, Estimate

CONFIDENCE = 0.95
LEAST_COHORTS = 3  # under three, an interval over cohorts says nothing


def replicates_of(benchmark: Benchmark) -> tuple[Replicate, ...]:
    """A case's replicates with their samples, put together again from its entry in a result file."""
    samples = iter(benchmark.stats.data)
    return tuple(
        Replicate(
            **msgspec.structs.asdict(info),
            seconds_per_step=tuple(itertools.islice(samples, len(info.rounds))),
        )
        for info in benchmark.extra_info.replicates
    )


def paired_ratio(
    numerator: Sequence[Replicate], denominator: Sequence[Replicate], confidence: float = CONFIDENCE
) -> Estimate:
    """Ratio of two cases' seconds per step, from blocks of the same rounds.

    Per cohort the median of the within-round log ratios; the estimate is their mean, the interval Student's t over
    cohorts, both taken back from logarithms. A machine that drifts moves both blocks of a round, and so not the ratio.
    """
    others = {replicate.cohort: replicate for replicate in denominator}
    logs = []
    for replicate in numerator:
        other = others.get(replicate.cohort)
        if other is not None and (ratios := _log_ratios(replicate, other)):
            logs.append(float(np.median(ratios)))
    return _estimate(logs, confidence)


def steps_per_second(replicates: Sequence[Replicate]) -> Estimate:
    """Throughput: the median over cohorts of each cohort's median, with the lowest and highest cohort.

    That range describes these minutes on this machine; it is no confidence interval, and has no confidence.
    """
    rates = [1 / float(np.median(replicate.seconds_per_step)) for replicate in replicates]
    if not rates:
        return missing("not measured")
    return Estimate(value=float(np.median(rates)), low=min(rates), high=max(rates), confidence=None, cohorts=len(rates))


def _log_ratios(numerator: Replicate, denominator: Replicate) -> list[float]:
    seconds: Mapping[int, float] = dict(zip(denominator.rounds, denominator.seconds_per_step, strict=True))
    return [
        math.log(value / seconds[number])
        for number, value in zip(numerator.rounds, numerator.seconds_per_step, strict=True)
        if number in seconds
    ]


def _estimate(logs: Sequence[float], confidence: float) -> Estimate:
    if not logs:
        return missing("no common rounds")
    mean = float(np.mean(logs))
    if len(logs) < LEAST_COHORTS:
        reason = f"no interval under {LEAST_COHORTS} cohorts"
        return Estimate(
            value=math.exp(mean), low=None, high=None, confidence=confidence, cohorts=len(logs), reason=reason
        )
    quantile = float(stdtrit(len(logs) - 1, (1 + confidence) / 2))
    half_width = quantile * float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    return Estimate(
        value=math.exp(mean),
        low=math.exp(mean - half_width),
        high=math.exp(mean + half_width),
        confidence=confidence,
        cohorts=len(logs),
    )


def missing(reason: str) -> Estimate:
    """An estimate that cannot be had, with the reason."""
    return Estimate(value=None, low=None, high=None, confidence=None, cohorts=0, reason=reason)
