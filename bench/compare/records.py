"""The records of a comparison: what `bench compare --format json` writes."""

from typing import Literal

from bench.results.base import Record
from bench.results.schema import Estimate

Verdict = Literal["SLOWER", "FASTER", "LARGER", "SMALLER", "SAME", "INCONCLUSIVE"]
REGRESSIONS: tuple[Verdict, ...] = ("SLOWER", "LARGER")

Reason = Literal[
    "beyond_threshold",  # the interval excludes 1, the estimate is beyond the threshold
    "within_threshold",  # the interval lies within the threshold
    "small",  # a difference is certain, and the interval lies within the threshold
    "wide",  # the interval allows for both
    "below_threshold",  # a difference is certain, and whether it is beyond the threshold is open
    "several_cases",  # a difference is certain for the case alone, but not for so many together (Holm)
    "unstable",  # the same case, measured twice in one of the runs, differed
    "unchecked",  # the A/A control, which would show whether a run is stable, was not measured
    "no_interval",  # too few repetitions, or none at all
]

Kind = Literal["side_by_side", "separate", "other_hardware"]

CaseState = Literal["compared", "no_ratio", "missing", "failed", "added", "failed_in_both"]


class Difference(Record, frozen=True, kw_only=True):
    """Something in which the fingerprints differ."""

    name: str
    hardware: bool
    base: str | None
    new: str | None


class RunInfo(Record, frozen=True, kw_only=True):
    """Which result is meant. `label` is unique within a comparison."""

    label: str
    file: str
    device: str
    datetime: str
    status: str
    tensorflow: str | None
    commit: str | None
    experiments: tuple[str, ...] = ()  # whose cases are named by it first; none in a file of another tool


class Judgement(Record, frozen=True, kw_only=True):
    """A ratio with its interval, and what it means; `verdict` is None between other hardware.

    `settle` says what would settle an inconclusive one. P-values are two-sided; `adjusted_p` is Holm's, over all cases
    of the comparison.
    """

    ratio: Estimate
    verdict: Verdict | None
    reason: Reason | None
    settle: str | None
    p: float | None
    adjusted_p: float | None


class CaseComparison(Record, frozen=True, kw_only=True):
    """One case in both results.

    `speed` is NEW's steps/s over BASE's; `relative` the same, over what the other cases of the run changed by;
    `first_call` and `memory` are NEW's seconds and bytes over BASE's. `verdict` is the case's: that of `speed`; or
    SLOWER, where that is open, the case is certainly slower relative to the others, and seems beyond the threshold.
    """

    name: str
    state: CaseState
    detail: str | None  # why it is not compared
    base_steps_per_second: float | None
    new_steps_per_second: float | None
    verdict: Verdict | None
    speed: Judgement | None
    relative: Judgement | None
    first_call: Judgement | None
    memory: Judgement | None


class RunNoise(Record, frozen=True, kw_only=True):
    """What repeated runs of the same thing vary by, as a standard deviation of the logarithm of a time."""

    source: Literal["history", "assumed", "none"]
    runs: int  # stored runs of the same fingerprint
    deviation: float | None  # of the time of a case: the median over the cases
    relative_deviation: float | None  # of a case relative to the others


class Comparison(Record, frozen=True, kw_only=True):
    """NEW against BASE."""

    kind: Kind
    judged: bool  # whether there is pass and fail
    base: RunInfo
    new: RunInfo
    differences: tuple[Difference, ...]
    threshold: float
    first_call_threshold: float
    memory_threshold: float
    noise: RunNoise
    cases: tuple[CaseComparison, ...]
    final_loss: Estimate  # NEW's over BASE's: one training run each, so it has no interval
    notes: tuple[str, ...]
    noisy: tuple[str, ...] = ()  # experiments whose A/A check did not pass, with the result that it is of

    @property
    def failed(self) -> bool:
        """Whether a case has failed in either."""
        return any(case.state in ("failed", "failed_in_both") for case in self.cases)

    @property
    def regressions(self) -> tuple[str, ...]:
        """What got worse, in words."""
        found = []
        for case in self.cases:
            if case.verdict in REGRESSIONS:
                found.append(f"{case.name} is slower")
            if case.first_call and case.first_call.verdict in REGRESSIONS:
                found.append(f"{case.name} has a longer first call")
            if case.memory and case.memory.verdict in REGRESSIONS:
                found.append(f"{case.name} takes more memory")
        return tuple(found)

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """The cases about whose speed nothing can be said."""
        return tuple(case.name for case in self.cases if case.verdict == "INCONCLUSIVE")
