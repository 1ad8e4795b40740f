"""A run with a verdict: against a stored result, against its machine's baselines, or side by side with another."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.compare import noise, policy, stored_run, verdict_tables
from bench.compare.compare import Rules, compare
from bench.compare.policy import FailOn
from bench.compare.records import Comparison
from bench.compare.stored_run import Run
from bench.errors import ExitCode, NotComparable, UsageError, worst
from bench.output.progress import View
from bench.recording.folders import BASE_RESULT, RESULT
from bench.run import baselines
from bench.run import execute as runner
from bench.run.execute import Outcome
from bench.run.options import Options

_MOST_BASELINES = 20  # what a machine did long ago says little of what it varies by now


@dataclass(frozen=True)
class Wanted:
    """What verdict is asked for: of `baseline`, a result, or of those in the folder `baselines` that fit the run."""

    baseline: Path | None = None
    baselines: Path | None = None
    history: Path | None = None
    rules: Rules = field(default_factory=Rules)
    fail_on: FailOn = policy.USUAL


@dataclass(frozen=True)
class Judged:
    """How a run ended, what it was compared with, and the exit code of both together.

    `trend` is against the oldest of several baselines, for the reader; `why_none` says why there is no comparison.
    """

    outcome: Outcome
    exit_code: ExitCode
    comparison: Comparison | None = None
    trend: Comparison | None = None
    why_none: str | None = None
    ended: tuple[str, ...] = ()  # in a sentence: what was judged, what was not and why, and the exit code


def run(options: Options, wanted: Wanted, view: View) -> Judged:
    """Measure, compare where that is asked for, and say how both together end.

    Raises what `bench.run.run` raises; ResultFileError and NotComparable for a baseline, before anything is measured.
    """
    _refuse_contradictions(options, wanted)
    baseline = stored_run.load(wanted.baseline) if wanted.baseline else None
    stored = baselines.load(wanted.baselines) if wanted.baselines else []
    if wanted.baselines:
        view.say(f"Baselines: {len(stored) or 'none yet'} in {wanted.baselines}; what fits shows after measuring")
    outcome = runner.run(replace(options, baseline=baseline), view)
    new = stored_run.of_document(outcome.folder / RESULT, outcome.document)
    if outcome.exit_code == ExitCode.INTERRUPTED:
        return Judged(outcome, outcome.exit_code)
    if outcome.base:
        return _judge(outcome, [stored_run.of_document(outcome.folder / BASE_RESULT, outcome.base)], new, wanted)
    if baseline:
        return _judge(outcome, [baseline], new, wanted)
    if wanted.baselines:
        found = baselines.fitting(stored, new)
        if found.results:
            return _judge(outcome, found.results, new, wanted)
        code = worst([outcome.exit_code, policy.exit_code_without_baseline(wanted.fail_on)])
        ended = policy.without_baseline(found.why_none or "none was found", wanted.fail_on, code)
        return Judged(outcome, code, why_none=found.why_none, ended=(ended,))
    return Judged(outcome, outcome.exit_code)


def _refuse_contradictions(options: Options, wanted: Wanted) -> None:
    asked = wanted.baseline or wanted.baselines
    if asked and options.against:
        raise UsageError("--baseline and --against ask for two verdicts: name one of them.")
    if wanted.history and not asked:
        raise UsageError("--history says what separate runs vary by: it goes with --baseline.")
    if not (asked or options.against) and wanted != Wanted():
        raise UsageError(
            "--fail-on, --strict and --threshold are about a verdict: they go with --baseline or --against."
        )
    noise.check_history(wanted.history)


def _judge(outcome: Outcome, bases: Sequence[Run], new: Run, wanted: Wanted) -> Judged:
    """Against the newest of the bases, which decides, and the oldest; the others say what runs vary by."""
    *earlier, newest = (_asked_for(base, new, outcome) for base in bases)
    comparison = _compare(newest, new, _history(earlier, newest, new, wanted), wanted.rules)
    fail_on = wanted.fail_on if comparison.judged else policy.STRICT  # a baseline asks for a verdict
    code = worst([outcome.exit_code, policy.exit_code([comparison], fail_on)])
    return Judged(
        outcome,
        code,
        comparison,
        ended=tuple(policy.sentences(verdict_tables.with_short_names([comparison]), fail_on, code)),
        trend=_trend([*earlier, newest], new, wanted) if earlier else None,
    )


def _trend(bases: Sequence[Run], new: Run, wanted: Wanted) -> Comparison | None:
    """Against the oldest; None where a case of that name is another one by now."""
    oldest, *later = bases
    try:
        return _compare(oldest, new, _history(later, oldest, new, wanted), wanted.rules)
    except NotComparable:
        return None


def _history(others: Sequence[Run], base: Run, new: Run, wanted: Wanted) -> Sequence[Run]:
    return noise.load_history(wanted.history, [base, new]) if wanted.history else others[-_MOST_BASELINES:]


def _compare(base: Run, new: Run, history: Sequence[Run], rules: Rules) -> Comparison:
    base, new = stored_run.with_labels_of_their_own([base, new])
    return compare(base, new, history, rules)


def _asked_for(base: Run, new: Run, outcome: Outcome) -> Run:
    """Of a stored result those cases that were asked for."""
    if outcome.base:
        return base
    asked = {*new.cases, *new.failed}
    return replace(
        base,
        cases={name: case for name, case in base.cases.items() if name in asked},
        failed={name: reason for name, reason in base.failed.items() if name in asked},
    )
