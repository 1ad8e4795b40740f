"""From samples to figures with intervals: paired ratios and throughput, the repetition being the unit of statistics.

The method is described in docs/statistics.md; the statistics themselves are in bench/stats/inference.py.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Protocol

import msgspec

from bench.results.record import ProcessInfo, ProcessRecord
from bench.results.schema import Benchmark, Estimate
from bench.stats import inference
from bench.stats.inference import CONFIDENCE, LEAST_REPETITIONS, Mean

Processes = Sequence[ProcessRecord]

_FEW = f"no interval under {LEAST_REPETITIONS} repetitions"


class Samples(Protocol):
    """What has timed samples: a process, or a living one."""

    @property
    def rounds(self) -> Sequence[int]:
        """The rounds of its samples."""

    @property
    def seconds_per_step(self) -> Sequence[float]:
        """Their samples."""


def processes_of(benchmark: Benchmark) -> tuple[ProcessRecord, ...]:
    """A case's processes with their samples, put together again from its entry in a result file."""
    samples = iter(benchmark.stats.data)
    return tuple(
        ProcessRecord(
            **msgspec.structs.asdict(info),
            seconds_per_step=tuple(itertools.islice(samples, len(info.rounds))),
        )
        for info in benchmark.extra_info.processes
    )


def log_ratios(numerator: Processes, denominator: Processes) -> dict[int, list[float]]:
    """By repetition that both have: log ratios of the seconds per step, sample by sample, within common rounds."""
    others = {process.repetition: process for process in denominator}
    pairs = [(process, others[process.repetition]) for process in numerator if process.repetition in others]
    return {process.repetition: ratios for process, other in pairs if (ratios := within_rounds(process, other))}


def within_rounds(numerator: Samples, denominator: Samples) -> list[float]:
    """Log ratios of the seconds per step of two processes of one repetition, for the rounds that both have."""
    if numerator.rounds == denominator.rounds:
        pairs = zip(numerator.seconds_per_step, denominator.seconds_per_step, strict=True)
        return [math.log(value / other) for value, other in pairs]
    seconds: Mapping[int, float] = dict(zip(denominator.rounds, denominator.seconds_per_step, strict=True))
    return [
        math.log(value / seconds[number])
        for number, value in zip(numerator.rounds, numerator.seconds_per_step, strict=True)
        if number in seconds
    ]


def repetition_logs(numerator: Processes, denominator: Processes) -> dict[int, float]:
    """For each repetition that both have: the median of the within-round log ratios."""
    return {repetition: median(logs) for repetition, logs in log_ratios(numerator, denominator).items()}


def paired_ratio(numerator: Processes, denominator: Processes, confidence: float = CONFIDENCE) -> Estimate:
    """Ratio of two cases' seconds per step, from samples of the same rounds.

    Per repetition the median of the within-round log ratios; the estimate is their mean, the interval Student's t over
    repetitions, both taken back from logarithms. A machine that drifts moves both samples of a round, and so not the
    ratio.
    """
    logs = list(repetition_logs(numerator, denominator).values())
    return ratio(inference.mean(logs), confidence) if logs else missing("no common rounds")


def ratio_by_reference(
    numerator: Processes, denominator: Processes, reference: Processes, confidence: float = CONFIDENCE
) -> Estimate:
    """The same for two cases that shared no rounds, from the ratio of each to what both shared rounds with.

    Per repetition, one median log ratio less the other.
    """
    over, under = repetition_logs(numerator, reference), repetition_logs(denominator, reference)
    logs = [over[repetition] - under[repetition] for repetition in over if repetition in under]
    return ratio(inference.mean(logs), confidence) if logs else missing("no common rounds")


def ratio_of(
    numerator: Processes, denominator: Processes, reference: Processes, confidence: float = CONFIDENCE
) -> Estimate:
    """Ratio of two cases' seconds per step: from common rounds, or else by what shared rounds with both."""
    found = paired_ratio(numerator, denominator, confidence)
    return ratio_by_reference(numerator, denominator, reference, confidence) if found.value is None else found


def ratio(of: Mean, confidence: float = CONFIDENCE) -> Estimate:
    """A mean of logarithms as a ratio with its interval; of no repetitions, a missing one."""
    if math.isnan(of.value):
        return missing("no common rounds")
    half_width = inference.half_width(of, confidence)
    if half_width is None:
        return Estimate(
            value=math.exp(of.value),
            low=None,
            high=None,
            confidence=confidence,
            repetitions=of.repetitions,
            reason=_FEW,
        )
    return Estimate(
        value=math.exp(of.value),
        low=math.exp(of.value - half_width),
        high=math.exp(of.value + half_width),
        confidence=confidence,
        repetitions=of.repetitions,
    )


def level(values: Sequence[float]) -> Estimate:
    """Of positive figures, one from each repetition: their geometric mean, with Student's t over the repetitions."""
    logs = [math.log(value) for value in values]
    return ratio(inference.mean(logs)) if logs else missing("not measured")


def average(values: Sequence[float]) -> Estimate:
    """Of figures that may be 0 or less, one from each repetition: their mean, with Student's t over the repetitions."""
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
        repetitions=mean.repetitions,
        reason=_FEW if few else None,
    )


def first_call_seconds(info: ProcessInfo) -> float:
    """Tracing, compiling and the first step of a process together."""
    parts = (info.trace_seconds, info.compile_seconds, info.first_step_seconds)
    return float(sum(part for part in parts if part is not None))


def seconds_per_step(processes: Processes) -> Estimate:
    """Of a step: the mean over repetitions of their medians, with its interval. It describes these minutes."""
    return level([median(process.seconds_per_step) for process in processes])


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


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """The estimate and its interval times a factor, which is positive."""

    def times(value: float | None) -> float | None:
        return None if value is None else factor * value

    return msgspec.structs.replace(
        estimate, value=times(estimate.value), low=times(estimate.low), high=times(estimate.high)
    )


def steps_per_second(processes: Processes) -> Estimate:
    """Throughput: the median over repetitions of each repetition's median, with the lowest and highest repetition.

    That range describes these minutes on this machine; it is no confidence interval, and has no confidence.
    """
    rates = [1 / median(process.seconds_per_step) for process in processes]
    if not rates:
        return missing("not measured")
    return Estimate(value=median(rates), low=min(rates), high=max(rates), confidence=None, repetitions=len(rates))


ITSELF = "this is {}"


def is_baseline(ratio: Estimate) -> bool:
    """Whether there is no ratio since others are held against this."""
    return ratio.value is None and (ratio.reason or "").startswith(ITSELF.format(""))


def missing(reason: str) -> Estimate:
    """An estimate that cannot be had, with the reason."""
    return Estimate(value=None, low=None, high=None, confidence=None, repetitions=0, reason=reason)
