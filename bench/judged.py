"""A run with a verdict: measured against a stored result, or side by side with another interpreter."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import run as runner
from bench.comparing import many, noise, runs
from bench.comparing.compare import Rules, compare
from bench.comparing.records import Comparison
from bench.comparing.runs import Run
from bench.errors import ExitCode, UsageError, worst
from bench.folders import BASE_RESULT, RESULT
from bench.options import Options
from bench.run import Outcome
from bench.view import View


@dataclass(frozen=True)
class Wanted:
    """What verdict is asked for."""

    baseline: Path | None = None
    history: Path | None = None
    rules: Rules = field(default_factory=Rules)
    strict: bool = False


def run(options: Options, wanted: Wanted, view: View) -> tuple[Outcome, Comparison | None, ExitCode]:
    """Measure, compare where that is asked for, and say how both together end.

    Raises what `bench.run.run` raises; ResultFileError and NotComparable for the baseline, before anything is measured.
    """
    if wanted.baseline and options.against:
        raise UsageError("--baseline and --against ask for two verdicts: name one of them.")
    if wanted.history and not wanted.baseline:
        raise UsageError("--history says what separate runs vary by: it goes with --baseline.")
    if not (wanted.baseline or options.against) and wanted != Wanted():
        raise UsageError("--strict and --threshold are about a verdict: they go with --baseline or --against.")
    noise.check_history(wanted.history)
    baseline = runs.load(wanted.baseline) if wanted.baseline else None
    outcome = runner.run(replace(options, baseline=baseline), view)
    base, new = _both(outcome, baseline)
    if base is None or outcome.exit_code == ExitCode.INTERRUPTED:
        return outcome, None, outcome.exit_code
    comparison = compare(base, new, noise.load_history(wanted.history, [base, new]), wanted.rules)
    verdict = many.exit_code([comparison], wanted.strict)
    if not comparison.judged:  # a baseline asks for a verdict
        verdict = ExitCode.NOT_COMPARABLE
    return outcome, comparison, worst([outcome.exit_code, verdict])


def _both(outcome: Outcome, baseline: Run | None) -> tuple[Run | None, Run]:
    """What to compare with what was measured; of a baseline those cases that were asked for."""
    new = runs.of_document(outcome.folder / RESULT, outcome.document)
    if outcome.base:
        base = runs.of_document(outcome.folder / BASE_RESULT, outcome.base)
    elif baseline:
        asked = {*new.cases, *new.failed}
        cases = {name: case for name, case in baseline.cases.items() if name in asked}
        failed = {name: reason for name, reason in baseline.failed.items() if name in asked}
        base = replace(baseline, cases=cases, failed=failed)
    else:
        return None, new
    base, new = runs.with_labels_of_their_own([base, new])
    return base, new
