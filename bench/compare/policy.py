"""What makes a comparison fail, by the user's choice, and the sentence that says what it came to."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from bench.compare.records import REGRESSIONS, Comparison
from bench.errors import ExitCode, UsageError, worst


class Outcome(StrEnum):
    """What a comparison may come to that can be made a failure."""

    REGRESSION = "regression"
    MISSING = "missing"  # a case that the base has and the new result has not
    NO_BASELINE = "no-baseline"  # nothing to be judged by: no baseline fits, or the hardware is other
    NOISY = "noisy"  # an A/A check that failed, was too noisy, or was not made
    INCONCLUSIVE = "inconclusive"


FailOn = Collection[Outcome]

USUAL: FailOn = (Outcome.REGRESSION, Outcome.MISSING)
STRICT: FailOn = (*USUAL, Outcome.NO_BASELINE, Outcome.INCONCLUSIVE)

_CODES = {
    Outcome.REGRESSION: ExitCode.REGRESSION,
    Outcome.MISSING: ExitCode.FAILED,
    Outcome.NO_BASELINE: ExitCode.NOT_COMPARABLE,
    Outcome.NOISY: ExitCode.INCONCLUSIVE,
    Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}
_MOST_NAMES = 5


def parse(text: str | None, strict: bool = False) -> FailOn:
    """What is named, with commas between; the usual outcomes where nothing is. Raises UsageError for another word."""
    if text is None:
        return STRICT if strict else USUAL
    if strict:
        raise UsageError("--strict is --fail-on regression,missing,no-baseline,inconclusive: name one of the two.")
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = [outcome.value for outcome in Outcome]
    if not words or any(word not in known for word in words):
        raise UsageError(f"--fail-on {text}: it is one or more of {', '.join(known)}, with commas between them.")
    return tuple(dict.fromkeys(Outcome(word) for word in words))


def outcomes(comparison: Comparison) -> dict[Outcome, tuple[str, ...]]:
    """Those that the comparison came to, with what each is about."""
    if not comparison.judged:
        return {Outcome.NO_BASELINE: (comparison.base.label,)}
    found = {
        Outcome.REGRESSION: comparison.regressions,
        Outcome.MISSING: tuple(case.name for case in comparison.cases if case.state == "missing"),
        Outcome.NOISY: comparison.noisy,
        Outcome.INCONCLUSIVE: comparison.inconclusive,
    }
    return {outcome: names for outcome, names in found.items() if names}


def exit_code(comparisons: Sequence[Comparison], fail_on: FailOn) -> ExitCode:
    """The first in the order of bench/errors.py that any comparison gives reason for; a failed case always does."""
    codes = [_CODES[outcome] for one in comparisons for outcome in outcomes(one) if outcome in fail_on]
    failed = any(comparison.failed for comparison in comparisons if comparison.judged)
    return worst([*codes, *([ExitCode.FAILED] if failed else [])])


def exit_code_without_baseline(fail_on: FailOn) -> ExitCode:
    """Where there was nothing to compare with."""
    return _CODES[Outcome.NO_BASELINE] if Outcome.NO_BASELINE in fail_on else ExitCode.OK


def sentences(comparisons: Sequence[Comparison], fail_on: FailOn, code: ExitCode) -> Iterator[str]:
    """What was judged, what was not and why, for each comparison; in the last one with which exit code that ends."""
    for comparison in comparisons:
        last = comparison is comparisons[-1]
        ended = f" Exit code {int(code)}{_because(comparisons, fail_on, code)}." if last else ""
        yield f"{_judged(comparison)}{_not_judged(comparison)}.{ended}"


def without_baseline(why: str, fail_on: FailOn, code: ExitCode) -> str:
    """The same where there was nothing to compare with."""
    fails = "" if Outcome.NO_BASELINE in fail_on else f" (--fail-on {Outcome.NO_BASELINE} makes it a failure)"
    return f"Judged: nothing, since no baseline matches: {why}. Exit code {int(code)}{fails}."


def _judged(comparison: Comparison) -> str:
    if not comparison.judged:
        return f"Judged: nothing, since {comparison.base.label} was measured on other hardware"
    counts = Counter(case.verdict for case in comparison.cases if case.verdict)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) or "none"
    whole = sum(counts.values())
    worse = {
        "SLOWER in first calls": [case.first_call for case in comparison.cases],
        "LARGER in memory": [case.memory for case in comparison.cases],
    }
    counted = {
        what: sum(one is not None and one.verdict in REGRESSIONS for one in some) for what, some in worse.items()
    }
    others = "".join(f", {count} {what}" for what, count in counted.items() if count)
    return f"Judged: {whole} of {len(comparison.cases)} cases against {comparison.base.label}, {told} in speed{others}"


def _not_judged(comparison: Comparison) -> str:
    states: dict[str, list[str]] = {}
    for case in comparison.cases:
        if case.state != "compared":
            states.setdefault(case.state.replace("_", " "), []).append(case.name)
    parts = [f"{state}: {_names(names)}" for state, names in states.items()]
    parts += [f"noisy: {_names(comparison.noisy)}"] if comparison.judged and comparison.noisy else []
    return f"; {'; '.join(parts)}" if parts else ""


def _because(comparisons: Sequence[Comparison], fail_on: FailOn, code: ExitCode) -> str:
    """Which outcomes it is for; where it is 0, those that would have been another if they had been named."""
    there = list(dict.fromkeys(outcome for one in comparisons for outcome in outcomes(one)))
    if code != ExitCode.OK:
        reasons = [outcome.value for outcome in there if outcome in fail_on and _CODES[outcome] == code]
        failed = any(one.failed for one in comparisons if one.judged) and code == ExitCode.FAILED
        return f": {', '.join([*reasons, *(['failed'] if failed else [])]) or 'the run itself did not go well'}"
    passed = [outcome.value for outcome in there if outcome not in fail_on]
    return f", though {', '.join(passed)} (--fail-on makes it a failure)" if passed else ""


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"
