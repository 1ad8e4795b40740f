"""From samples to figures with intervals: paired ratios and throughput, the cohort being the unit of statistics.

The method is described in docs/method.md; the statistics themselves are in bench/stats/inference.py.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Protocol

import msgspec

from bench.results.record import Replicate, ReplicateInfo
from bench.results.schema import Benchmark, Estimate
from bench.stats import inference
from bench.stats.inference import CONFIDENCE, LEAST_COHORTS, Mean

Replicates = Sequence[Replicate]

_FEW = f"no interval under {LEAST_COHORTS} cohorts"


class Blocks(Protocol):
    """What has timed blocks: a replicate, or a living one."""

    @property
    def rounds(self) -> Sequence[int]:
        """The rounds of its blocks."""

    @property
    def seconds_per_step(self) -> Sequence[float]:
        """Their samples."""


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


def log_ratios(numerator: Replicates, denominator: Replicates) -> dict[int, list[float]]:
    """For each cohort that both have: log ratios of the seconds per step, block by block, within common rounds."""
    others = {replicate.cohort: replicate for replicate in denominator}
    pairs = [(replicate, others[replicate.cohort]) for replicate in numerator if replicate.cohort in others]
    return {replicate.cohort: ratios for replicate, other in pairs if (ratios := within_rounds(replicate, other))}


def within_rounds(numerator: Blocks, denominator: Blocks) -> list[float]:
    """Log ratios of the seconds per step of two replicates of one cohort, for the rounds that both have."""
    if numerator.rounds == denominator.rounds:
        pairs = zip(numerator.seconds_per_step, denominator.seconds_per_step, strict=True)
        return [math.log(value / other) for value, other in pairs]
    seconds: Mapping[int, float] = dict(zip(denominator.rounds, denominator.seconds_per_step, strict=True))
    return [
        math.log(value / seconds[number])
        for number, value in zip(numerator.rounds, numerator.seconds_per_step, strict=True)
        if number in seconds
    ]


def cohort_logs(numerator: Replicates, denominator: Replicates) -> dict[int, float]:
    """For each cohort that both have: the median of the within-round log ratios."""
    return {cohort: median(logs) for cohort, logs in log_ratios(numerator, denominator).items()}


def paired_ratio(numerator: Replicates, denominator: Replicates, confidence: float = CONFIDENCE) -> Estimate:
    """Ratio of two cases' seconds per step, from blocks of the same rounds.

    Per cohort the median of the within-round log ratios; the estimate is their mean, the interval Student's t over
    cohorts, both taken back from logarithms. A machine that drifts moves both blocks of a round, and so not the ratio.
    """
    logs = list(cohort_logs(numerator, denominator).values())
    return ratio(inference.mean(logs), confidence) if logs else missing("no common rounds")


def ratio_by_reference(
    numerator: Replicates, denominator: Replicates, reference: Replicates, confidence: float = CONFIDENCE
) -> Estimate:
    """The same for two cases that shared no rounds, from the ratio of each to what both shared rounds with.

    Per cohort, one median log ratio less the other.
    """
    over, under = cohort_logs(numerator, reference), cohort_logs(denominator, reference)
    logs = [over[cohort] - under[cohort] for cohort in over if cohort in under]
    return ratio(inference.mean(logs), confidence) if logs else missing("no common rounds")


def ratio_of(
    numerator: Replicates, denominator: Replicates, reference: Replicates, confidence: float = CONFIDENCE
) -> Estimate:
    """Ratio of two cases' seconds per step: from common rounds, or else by what shared rounds with both."""
    found = paired_ratio(numerator, denominator, confidence)
    return ratio_by_reference(numerator, denominator, reference, confidence) if found.value is None else found


def ratio(of: Mean, confidence: float = CONFIDENCE) -> Estimate:
    """A mean of logarithms as a ratio with its interval; of no cohorts, a missing one."""
    if math.isnan(of.value):
        return missing("no common rounds")
    half_width = inference.half_width(of, confidence)
    if half_width is None:
        return Estimate(
            value=math.exp(of.value),
            low=None,
            high=None,
            confidence=confidence,
            cohorts=of.cohorts,
            reason=_FEW,
        )
    return Estimate(
        value=math.exp(of.value),
        low=math.exp(of.value - half_width),
        high=math.exp(of.value + half_width),
        confidence=confidence,
        cohorts=of.cohorts,
    )


def level(values: Sequence[float]) -> Estimate:
    """Of positive figures, one from each cohort: their geometric mean, with Student's t over the cohorts."""
    logs = [math.log(value) for value in values]
    return ratio(inference.mean(logs)) if logs else missing("not measured")


def average(values: Sequence[float]) -> Estimate:
    """Of figures that may be 0 or less, one from each cohort: their mean, with Student's t over the cohorts."""
    if not values:
        return missing("not measured")
    mean = inference.mean(values)
    half_width = inference.half_width(mean)
    few = half_width is None
    return Estimate(
        value=mean.value,
        low=None if half_width is None else mean.value - half_width,
        high=None if half_width is None else mean.value + half_width,
        confidence=CONFIDENCE,
        cohorts=mean.cohorts,
        reason=_FEW if few else None,
    )


def first_call_seconds(info: ReplicateInfo) -> float:
    """Tracing, compiling and the first step of a replicate together."""
    parts = (info.trace_seconds, info.compile_seconds, info.first_step_seconds)
    return float(sum(part for part in parts if part is not None))


def seconds_per_step(replicates: Replicates) -> Estimate:
    """Of a step: the mean over cohorts of each cohort's median, with its interval. It describes these minutes."""
    return level([median(replicate.seconds_per_step) for replicate in replicates])


def share_lost(ratio: Estimate) -> Estimate:
    """One less the ratio, with its interval turned round; it may be negative."""
    if ratio.value is None:
        return ratio
    return msgspec.structs.replace(
        ratio,
        value=1 - ratio.value,
        low=None if ratio.high is None else 1 - ratio.high,
        high=None if ratio.low is None else 1 - ratio.low,
    )


def steps_per_second(replicates: Replicates) -> Estimate:
    """Throughput: the median over cohorts of each cohort's median, with the lowest and highest cohort.

    That range describes these minutes on this machine; it is no confidence interval, and has no confidence.
    """
    rates = [1 / median(replicate.seconds_per_step) for replicate in replicates]
    if not rates:
        return missing("not measured")
    return Estimate(value=median(rates), low=min(rates), high=max(rates), confidence=None, cohorts=len(rates))


def missing(reason: str) -> Estimate:
    """An estimate that cannot be had, with the reason."""
    return Estimate(value=None, low=None, high=None, confidence=None, cohorts=0, reason=reason)
