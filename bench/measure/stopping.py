"""When is enough measured? Looked at after fixed numbers of cohorts; ends on width or time, never on a verdict."""

from collections.abc import Sequence
from statistics import median

from bench.plan.preset import Preset
from bench.results.schema import StopReason
from bench.stats import inference

Cohorts = Sequence[Sequence[float]]
"""Within-round log ratios of one case, a sequence for each cohort."""


def is_narrow(cohorts: Cohorts, preset: Preset) -> bool:
    """Whether the interval of this case is as narrow as the preset wants it."""
    width = inference.half_width_to_stop_on([median(blocks) for blocks in cohorts if blocks])
    return width is not None and width <= preset.target_half_width


def next_look(preset: Preset, cohort: int) -> int:
    """The number of the last cohort that is measured for sure, if the one of this number is."""
    return next(look for look in preset.looks if look >= cohort)


def reason_to_stop(
    preset: Preset, cohorts: int, all_narrow: bool, elapsed: float, cohort_seconds: float
) -> StopReason | None:
    """Why to end after this many cohorts, None to go on. `cohort_seconds` is what another one is expected to take."""
    if len(preset.looks) == 1 and cohorts >= preset.looks[0]:
        return "fixed"
    if cohorts in preset.looks and all_narrow:
        return "width"
    if cohorts >= preset.looks[-1]:
        return "cohorts"
    if cohorts >= preset.looks[0] and elapsed + cohort_seconds > preset.seconds:
        return "time"
    return None


def blocks_for_next(
    cases: Sequence[Cohorts], preset: Preset, round_seconds: float, cohort_seconds: float, patience: float = 1.0
) -> int:
    """Blocks that each case should have in the next cohort, by the variances of all cases so far.

    `round_seconds` is what a round takes, `cohort_seconds` a cohort without its rounds. Before the first look, as many
    as take the preset's seconds, times `patience`.
    """
    least, most = preset.least_rounds, preset.most_rounds
    found = [variances for cohorts in cases if (variances := inference.variances(cohorts)) is not None]
    if not found or max(len(cohorts) for cohorts in cases) < preset.looks[0]:
        return min(most, max(least, round(patience * preset.first_rounds_seconds / round_seconds)))
    best = [inference.blocks_per_cohort(variances, round_seconds, cohort_seconds, least, most) for variances in found]
    return round(median(best))
