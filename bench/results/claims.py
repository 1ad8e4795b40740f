"""Claims: what the interval of an estimate allows to be said, which may be nothing.

A sentence is made from a claim, never from an estimate's middle. That no difference was found is no claim of equality:
a claim holds surely, or surely does not, or is open, and then the sentence says so with the interval.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from bench.results import estimates
from bench.results.estimates import Processes
from bench.results.schema import Estimate
from bench.stats.inference import CONFIDENCE

NEGLIGIBLE = 0.05  # of a step: what an input costs less than, surely, is called less than that


class Answer(Enum):
    """What is known of a statement."""

    YES = "yes"
    NO = "no"
    OPEN = "inconclusive"


def above(estimate: Estimate, bound: float) -> Answer:
    """Is the true value larger than the bound? Open where the interval holds the bound, or where there is none."""
    if estimate.low is None or estimate.high is None:
        return Answer.OPEN
    if estimate.low > bound:
        return Answer.YES
    return Answer.NO if estimate.high < bound else Answer.OPEN


class Cost(Enum):
    """What is known of a share of a step that may be lost."""

    SOME = "surely costs something"
    LITTLE = "surely costs less than NEGLIGIBLE"
    OPEN = "inconclusive"


def cost(share: Estimate) -> Cost:
    """Something where the interval lies above 0; little where it lies below NEGLIGIBLE; else it is open."""
    if above(share, 0.0) is Answer.YES:
        return Cost.SOME
    return Cost.LITTLE if above(share, NEGLIGIBLE) is Answer.NO else Cost.OPEN


@dataclass(frozen=True)
class Leaders:
    """The case that seems fastest, and those of which it is open whether they are: their time over its time.

    The others are surely slower than `first`. All pairs of them are one family: of everything that is said of several
    ways together, one in twenty is wrong at most (Bonferroni), however many are equally fast. `confidence` is that of
    the single intervals.
    """

    first: str
    rivals: Mapping[str, Estimate]
    slower: tuple[str, ...]
    confidence: float


def leaders(cases: Mapping[str, Processes], reference: Processes) -> Leaders | None:
    """The fastest of some cases, by paired ratios to a reference that took turns with all of them; None of none."""
    ratios = {name: estimates.paired_ratio(of_case, reference).value for name, of_case in cases.items()}
    known = {name: value for name, value in ratios.items() if value is not None}
    if not known:
        return None
    first = min(known, key=known.__getitem__)
    confidence = 1 - (1 - CONFIDENCE) / max(1, math.comb(len(known), 2))
    others = {
        name: estimates.ratio_of(cases[name], cases[first], reference, confidence)
        for name in sorted(known, key=known.__getitem__)
    }
    rivals = {name: ratio for name, ratio in others.items() if name != first and above(ratio, 1.0) is not Answer.YES}
    slower = tuple(name for name in others if name != first and name not in rivals)
    return Leaders(first, rivals, slower, confidence)
