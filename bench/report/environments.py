"""What other variables of the environment change: each case under them against itself under the usual ones."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from bench.output import cells
from bench.output.figures import multiple, printable, with_interval
from bench.output.grid import Grid
from bench.plan import environments
from bench.plan.case import under
from bench.results import claims, estimates
from bench.results.claims import Answer
from bench.results.schema import Benchmark, Document, Estimate
from bench.stats import inference
from bench.stats.inference import CONFIDENCE

_CAPTION = (
    "steps/s vs usual: over those of the same case under the usual variables, paired. first call vs usual: its time "
    "over that one's, over repetitions; above 1 is slower."
)
# In a sentence; the table has them all.
_MOST_CASES = 4
_LONGEST = 200


@dataclass(frozen=True)
class Change:
    """A case under other variables, and what they make of its speed and of the time of its first call."""

    benchmark: Benchmark
    speed: Estimate
    first_call: Estimate


def usual(document: Document) -> Document:
    """The same with nothing but the cases under the usual variables: what is said of an experiment is of those."""
    some = tuple(one for one in document.benchmarks if one.extra_info.case.environment == environments.USUAL)
    return msgspec.structs.replace(document, benchmarks=some)


def changes(document: Document) -> list[Change]:
    """Of a document of one experiment, every case under other variables; those without a counterpart are left out."""
    measured = {one.extra_info.case: one for one in document.benchmarks}
    pairs = [
        (one, other)
        for one in cells.without_control(document)
        if one.extra_info.case.environment != environments.USUAL
        if (other := measured.get(under(one.extra_info.case, environments.USUAL)))
    ]
    # One family: of all that is said of these cases together, one in twenty is wrong at most (Bonferroni).
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(pairs))
    return [_change(document, one, other, confidence) for one, other in pairs]


def _change(document: Document, benchmark: Benchmark, other: Benchmark, confidence: float) -> Change:
    own, others = estimates.processes_of(benchmark), estimates.processes_of(other)
    reference = next((one for one in document.benchmarks if one.name == document.experiment.reference), other)
    first = {one.repetition: estimates.first_call_seconds(one) for one in others}
    logs = [
        math.log(estimates.first_call_seconds(one) / first[one.repetition]) for one in own if one.repetition in first
    ]
    return Change(
        benchmark,
        estimates.ratio_of(others, own, estimates.processes_of(reference), confidence),
        estimates.ratio(inference.mean(logs), confidence) if logs else estimates.missing("no common repetitions"),
    )


def findings(document: Document) -> Iterator[str]:
    """A sentence for each environment; nothing where there is only the usual one."""
    by_environment: dict[str, list[Change]] = {}
    found = changes(document)
    for change in found:
        by_environment.setdefault(change.benchmark.extra_info.case.environment, []).append(change)
    for environment, some in by_environment.items():
        parts = [f"{_name(one)} {_with_remark(one.speed)}" for one in some[:_MOST_CASES]]
        more = f", and {len(some) - _MOST_CASES} more in the table" if len(some) > _MOST_CASES else ""
        family = _family(found)
        yield f"With {printable(environment, _LONGEST)}: {', '.join(parts)}{more}, of the steps/s without it{family}."


def _family(found: Sequence[Change]) -> str:
    """Of which percentage the intervals are, where several cases are compared together."""
    confidence = found[0].speed.confidence
    if len(found) < 2 or confidence is None:
        return ""
    return f" ({100 * confidence:.4g}% intervals, since {len(found)} were compared)"


def _name(change: Change) -> str:
    return under(change.benchmark.extra_info.case, environments.USUAL).name


def _with_remark(ratio: Estimate) -> str:
    if ratio.value is None:
        return f"not known ({ratio.reason})"
    remark = {Answer.YES: "", Answer.NO: " (slower)", Answer.OPEN: " (inconclusive)"}[claims.above(ratio, 1.0)]
    return f"{with_interval(ratio, multiple)}{remark}"


def tables(document: Document) -> list[Grid]:
    """A row for each case under other variables, of a document of one experiment; none where there is no such case."""
    found = changes(document)
    if not found:
        return []
    rows = tuple(
        (one.benchmark.name, cells.rate(one.benchmark), cells.ratio(one.speed), cells.ratio(one.first_call))
        for one in found
    )
    confidence = found[0].speed.confidence or CONFIDENCE
    headings = ("case", "steps/s", f"steps/s vs usual [{100 * confidence:.4g}% CI]", "first call vs usual")
    return [Grid("Environments", headings, rows, _CAPTION)]
