"""From a difference of logarithms to a verdict: certain enough, large enough, and what would settle the rest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.compare.records import Judgement, Reason, Verdict
from bench.results import estimates
from bench.stats import inference
from bench.stats.inference import Mean

ALPHA = 0.05

_AT_THRESHOLD = 0.1  # closer to the threshold than this share of it, a difference is called one at the threshold


@dataclass(frozen=True)
class Scale:
    """How a metric is judged. Its logarithms are of something that is better when small: seconds, bytes."""

    threshold: float  # relative
    worse: Verdict
    better: Verdict
    inverted: bool = False  # the ratio is shown as one of speeds, not of times

    @property
    def log_threshold(self) -> float:
        """The threshold as a difference of logarithms, the same in both directions."""
        return math.log1p(self.threshold)


@dataclass(frozen=True)
class Stability:
    """Which run is unstable, or has no A/A control that could say so; both None where all is well."""

    unstable: str | None = None
    unchecked: str | None = None


STABLE = Stability()


@dataclass(frozen=True)
class Change:
    """A difference of logarithms, NEW minus BASE, and what more repetitions would not lower of its squared error."""

    mean: Mean
    lasting_error: float = 0.0


@dataclass(frozen=True)
class Longer:
    """What measures for longer than the runs did: a preset's name, and how many repetitions it may have."""

    preset: str
    repetitions: int


def judge_all(
    changes: Sequence[Change],
    scale: Scale,
    stabilities: Sequence[Stability],
    judged: bool,
    longer: Longer | None = None,
) -> list[Judgement]:
    """A judgement of each change; p-values are adjusted by Holm's method over all of them.

    Nothing is decided about what is unstable, or may be; `stabilities` has one for each change. `longer` is what there
    is to advise where more repetitions would settle it.
    """
    p_values = [inference.p_value(change.mean) for change in changes]
    known = [p for p in p_values if p is not None]
    adjusted = iter(inference.holm(known))
    return [
        _judge(change, p, None if p is None else next(adjusted), scale, stability, judged, longer)
        for change, p, stability in zip(changes, p_values, stabilities, strict=True)
    ]


def _judge(
    change: Change,
    p: float | None,
    adjusted: float | None,
    scale: Scale,
    stability: Stability,
    judged: bool,
    longer: Longer | None,
) -> Judgement:
    mean = change.mean._replace(value=-change.mean.value) if scale.inverted else change.mean
    verdict, reason, settle = _decide(change, adjusted, scale, stability, longer) if judged else (None, None, None)
    return Judgement(
        ratio=estimates.ratio(mean), verdict=verdict, reason=reason, settle=settle, p=p, adjusted_p=adjusted
    )


def _decide(
    change: Change, adjusted: float | None, scale: Scale, stability: Stability, longer: Longer | None
) -> tuple[Verdict, Reason, str | None]:
    mean, threshold = change.mean, scale.log_threshold
    width = inference.half_width(mean)
    if width is None or adjusted is None:
        return "INCONCLUSIVE", "no_interval", f"results of this suite with {inference.LEAST_REPETITIONS} repetitions"
    if stability.unstable:
        return "INCONCLUSIVE", "unstable", f"a quieter machine: the A/A check of {stability.unstable} failed"
    if stability.unchecked:
        return "INCONCLUSIVE", "unchecked", f"a run whose A/A control was measured: {stability.unchecked} has none"
    beyond = abs(mean.value) > threshold
    if beyond and adjusted < ALPHA:
        return (scale.worse if mean.value > 0 else scale.better), "beyond_threshold", None
    if abs(mean.value) + width <= threshold:
        return "SAME", "small" if adjusted < ALPHA else "within_threshold", None
    alone = abs(mean.value) > width
    if beyond and alone:
        return "INCONCLUSIVE", "several_cases", "the case measured alone (--only)"
    reason: Reason = "below_threshold" if adjusted < ALPHA else "several_cases" if alone else "wide"
    return "INCONCLUSIVE", reason, _what_would_settle(change, threshold, longer)


def _what_would_settle(change: Change, threshold: float, longer: Longer | None) -> str:
    """An interval that would exclude 1 if the difference is as large as it seems, or stay within the threshold."""
    mean = change.mean
    assert mean.squared_error is not None
    needed = abs(mean.value) if abs(mean.value) > threshold else threshold - abs(mean.value)
    if needed < _AT_THRESHOLD * threshold:
        return "another --threshold, since the estimate is at this one"
    lasting = 1.96 * math.sqrt(change.lasting_error)
    if lasting >= needed:
        return "both side by side (bench run --against), or a --history that varies less"
    deviation = math.sqrt(max(0.0, mean.squared_error - change.lasting_error) * mean.repetitions)
    repetitions = inference.repetitions_for(math.sqrt(needed**2 - lasting**2), deviation)
    if repetitions is None:
        return "a quieter machine"
    needed_repetitions = max(repetitions, mean.repetitions + 1)
    if longer is None or needed_repetitions > longer.repetitions:
        return "a quieter machine, or both side by side (bench run --against)" if lasting else "a quieter machine"
    return (
        f"--preset {longer.preset}, which may have {longer.repetitions} repetitions (about {needed_repetitions} are "
        f"needed, and there were {mean.repetitions})"
    )
