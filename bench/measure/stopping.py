"""When is enough measured? Looked at after fixed numbers of repetitions; ends on width or time, never on a verdict."""

from collections.abc import Sequence
from statistics import median

from bench.plan.preset import Preset
from bench.results.schema import StopReason
from bench.stats import inference

Repetitions = Sequence[Sequence[float]]
"""Within-round log ratios of one case, a sequence for each repetition."""


def is_narrow(repetitions: Repetitions, preset: Preset) -> bool:
    """Whether the interval of this case is as narrow as the preset wants it."""
    width = inference.half_width_to_stop_on([median(samples) for samples in repetitions if samples])
    return width is not None and width <= preset.target_half_width


def next_look(preset: Preset, repetition: int) -> int:
    """The number of the last repetition that is measured for sure, if the one of this number is."""
    return next(look for look in preset.looks if look >= repetition)


def reason_to_stop(
    preset: Preset, repetitions: int, all_narrow: bool, elapsed: float, repetition_seconds: float
) -> StopReason | None:
    """Why to end after so many repetitions, None to go on. `repetition_seconds` is what another is expected to take."""
    if len(preset.looks) == 1 and repetitions >= preset.looks[0]:
        return "fixed"
    if repetitions in preset.looks and all_narrow:
        return "width"
    if repetitions >= preset.looks[-1]:
        return "repetitions"
    if repetitions >= preset.looks[0] and elapsed + repetition_seconds > preset.seconds:
        return "time"
    return None


def samples_for_next(
    cases: Sequence[Repetitions], preset: Preset, round_seconds: float, repetition_seconds: float, patience: float = 1.0
) -> int:
    """Samples that each case should have in the next repetition, by the variances of all cases so far.

    `round_seconds` is what a round takes, `repetition_seconds` a repetition without its rounds. Before the first look,
    as many as take the preset's seconds, times `patience`.
    """
    least, most = preset.least_rounds, preset.most_rounds
    found = [variances for repetitions in cases if (variances := inference.variances(repetitions)) is not None]
    if not found or max(len(repetitions) for repetitions in cases) < preset.looks[0]:
        return min(most, max(least, round(patience * preset.first_rounds_seconds / round_seconds)))
    best = [
        inference.samples_per_repetition(variances, round_seconds, repetition_seconds, least, most)
        for variances in found
    ]
    return round(median(best))
