"""The A/A check of an experiment: what two measurements of the same case, in the same rounds, differ by.

It has two ways to fail: they differ by more than chance allows; or chance allows for so much that they could not have.
"""

import math
from dataclasses import dataclass
from typing import Literal

from bench.results.schema import ExperimentRecord
from bench.results.warning import RunWarning, make
from bench.stats import inference

# How many times the preset's target half-width, which is of 95% intervals, that of the A/A control may be at 95%. For
# its interval of 99% the limit is as much wider as Student's t is, 1.8 times with four repetitions and 2.3 times with
# three. docs/statistics.md says how often a quiet and a noisy machine are then called too noisy.
MOST_TARGETS = 3.0

State = Literal["passed", "failed", "too noisy", "not checked"]


@dataclass(frozen=True)
class AACheck:
    """How it ended; relative differences, None where there is no interval.

    `difference` is what the two differed by, `resolution` the smallest difference that this run could have told from
    none (half the 99% interval), `limit` what that may be at most.
    """

    state: State
    difference: float | None
    resolution: float | None
    limit: float | None


def of(experiment: ExperimentRecord) -> AACheck:
    """The check of this experiment, by the ratio of its A/A control."""
    ratio = experiment.control.ratio
    if ratio.value is None or ratio.low is None or ratio.high is None or ratio.confidence is None:
        return AACheck("not checked", None, None, None)
    wider = inference.quantile(ratio.repetitions - 1, ratio.confidence) / inference.quantile(ratio.repetitions - 1)
    log_limit = MOST_TARGETS * experiment.preset.target_half_width * wider
    limit = math.expm1(log_limit)
    half_width = math.log(ratio.high / ratio.low) / 2
    state: State = "passed"
    if not ratio.low <= 1 <= ratio.high:
        state = "failed"
    elif half_width > log_limit:
        state = "too noisy"
    return AACheck(state, abs(ratio.value - 1), math.expm1(half_width), limit)


def warnings(check: AACheck) -> list[RunWarning]:
    """What a reader has to know where the check did not pass."""
    if check.state == "failed":
        text = "A/A check failed: two identical cases differ by more than chance allows."
        return [make("unstable", text)]
    if check.state != "too noisy" or check.resolution is None or check.limit is None:
        return []
    return [
        make(
            "too_noisy",
            f"Too noisy: the A/A control cannot resolve differences below {100 * check.resolution:.0f}% (limit "
            f"{100 * check.limit:.0f}%).",
        )
    ]
